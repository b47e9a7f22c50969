package engine

import (
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// half is one direction of an exchange: what happens to its body.
type half struct {
	x              *exchange
	side           flow.Side
	received, sent atomic.Int64
	messages       atomic.Int64 // that were found in what was sent
	// hidden is nil where the record is what was sent.
	hidden atomic.Pointer[hidden]
	// body is guarded by exchange.mu; its Received and Sent are filled in when a
	// picture is taken.
	body flow.Body
	// listened tells that hooks hear the messages of the body, and may change its
	// length; the disposition stays what it is. Guarded by the hooks lock.
	listened bool

	// What follows belongs to the goroutine that moves the body.
	whole    bool  // however long it is, it does not turn into Pass
	guarded  bool  // a guard asks for the whole of it
	rewrites bool  // a stream function gets its pieces
	keep     bool  // pieces are recorded
	kept     int64 // bytes that the record was given
	turn     int64 // past this many bytes the body turns into Pass; -1 never
	next     int   // how large the next piece is expected to be
	// marks notes the messages, nil where there are none; it is made with the head.
	marks     *marker
	formatted bool
}

// errBodyTooLarge is the cause of a body above body_size_limit.
func (x *exchange) errTooLarge(h *half, limit int64, what string) *flow.Error {
	err := &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.TooLarge, Status: 502,
		Err: fmt.Errorf("the %s body is larger than %s (%s); raise it to let the body through", h.side, what, sizeText(limit))}
	if h.side == flow.ToServer {
		err.Peer, err.Status = flow.AtClient, 413
	}
	return err
}

// dispose notes the disposition of a body and prepares its half for it. The hooks
// lock is held, or no hook can run.
func (x *exchange) dispose(h *half, d flow.Disposition, reason string) {
	h.whole = x.message(h).Wish == hook.KeepAsIs
	x.mu.Lock()
	h.body.Disposition, h.body.Reason = d, reason
	x.mu.Unlock()
	x.prepare(h, d)
}

// change notes that a body turned into d at the offset of what has come.
func (x *exchange) change(h *half, d flow.Disposition, reason string) {
	x.mu.Lock()
	h.body.Disposition = d
	// A picture may hold the old list.
	h.body.Changes = append(slices.Clip(h.body.Changes), flow.Change{Offset: h.received.Load(), To: d, Reason: reason})
	x.mu.Unlock()
	x.prepare(h, d)
}

func (x *exchange) prepare(h *half, d flow.Disposition) {
	h.keep = d != flow.Pass || x.policy.StoreStreamedBodies
	h.turn = -1
	if size := x.policy.StreamLargeBodies; size != nil && d == flow.Tee && h.body.Declared < 0 && !h.whole {
		h.turn = *size
	}
}

// message returns how the body of h is wished to flow. A hook that looks at what was
// sent may be writing it: the hooks lock is held, or no hook can run.
func (x *exchange) message(h *half) *hook.Stream {
	if h.side == flow.ToServer {
		return &x.live.Request.Stream
	}
	return &x.live.Response.Stream
}

// Sending is called when pieces are about to be sent.
func (h *half) Sending() { h.x.order.begin(h.side) }

// Sent is called when they were, and Piece has seen them.
func (h *half) Sent() { h.x.order.end(h.side) }

// Piece is called with every piece after its receiver has taken it.
func (h *half) Piece(p []byte) {
	x := h.x
	h.next = len(p)
	n := h.sent.Add(int64(len(p)))
	if n > h.kept {
		// What a second try sends again is recorded already.
		fresh := p[max(0, h.kept-(n-int64(len(p)))):]
		switch d := h.hidden.Load(); {
		case d.begun():
			x.order.settle(h.side)
			d.write(fresh)
			d.noteUnseen(d.by)
		default:
			if h.keep {
				x.record.PieceAt(h.side, fresh, x.order.at(h.side))
			}
			h.marks.sent(fresh)
		}
		h.kept = n
	}
	if h.turn >= 0 && n > h.turn {
		size := h.turn
		x.change(h, flow.Pass, largerReason(size))
		if !x.policy.StoreStreamedBodies {
			x.record.Drop(h.side)
		}
	}
}

// Full tells whether the recorder would make the next piece wait.
func (h *half) Full() bool {
	p, ok := h.x.record.(Paced)
	return ok && h.keep && p.Full(h.side, h.next)
}

// AwaitRoom waits until the recorder takes pieces again.
func (h *half) AwaitRoom() {
	if p, ok := h.x.record.(Paced); ok {
		p.AwaitRoom(h.side, h.next)
	}
}

// ended notes that the body of h came to its end and that the end was sent on.
func (x *exchange) ended(h *half) {
	h.conclude(true)
	x.mu.Lock()
	h.body.Ended = true
	x.mu.Unlock()
}

// source counts what comes of a body and holds it to body_size_limit.
type source struct {
	body.Reader
	x     *exchange
	h     *half
	limit int64 // -1 for none
}

func (x *exchange) source(h *half, r body.Reader) *source {
	s := &source{Reader: r, x: x, h: h, limit: -1}
	if l := x.policy.BodySizeLimit; l != nil {
		s.limit = *l
	}
	return s
}

// Over implements body.Ender.
func (s *source) Over() bool { return body.Over(s.Reader) }

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil {
		if f, ok := s.Reader.(Finder); ok {
			for _, g := range f.Findings() {
				s.x.find(g.Code, g.Text)
			}
		}
	}
	if n > 0 {
		if total := s.h.received.Add(int64(n)); s.limit >= 0 && total > s.limit {
			return 0, s.x.errTooLarge(s.h, s.limit, "body_size_limit")
		}
	}
	if err != nil && err != io.EOF {
		peer := flow.AtServer
		if s.h.side == flow.ToServer {
			peer = flow.AtClient
		}
		return n, asError(err, peer, flow.InBody)
	}
	return n, err
}

// wrote notes that a hook gave a message that had no body one.
func (x *exchange) wrote(h *half, b *hook.Body) {
	if b.Changed() && x.disposition(h) == flow.NoBody {
		x.dispose(h, flow.Hold, "set by a hook")
	}
}

// overLimit tells that a body's known length is above body_size_limit.
func (x *exchange) overLimit(h *half) *flow.Error {
	if l := x.policy.BodySizeLimit; l != nil && h.body.Declared > *l {
		return x.errTooLarge(h, *l, "body_size_limit")
	}
	return nil
}
