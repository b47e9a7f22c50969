package replay

import (
	"errors"
	"io"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/format"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// turn is something that one side said.
type turn struct {
	side flow.Side
	head []byte // before the content
	body io.ReaderAt
	from int64
	size int64
	time time.Time
}

// turns gives the two directions of a connection what each side said, in the order
// in which it was said: the next turn begins when who read the one before comes for
// more.
type turns struct {
	clock  *[2]atomic.Int64
	before func()

	mu    sync.Mutex
	moved *sync.Cond
	next  func() (turn, error, bool)
	stop  func()
	now   turn
	at    int64
	have  bool
	over  bool
	err   error
	reset bool
}

func newTurns(seq iter.Seq2[turn, error], clock *[2]atomic.Int64, before func()) *turns {
	t := &turns{clock: clock, before: before}
	t.moved = sync.NewCond(&t.mu)
	t.next, t.stop = iter.Pull2(seq)
	return t
}

// release lets go of what the turns come from. Nobody reads any more.
func (t *turns) release() { t.stop() }

// end is the end of a connection on which side is spoken.
func (t *turns) end(side flow.Side) body.Duplex { return &speaker{t, side} }

func (t *turns) read(side flow.Side, p []byte) (int, error) {
	if t.before != nil {
		t.before()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for {
		if t.reset {
			return 0, io.ErrClosedPipe
		}
		if t.have && t.now.side == side && t.at == t.total() {
			t.have = false
		}
		if !t.have && !t.over {
			t.advance()
			t.moved.Broadcast()
		}
		switch {
		case t.over && t.err != nil:
			return 0, unreadable(t.err)
		case t.over:
			return 0, io.EOF
		case t.now.side == side && t.at < t.total():
			return t.copy(p)
		case t.now.side != side:
			t.moved.Wait()
		}
	}
}

func (t *turns) total() int64 { return int64(len(t.now.head)) + t.now.size }

func (t *turns) advance() {
	now, err, ok := t.next()
	if err != nil || !ok {
		t.over, t.err = true, err
		return
	}
	t.now, t.at, t.have = now, 0, true
	if t.clock != nil {
		t.clock[now.side].Store(now.time.UnixNano())
	}
}

// copy gives some of the present turn.
func (t *turns) copy(p []byte) (int, error) {
	if head := t.now.head; t.at < int64(len(head)) {
		n := copy(p, head[t.at:])
		t.at += int64(n)
		return n, nil
	}
	off := t.at - int64(len(t.now.head))
	n, err := t.now.body.ReadAt(p[:min(int64(len(p)), t.now.size-off)], t.now.from+off)
	t.at += int64(n)
	if n > 0 {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return 0, unreadable(err)
}

func (t *turns) shut() {
	t.mu.Lock()
	t.reset = true
	t.mu.Unlock()
	t.moved.Broadcast()
}

// speaker is one end; what it is told is thrown away.
type speaker struct {
	*turns
	side flow.Side
}

func (s *speaker) Read(p []byte) (int, error)  { return s.read(s.side, p) }
func (s *speaker) Write(p []byte) (int, error) { return len(p), nil }
func (s *speaker) CloseWrite() error           { return nil }
func (s *speaker) Close() error                { s.shut(); return nil }
func (s *speaker) Reset() error                { s.shut(); return nil }

// said is what both sides of an upgraded connection or a tunnel said.
func said(it *format.Item) iter.Seq2[turn, error] {
	client, one := it.Bodies[flow.ToServer].(*store.Body)
	server, other := it.Bodies[flow.ToClient].(*store.Body)
	if one || other {
		return recorded(client, server)
	}
	return func(yield func(turn, error) bool) {
		last := it.Flow.Start
		if it.Messages != nil {
			for m, err := range it.Messages {
				if err != nil {
					yield(turn{}, err)
					return
				}
				if m.Dropped {
					continue // it was never sent
				}
				t := turn{side: sideOf(m.FromClient), body: m.Content, size: m.Content.Size(), time: m.Time}
				if it.Closing != nil {
					t.head = frame(m.FromClient, opcode(m.Text), t.size)
				}
				last = m.Time
				if !yield(t, nil) {
					return
				}
			}
		}
		if c := it.Closing; c != nil && c.Code != 0 && c.Code != ws.Abnormal {
			payload := format.Octets(ws.AppendClose(nil, c.Code, c.Reason))
			at := c.Time
			if at.Before(last) {
				at = last
			}
			yield(turn{side: sideOf(c.ByClient), head: frame(c.ByClient, ws.Close, payload.Size()), body: payload, size: payload.Size(), time: at}, nil)
		}
	}
}

func sideOf(fromClient bool) flow.Side {
	if fromClient {
		return flow.ToServer
	}
	return flow.ToClient
}

func opcode(text bool) ws.Opcode {
	if text {
		return ws.Text
	}
	return ws.Binary
}

// frame is the head of a frame; a client's is masked, with zeros.
func frame(fromClient bool, o ws.Opcode, length int64) []byte {
	return ws.AppendHeader(nil, ws.Header{Fin: true, Opcode: o, Masked: fromClient, Length: length})
}

// recorded gives the pieces of two directions in the order of their times; nil is a
// direction in which nothing was said.
func recorded(client, server *store.Body) iter.Seq2[turn, error] {
	return func(yield func(turn, error) bool) {
		type direction struct {
			body  *store.Body
			next  func() (store.Piece, error, bool)
			piece store.Piece
			there bool
		}
		var sides [2]direction
		var failed error
		advance := func(d *direction) {
			var err error
			if d.piece, err, d.there = d.next(); err != nil {
				failed = err
			}
		}
		for i, b := range []*store.Body{client, server} {
			if b == nil {
				continue
			}
			var stop func()
			sides[i].body = b
			sides[i].next, stop = iter.Pull2(b.Pieces())
			defer stop()
			advance(&sides[i])
		}
		for failed == nil && (sides[0].there || sides[1].there) {
			i := 0
			if !sides[0].there || sides[1].there && sides[1].piece.Time.Before(sides[0].piece.Time) {
				i = 1
			}
			d := &sides[i]
			if !yield(turn{side: flow.Side(i), body: d.body, from: d.piece.Offset, size: int64(d.piece.Len), time: d.piece.Time}, nil) {
				return
			}
			advance(d)
		}
		if failed != nil {
			yield(turn{}, failed)
		}
	}
}
