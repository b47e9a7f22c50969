package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"midstream/flow"
	"midstream/internal/flowview"
	"midstream/internal/format"
	"midstream/internal/message"
	"midstream/internal/store"
	"midstream/internal/ws"
)

// maxMessage bounds a message of a WebSocket that is taken out of a session, in
// octets: what is longer is cut, and told.
const maxMessage = 64 << 20

// session is a source that is a session on disk.
type session struct {
	ctx         context.Context
	r           *store.Reader
	next        func() (store.Summary, error, bool)
	stop        func()
	done, total int64
	open        []io.Closer // what the present Item refers to
}

func openSession(ctx context.Context, dir string) (Source, error) {
	r, err := store.OpenReader(dir)
	if err != nil {
		return nil, err
	}
	last, err := r.Last(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		r.Close()
		return nil, err
	}
	s := FromReader(ctx, r, r.List(ctx, store.ListOptions{})).(*session)
	s.total = int64(last)
	s.open = append(s.open, r)
	return s, nil
}

// ReaderOf is the session that src reads, nil where it is a file.
func ReaderOf(src Source) *store.Reader {
	if s, ok := src.(*session); ok {
		return s.r
	}
	return nil
}

// FromReader gives the listed flows of a session that is open. Close does not
// close r.
func FromReader(ctx context.Context, r *store.Reader, list iter.Seq2[store.Summary, error]) Source {
	s := &session{ctx: ctx, r: r}
	s.next, s.stop = iter.Pull2(list)
	return s
}

func (s *session) Next() (*format.Item, error) {
	s.release()
	sum, err, ok := s.next()
	if !ok {
		return nil, io.EOF
	}
	if err != nil {
		return nil, err
	}
	s.done++
	it, err := s.item(sum.Number)
	if err != nil {
		if s.ctx.Err() != nil {
			return nil, err
		}
		return it, &Damaged{fmt.Errorf("flow %d: %w", sum.Number, err)}
	}
	return it, nil
}

func (s *session) item(number uint64) (*format.Item, error) {
	f, err := s.r.Get(s.ctx, number)
	if err != nil {
		return nil, err
	}
	it := &format.Item{Flow: f}
	switch kind, _ := flowview.KindOf(f, flow.ToClient); {
	case f.Kind == flow.TCP || f.Kind == flow.UDP:
		it.Messages = s.pieces(f)
	case kind == message.WebSocket && f.ResponseBody.Disposition != flow.NoBody: // which is a handshake alone
		it.Messages = s.messages(f)
		it.Closing = s.closing(f)
	}
	for side := range it.Bodies {
		if it.Bodies[side], err = s.body(it, flow.Side(side)); err != nil {
			return it, err
		}
	}
	return it, nil
}

// body opens what is recorded of a side; nil where it is missing.
func (s *session) body(it *format.Item, side flow.Side) (format.Body, error) {
	b := &it.Flow.RequestBody
	if side == flow.ToClient {
		b = &it.Flow.ResponseBody
	}
	if b.Record == flow.Unrecorded {
		if b.Sent == 0 && b.CutReason == "" {
			return format.Octets(nil), nil
		}
		return nil, nil
	}
	body, err := s.r.Body(s.ctx, it.Flow.Number, side)
	if err != nil {
		return nil, err
	}
	s.open = append(s.open, body)
	if first := body.First(); first > 0 {
		it.Lost = append(it.Lost, fmt.Sprintf("the %s body, of which the first %d bytes were removed", side, first))
		return nil, nil
	}
	if body.Size() < b.Sent {
		it.Lost = append(it.Lost, fmt.Sprintf("the %s body behind its first %d of %d bytes, which was not recorded", side, body.Size(), b.Sent))
	}
	return body, nil
}

// messages are those of a WebSocket, without its control frames.
func (s *session) messages(f *flow.Flow) iter.Seq2[format.Message, error] {
	return func(yield func(format.Message, error) bool) {
		q := flowview.MessageQuery{Number: f.Number, Side: flow.ToClient, Limit: maxMessage}
		for m, err := range flowview.Messages(s.ctx, s.r, q) {
			if err != nil {
				if _, partial := errors.AsType[*flowview.PartialError](err); !partial {
					yield(format.Message{}, err)
				}
				return
			}
			w := m.WebSocket
			if m.Lost || w.Opcode != ws.Text && w.Opcode != ws.Binary {
				continue
			}
			if !yield(format.Message{FromClient: w.From == flow.AtClient, Text: w.Opcode == ws.Text, Content: format.Octets(m.Raw), Time: m.Time}, nil) {
				return
			}
		}
	}
}

// closing is how a WebSocket ended: by the close frame that came first, or by a
// connection that was cut.
func (s *session) closing(f *flow.Flow) *format.Closing {
	c := &format.Closing{Time: f.End}
	for m, err := range flowview.Messages(s.ctx, s.r, flowview.MessageQuery{Number: f.Number, Side: flow.ToClient}) {
		if err != nil || m.Lost || m.WebSocket.Opcode != ws.Close {
			continue
		}
		c.Known, c.ByClient = true, m.WebSocket.From == flow.AtClient
		c.Code, c.Reason = ws.ParseClose(m.Raw)
		return c
	}
	if !f.Live() {
		c.Code = ws.Abnormal
		c.Known, c.ByClient = true, f.Outcome.Kind == flow.ClientLeft
	}
	return c
}

// pieces are those of both directions of a tunnel in the order of their times.
func (s *session) pieces(f *flow.Flow) iter.Seq2[format.Message, error] {
	return func(yield func(format.Message, error) bool) {
		var sides [2]direction
		for side := range sides {
			d := &sides[side]
			body, err := s.r.Body(s.ctx, f.Number, flow.Side(side))
			if err == nil {
				defer body.Close()
				var table *store.Body
				if table, err = s.r.Body(s.ctx, f.Number, flow.Side(side)); err == nil {
					defer table.Close()
					d.body = body
					var stop func()
					d.next, stop = iter.Pull2(table.Pieces())
					defer stop()
					err = d.advance()
				}
			}
			if err != nil {
				yield(format.Message{}, err)
				return
			}
		}
		for !sides[0].over || !sides[1].over {
			side := flow.ToServer
			if c, r := &sides[0], &sides[1]; c.over || !r.over && r.piece.Time.Before(c.piece.Time) {
				side = flow.ToClient
			}
			d := &sides[side]
			p := make([]byte, d.piece.Len)
			if _, err := d.body.ReadAt(p, d.piece.Offset); err != nil && err != io.EOF {
				yield(format.Message{}, err)
				return
			}
			if !yield(format.Message{FromClient: side == flow.ToServer, Content: format.Octets(p), Time: d.piece.Time}, nil) {
				return
			}
			if err := d.advance(); err != nil {
				yield(format.Message{}, err)
				return
			}
		}
	}
}

// direction is one side of a tunnel, at one of its pieces.
type direction struct {
	body  *store.Body
	next  func() (store.Piece, error, bool)
	piece store.Piece
	over  bool
}

func (d *direction) advance() error {
	p, err, ok := d.next()
	d.piece, d.over = p, !ok
	return err
}

func (s *session) Progress() (done, of int64) { return s.done, s.total }

// release closes the bodies of the present Item; what openSession opened stays.
func (s *session) release() {
	keep := 0
	for _, c := range s.open {
		if _, ok := c.(*store.Reader); ok {
			s.open[keep] = c
			keep++
			continue
		}
		c.Close()
	}
	s.open = s.open[:keep]
}

func (s *session) Close() error {
	s.stop()
	s.release()
	var errs []error
	for _, c := range s.open {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
