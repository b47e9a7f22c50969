package flowview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"

	"midstream/flow"
	"midstream/internal/message"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// WebSocket is what only messages of WebSocket have. Control frames are
// messages here, too.
type WebSocket struct {
	From       flow.Peer
	Opcode     ws.Opcode
	Frames     int // how many it came in
	Compressed bool
	Err        error // why it could not be inflated, or is lost
}

// webSocket finds the messages of both directions in the order of their times,
// with q.Side ToServer only those of the client.
func (q *MessageQuery) webSocket(ctx context.Context, r *store.Reader, f *flow.Flow, yield func(*Message) bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	client, server, _ := ws.Agreed(f.Response.Fields.Joined("Sec-WebSocket-Extensions"))
	from, err := q.split(ctx, r, f)
	if err != nil {
		return err
	}
	all := []iter.Seq2[*Message, error]{q.direction(ctx, r, f, flow.ToServer, client, from[flow.ToServer])}
	if q.Side == flow.ToClient {
		all = append(all, q.direction(ctx, r, f, flow.ToClient, server, from[flow.ToClient]))
	}
	merged := byTime(all)
	if q.Follow && f.Live() {
		merged = asTheyCome(all, stop)
	}
	return q.page(merged, from[0]+from[1], yield)
}

// farControl is how many control frames may stand before the message that they
// may be inside of; behind more the direction is read from its start.
const farControl = 1 << 12

// refers tells that messages which are compressed need those before them.
func refers(d ws.Deflate) bool { return d.On && !d.NoContext }

// begin tells where to read a direction whose messages from an index on are
// wanted, and how many to pass over there. A control frame may be inside of the
// message that ends behind it, and that has to be read from its start.
func (q *MessageQuery) begin(ctx context.Context, r *store.Reader, side flow.Side, d ws.Deflate, index int64) (at, skip int64, err error) {
	if index == 0 || refers(d) {
		return 0, index, nil
	}
	marks, err := r.Marks(ctx, q.Number, side)
	if err != nil {
		return 0, 0, err
	}
	defer marks.Close()
	first := min(index, marks.Count()-1)
	m, err := marks.At(first)
	for next := first; err == nil; {
		if next == first || m.Offset < at {
			at = m.Offset
		}
		if next++; !ws.Opcode(m.Attr).Control() || next == marks.Count() {
			break
		}
		if next-first > farControl {
			return 0, index, nil
		}
		m, err = marks.At(next)
	}
	for ; err == nil && first > 0; first-- {
		if m, err = marks.At(first - 1); err == nil && m.Offset < at {
			break
		}
	}
	if err != nil {
		return 0, index, nil // the table is damaged: all is found by reading
	}
	return at, index - first, nil
}

// page yields of what is merged, whose first message is that of an index, those
// that are wanted.
func (q *MessageQuery) page(merged iter.Seq2[*Message, error], index int64, yield func(*Message) bool) (failed error) {
	for m, err := range merged {
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		m.Index = index
		index++
		if m.Index < q.From {
			continue
		}
		if !yield(m) || q.Count > 0 && index >= q.From+q.Count {
			return nil
		}
	}
	return failed
}

// direction is the messages of one direction; an error is the last element.
func (q *MessageQuery) direction(ctx context.Context, r *store.Reader, f *flow.Flow, side flow.Side, d ws.Deflate, index int64) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		more := true
		own := *q
		own.Side = side
		b := bodyOf(f, side)
		at, skip, err := own.begin(ctx, r, side, d, index)
		s := ws.NewSplitter(d, q.Limit)
		defer s.Close()
		if refers(d) {
			p := q.Points.before(f.ID, side, index)
			at, skip = p.offset, index-p.index
			s.Resume(p.window)
		}
		next := index - skip // of the message that is read next
		var src recorded
		var first int64
		if err == nil {
			src, first, err = own.open(ctx, r, f, at)
		}
		give := func(m *Message, err error) bool {
			if next++; refers(d) && err == nil && !m.Lost && !m.Unfinished && !s.Inside() {
				q.Points.pass(f.ID, side, next, at+s.Offset(), s.Window)
			}
			if skip > 0 && err == nil {
				skip--
				return true
			}
			if m != nil {
				if m.Offset += at; m.Lost {
					m.Length = max(0, b.Sent-m.Offset)
				}
			}
			return yield(m, err)
		}
		if err == nil && first > at {
			src.Close()
			err = &PartialError{fmt.Errorf("%w, and without them its messages cannot be told apart", goneError(at, first))}
		} else if err == nil {
			more, err = frames(src, side, s, b, give)
			src.Close()
			if now, gerr := r.Get(ctx, q.Number); q.Follow && gerr == nil {
				b = bodyOf(now, side)
			}
		}
		if err = whole(err, b); more && err != nil {
			yield(nil, err)
		}
	}
}

