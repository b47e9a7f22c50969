package flowview

import (
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/query"
	"midstream/internal/store"
)

// MessageQuery says which messages of a recorded body are wanted.
type MessageQuery struct {
	Number uint64
	Side   flow.Side
	From   int64   // the first, counted from 0
	Count  int64   // how many; 0 for all
	Follow bool    // wait for more while the flow lives
	Limit  int     // octets of a message that are kept; 0 for 1 MiB. Of WebSocket only.
	Points *Points // what was learned of directions that cannot be read from anywhere; nil for nothing
}

// A Message is one message of a recorded body.
type Message struct {
	Index int64
	Kind  message.Kind
	// Offset and Length are where it is in the content of the body, its content
	// coding removed.
	Offset, Length int64
	// Time is when its last octet was about to be sent on; zero where that is not known.
	Time time.Time
	// Raw is its octets, of one above 1 MiB the first; valid until the next one is
	// asked for.
	Raw []byte
	// Unfinished tells that the body, or its record, ends inside it.
	Unfinished bool
	// Lost tells that it is none: what is not in the format, up to the end.
	Lost bool
	// Coding is what a compressed payload is coded with.
	Coding string
	// WebSocket is nil for other kinds. Offset counts the octets of its direction,
	// Length those of the message, inflated.
	WebSocket *WebSocket
	// From is who sent it, of a raw tunnel.
	From flow.Peer
}

// Cut tells that Raw is not the whole message.
func (m *Message) Cut() bool { return int64(len(m.Raw)) < m.Length }

// KindOf tells which messages the body of a side has, by its head.
func KindOf(f *flow.Flow, side flow.Side) (message.Kind, string) {
	if query.IsWebSocket(f) {
		return message.WebSocket, ""
	}
	if f.Kind == flow.TCP {
		return message.TCP, ""
	}
	m := messageOf(f, side)
	if m == nil {
		return message.None, ""
	}
	return message.Of(m.Fields.Joined("Content-Type"))
}

// Messages finds the messages in what is recorded of a body, of a WebSocket
// connection and a raw tunnel those of both directions unless q is for the client's. It begins
// where the record has noted that the first one is; what was not noted, as in old
// sessions, is found by reading from the last one noted on. It keeps one message at
// a time. An error is the last element; it is a *PartialError where the record is
// not whole.
func Messages(ctx context.Context, r *store.Reader, q MessageQuery) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		f, err := r.Get(ctx, q.Number)
		if err != nil {
			yield(nil, err)
			return
		}
		if err := q.run(ctx, r, f, func(m *Message) bool { return yield(m, nil) }); err != nil {
			yield(nil, err)
		}
	}
}

func (q *MessageQuery) run(ctx context.Context, r *store.Reader, f *flow.Flow, yield func(*Message) bool) error {
	m, b := messageOf(f, q.Side), bodyOf(f, q.Side)
	kind, boundary := KindOf(f, q.Side)
	if kind == message.None {
		what := "it has no Content-Type"
		if m != nil && m.Fields.Has("Content-Type") {
			what = "Content-Type " + m.Fields.Joined("Content-Type")
		}
		return fmt.Errorf("the %s body of flow %d has no messages: %s; without --messages its bytes are written", q.Side, q.Number, what)
	}
	switch kind {
	case message.WebSocket:
		return q.webSocket(ctx, r, f, yield)
	case message.TCP:
		return q.tunnel(ctx, r, f, yield)
	}
	p, err := q.openPlaces(ctx, r, f, kind)
	if err != nil {
		return whole(err, b)
	}
	defer p.Close()
	more, err := q.listMarked(p, kind, message.PayloadCoding(kind, m.Fields), yield)
	if !more {
		return nil
	}
	if err == nil && !p.ended() {
		more, err = q.listRest(p, kind, boundary, message.PayloadCoding(kind, m.Fields), yield)
		if !more {
			return nil
		}
	}
	if q.Follow {
		if now, gerr := r.Get(ctx, q.Number); gerr == nil {
			b = bodyOf(now, q.Side)
		}
	}
	return whole(err, b)
}

func bodyOf(f *flow.Flow, side flow.Side) *flow.Body {
	if side == flow.ToServer {
		return &f.RequestBody
	}
	return &f.ResponseBody
}

// listing puts messages together from pieces.
type listing struct {
	q     *MessageQuery
	yield func(*Message) bool
	at    func() time.Time
	split *message.Splitter
	next  int64 // index of the next message
	m     Message
	raw   []byte // of a message in parts
	parts bool
}

// read runs to the end of r, and tells whether more was wanted there.
func (l *listing) read(r io.Reader) (more bool, err error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		l.split.Write(buf[:n])
		if err != nil {
			l.split.End()
		}
		for p, ok := l.split.Next(); ok; p, ok = l.split.Next() {
			if p.What != message.Gap && !l.take(p) {
				return false, nil
			}
		}
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return true, err
		}
	}
}

// take takes a piece, and tells whether more messages are wanted.
func (l *listing) take(p message.Piece) bool {
	lost := p.What == message.Lost
	if lost && l.m.Lost {
		return true // one note is enough; what follows is the same
	}
	if p.Part.Begins() {
		l.m.Offset, l.m.Length, l.m.Index = p.Offset, 0, l.next
		l.raw, l.parts = l.raw[:0], p.Part != message.Whole
		l.next++
	}
	l.m.Length += int64(len(p.Raw))
	l.m.Raw = p.Raw
	if l.parts {
		room := message.DefaultLimit - len(l.raw)
		l.raw = append(l.raw, p.Raw[:min(len(p.Raw), room)]...)
		l.m.Raw = l.raw
	}
	if !p.Part.Ends() || l.m.Index < l.q.From {
		return true
	}
	l.m.Time, l.m.Unfinished, l.m.Lost = l.at(), p.Unfinished, lost
	if !l.yield(&l.m) {
		return false
	}
	return l.q.Count == 0 || l.m.Index+1 < l.q.From+l.q.Count
}
