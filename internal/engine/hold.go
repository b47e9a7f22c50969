package engine

import (
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/body"
)

// hold keeps one body until it has ended.
type hold struct {
	x     *exchange
	half  *half
	src   body.Reader
	spool *body.Spool
	// lengthFirst holds whatever happens: the body cannot be sent otherwise.
	lengthFirst bool
	guarded     bool  // a guard must see the whole
	size        int64 // past this many bytes the body turns into Pass; -1 never

	mu    sync.Mutex // guards spool against going on, and what follows
	gone  bool       // the body was let go while a read was under way
	heard time.Time  // when the last piece came
	left  chan arrival
}

// arrival is what a read brought.
type arrival struct {
	p   []byte
	err error
}

func (x *exchange) newHold(h *half, src body.Reader, lengthFirst bool) *hold {
	hd := &hold{x: x, half: h, src: src, lengthFirst: lengthFirst, guarded: h.guarded || x.set.Guards(h.side), size: -1}
	if size := x.policy.StreamLargeBodies; size != nil && h.body.Declared < 0 && !lengthFirst && !h.whole {
		hd.size = *size
	}
	hd.spool = body.NewSpool(x.e.budget)
	x.spools[h.side] = hd.spool
	return hd
}

// run fills the spool. It returns nil when the whole body is in it, or the body
// as it must go on because it is not to be held any longer. A request of
// unknown length that stays idle is let go: its client may be waiting for the
// response before it sends more.
func (h *hold) run() (rest body.Reader, _ *flow.Error) {
	if h.half.side == flow.ToClient || h.half.body.Declared >= 0 || h.lengthFirst || h.guarded {
		return h.fill()
	}
	h.left = make(chan arrival, 1)
	h.heard = time.Now()
	type result struct {
		rest body.Reader
		err  *flow.Error
	}
	done := make(chan result, 1)
	h.x.uploads.Go(func() {
		rest, err := h.fill()
		done <- result{rest, err}
	})
	timer := time.NewTimer(holdIdle)
	defer timer.Stop()
	for {
		select {
		case r := <-done:
			return r.rest, r.err
		case <-timer.C:
		}
		h.mu.Lock()
		idle := time.Since(h.heard)
		if idle < holdIdle {
			h.mu.Unlock()
			timer.Reset(holdIdle - idle)
			continue
		}
		select {
		case r := <-done: // it ended in this moment
			h.mu.Unlock()
			return r.rest, r.err
		default:
		}
		h.gone = true
		h.mu.Unlock()
		h.x.sending.reading = true
		h.x.change(h.half, flow.Tee, fmt.Sprintf("idle for %v while held: its client may be waiting for the response", holdIdle))
		return h.rest(&resumed{src: h.src, left: h.left})
	}
}

// fill reads into the spool. It belongs to one goroutine.
func (h *hold) fill() (rest body.Reader, _ *flow.Error) {
	size := int64(h.x.policy.ChunkSize)
	if n := h.half.body.Declared; n >= 0 && !h.half.body.Transformed {
		size = min(size, n+1) // one more, for what the head did not say
	}
	buf := make([]byte, size)
	for {
		n, err := h.src.Read(buf)
		h.mu.Lock()
		if h.gone {
			h.mu.Unlock()
			h.left <- arrival{buf[:n], err}
			return nil, nil
		}
		h.heard = time.Now()
		if n > 0 {
			kept, to, reason, ferr := h.keep(buf[:n])
			if ferr != nil || reason != "" {
				h.mu.Unlock()
				if ferr != nil {
					return nil, ferr
				}
				h.x.change(h.half, to, reason)
				return h.rest(body.Join(body.Bytes(buf[kept:n]), &resumed{src: h.src, err: err}))
			}
		}
		h.mu.Unlock()
		switch {
		case err == io.EOF:
			return nil, nil
		case err != nil:
			return nil, asError(err, flow.AtProxy, flow.InBody)
		}
	}
}

// keep adds a piece. A reason says that the body must go on as to instead, with
// the first kept bytes of p in the spool.
func (h *hold) keep(p []byte) (kept int, to flow.Disposition, reason string, _ *flow.Error) {
	if h.size >= 0 && h.half.received.Load() > h.size && !h.guarded {
		return 0, flow.Pass, largerReason(h.size), nil
	}
	kept, err := h.spool.Write(p)
	if err == nil {
		return kept, 0, "", nil
	}
	if h.guarded || h.lengthFirst {
		refused := &flow.Error{Peer: flow.AtServer, Phase: flow.InBody, Cause: flow.TooLarge, Status: 502,
			Err: fmt.Errorf("the %s body must be held and cannot be: %w", h.half.side, err)}
		if h.half.side == flow.ToServer {
			refused.Peer, refused.Status = flow.AtClient, 413
		}
		return 0, 0, "", refused
	}
	return kept, flow.Tee, err.Error(), nil
}

// rest is what the spool holds and then next.
func (h *hold) rest(next body.Reader) (body.Reader, *flow.Error) {
	r, err := h.spool.Open()
	if err != nil {
		return nil, &flow.Error{Phase: flow.InBody, Status: 502, Err: fmt.Errorf("read back the held %s body: %w", h.half.side, err)}
	}
	return body.Join(body.From(&closing{r, h.spool.Len()}, nil), next), nil
}

// closing closes what it reads from as soon as that has ended, and tells how much of
// it is left.
type closing struct {
	io.ReadCloser
	left int64
}

// Len is at least 1 before the last octet was read.
func (c *closing) Len() int { return int(min(max(c.left, 0), math.MaxInt32)) }

func (c *closing) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.left -= int64(n)
	if err != nil {
		c.Close()
	}
	return n, err
}

// resumed is the rest of a body that was held for a while. A read may have been
// under way when it was let go: what that brings comes first.
type resumed struct {
	src  body.Reader
	left chan arrival // nil when no read was under way
	p    []byte
	err  error // comes after p
}

func (r *resumed) Read(p []byte) (int, error) {
	if r.left != nil {
		a := <-r.left
		r.left, r.p, r.err = nil, a.p, a.err
	}
	if len(r.p) > 0 {
		n := copy(p, r.p)
		r.p = r.p[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.src.Read(p)
}

func (r *resumed) Ready() bool {
	return len(r.p) > 0 || r.left == nil && r.err == nil && r.src.Ready()
}

// Over implements body.Ender.
func (r *resumed) Over() bool {
	return len(r.p) == 0 && r.left == nil && r.err == nil && body.Over(r.src)
}

func (r *resumed) Trailers() flow.Fields { return r.src.Trailers() }
func (r *resumed) Cancel(cause error)    { r.src.Cancel(cause) }