// frames yields the messages of src, and tells whether more are wanted.
func frames(src recorded, side flow.Side, s *ws.Splitter, b *flow.Body, yield func(*Message, error) bool) (more bool, err error) {
	from := flow.AtClient
	if side == flow.ToClient {
		from = flow.AtServer
	}
	buf := make([]byte, 32<<10)
	for err == nil {
		var n int
		n, err = src.Read(buf)
		s.Write(buf[:n])
		if err != nil {
			s.End()
		}
		for m, ok := s.Next(); ok; m, ok = s.Next() {
			if !yield(&Message{Kind: message.WebSocket, Offset: m.Offset, Length: m.Length, Time: src.at(), Raw: m.Payload, Unfinished: m.Unfinished,
				WebSocket: &WebSocket{from, m.Opcode, m.Frames, m.Compressed, m.Err}}, nil) {
				return false, nil
			}
		}
		if e := s.Err(); e != nil {
			return yield(&Message{Kind: message.WebSocket, Offset: e.Offset, Length: max(0, b.Sent-e.Offset), Time: src.at(), Lost: true,
				WebSocket: &WebSocket{From: from, Err: errors.New(e.Text)}}, nil), nil
		}
	}
	if err == io.EOF {
		err = nil
	}
	return true, err
}

// byTime merges what is in order in each.
func byTime(all []iter.Seq2[*Message, error]) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		type head struct {
			next func() (*Message, error, bool)
			m    *Message
			err  error
		}
		var heads []*head
		for _, seq := range all {
			h := &head{}
			var stop func()
			h.next, stop = iter.Pull2(seq)
			defer stop()
			var ok bool
			if h.m, h.err, ok = h.next(); ok {
				heads = append(heads, h)
			}
		}
		for len(heads) > 0 {
			first := 0
			for i, h := range heads {
				// An error is the last element: those of the others come first.
				if h.m != nil && (heads[first].m == nil || h.m.Time.Before(heads[first].m.Time)) {
					first = i
				}
			}
			h := heads[first]
			if !yield(h.m, h.err) {
				return
			}
			var ok bool
			if h.m, h.err, ok = h.next(); !ok {
				heads = append(heads[:first], heads[first+1:]...)
			}
		}
	}
}

// asTheyCome runs all at once; stop ends them.
func asTheyCome(all []iter.Seq2[*Message, error], stop func()) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		type element struct {
			m     *Message
			err   error
			taken chan bool
		}
		came, over := make(chan element), make(chan struct{})
		var running sync.WaitGroup
		for _, seq := range all {
			running.Go(func() {
				taken := make(chan bool)
				for m, err := range seq {
					select {
					case came <- element{m, err, taken}:
						// What m shows is valid until the next one is asked for.
						if !<-taken {
							return
						}
					case <-over:
						return
					}
				}
			})
		}
		ended := make(chan struct{})
		go func() { running.Wait(); close(ended) }()
		defer func() { close(over); stop(); <-ended }()
		for {
			select {
			case e := <-came:
				more := yield(e.m, e.err)
				e.taken <- more
				if !more {
					return
				}
			case <-ended:
				return
			}
		}
	}
}

// webSocket makes of a message what JSON has.
func (j *messageJSON) webSocket(m *Message) {
	w := m.WebSocket
	j.From, j.Compressed = w.From.String(), w.Compressed
	if w.Err != nil {
		j.Error = w.Err.Error()
	}
	if m.Lost {
		j.Cut = false
		return
	}
	j.Opcode = w.Opcode.String()
	if w.Frames > 1 {
		j.Frames = w.Frames
	}
	if w.Opcode == ws.Close && !m.Unfinished {
		j.Code, j.Reason = ws.ParseClose(m.Raw)
		return
	}
	if w.Opcode == ws.Binary {
		j.octets(m.Raw)
		return
	}
	if j.content(m.Raw); m.Cut() && w.Opcode == ws.Text && j.Text == nil {
		// It may be cut inside a character.
		s := strings.ToValidUTF8(string(m.Raw), "\ufffd")
		j.Text, j.Base64 = &s, nil
	}
}

// lead is what a line about a message of WebSocket begins with.
func (j *messageJSON) lead() string {
	if j.Code == 0 {
		return strings.TrimSpace(j.From + " " + j.Opcode)
	}
	code := fmt.Sprintf("%s close %d", j.From, j.Code)
	if j.Code == ws.NoStatus {
		code = j.From + " close without a code"
	}
	if j.Reason != "" {
		code += "  " + short(j.Reason)
	}
	return code
}
