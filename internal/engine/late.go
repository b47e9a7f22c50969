package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// late returns what is told of a change that a hook makes too late.
func (x *exchange) late(side flow.Side) func(what string) {
	if x.set == nil {
		return nil
	}
	return func(what string) { x.refused(side, what) }
}

func (x *exchange) refused(side flow.Side, what string) {
	text := fmt.Sprintf("a hook changed the %s of the %s, which had been sent already: the change was refused", what, side)
	if !x.live.Find("late-change", text) {
		return
	}
	args := []any{"flow", x.live.ID.String()}
	if name := x.live.Running(); name != "" {
		args = append(args, "addon", name)
	}
	x.e.log.Warn(text, args...)
}

// lateContext is for hooks on what was sent whole: they run even when the client
// has left with its response.
func (x *exchange) lateContext() context.Context {
	ctx, cancel := context.WithCancel(x.base)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.lateStop != nil {
		before := x.lateStop
		x.lateStop = func() { before(); cancel() }
	} else {
		x.lateStop = cancel
	}
	return ctx
}

// settleLate says what a late hook may do with the content of b: read it where
// all of it was recorded.
func (x *exchange) settleLate(h *half, b *hook.Body) {
	access, source := hook.Missing, hook.Source(nil)
	n := h.sent.Load()
	if d := h.hidden.Load(); d != nil {
		n = d.shown.Load() // a hook that comes late reads what was recorded
	}
	switch state, _, _ := x.record.State(h.side); {
	case n == 0 && x.disposition(h) != flow.Pass:
		access = hook.ReadOnly
	case state == flow.Recording || state == flow.Complete:
		access, source = hook.ReadOnly, recorded{x.record, h.side, n}
	}
	x.ctl.Settle(b, access, source, x.policy.ContentLimit, x.late(h.side))
}

// endRequest gives the request its end where all of it has come, and who sends it has
// not been here to say so. The hooks lock is held.
func (x *exchange) endRequest(relayed <-chan struct{}) {
	r := x.live.Request
	if x.upload == nil || !r.End.IsZero() {
		return
	}
	over := x.req.received.Load() == x.framing.Known()
	select {
	case <-relayed:
		over = true
	default:
	}
	if over {
		r.End = time.Now()
	}
}

// settleSent lets the hooks of a response read the request's body where all of it has
// come and no hook on the request has been told of it. The hooks lock is held.
func (x *exchange) settleSent() {
	b := &x.live.Request.Body
	relayed := x.sending.relayed
	x.endRequest(relayed)
	if relayed == nil || b.Access() != hook.NotYet || x.disposition(&x.req) == flow.Pass {
		return
	}
	select {
	case <-relayed:
		x.settleLate(&x.req, b)
		return
	default:
	}
	x.mu.Lock()
	n := x.req.body.Declared
	x.mu.Unlock()
	if n < 0 || x.req.received.Load() != n || x.live.Request.Reshapes() {
		return // the server has answered before it had all
	}
	switch state, _, _ := x.record.State(flow.ToServer); state {
	case flow.Unrecorded, flow.Recording, flow.Complete:
		// The last of it is on its way to the server, who may have it already; what
		// came in one go may be all, and its record not begun.
		x.ctl.Settle(b, hook.ReadOnly, awaited{recorded{x.record, flow.ToServer, n}, relayed}, x.policy.ContentLimit, x.late(flow.ToServer))
	}
}

// awaitLast is how long a hook waits for the last piece of a body that has come, to
// be taken by the server.
const awaitLast = 2 * time.Second

// awaited is a body whose last piece is being sent.
type awaited struct {
	recorded
	relayed <-chan struct{}
}

func (a awaited) Open() (io.ReadCloser, error) {
	timer := time.NewTimer(awaitLast)
	defer timer.Stop()
	select {
	case <-a.relayed:
		if state, _, _ := a.record.State(a.side); state != flow.Recording && state != flow.Complete {
			return nil, hook.ErrMissing
		}
		return a.recorded.Open()
	case <-timer.C:
		return nil, errors.New("the server has answered without taking all of the request's body")
	}
}

// recorded is a body that was sent and recorded.
type recorded struct {
	record Record
	side   flow.Side
	n      int64
}

func (r recorded) Len() int64                   { return r.n }
func (r recorded) Open() (io.ReadCloser, error) { return r.record.Open(r.side) }

// seal makes a held body that was sent read-only.
func (x *exchange) seal(side flow.Side) {
	if x.set == nil {
		return
	}
	x.hooks.Lock()
	defer x.hooks.Unlock()
	b := &x.live.Request.Body
	if side == flow.ToClient {
		b = &x.live.Response.Body
	}
	x.ctl.Seal(b, x.late(side))
}

// lateRequest runs the request event on a request that was sent. The hooks lock
// is held.
func (x *exchange) lateRequest(ctx context.Context) *flow.Error {
	if !x.set.Looks(flow.ToServer) {
		return nil
	}
	x.settleLate(&x.req, &x.live.Request.Body)
	before, resp := x.live.Request.Request.Clone(), x.live.Response
	pass := x.disposition(&x.req) == flow.Pass
	err := x.runLate(ctx, x.set.Request)
	r := &x.live.Request.Request
	if pass {
		before.Trailers = r.Trailers // they have not left yet
	}
	if !sameRequest(before, r) {
		x.refused(flow.ToServer, "head")
		before.Start, before.End = r.Start, r.End
		*r = *before
	}
	if x.live.Response != resp {
		x.refused(flow.ToServer, "response")
		x.live.Response = resp
	}
	return err
}

// lateResponse runs the response event on a response whose head was sent. The
// hooks lock is held.
func (x *exchange) lateResponse(ctx context.Context) *flow.Error {
	x.ran = true
	if !x.set.Looks(flow.ToClient) {
		return nil
	}
	resp := x.live.Response
	x.settleSent()
	x.settleLate(&x.resp, &resp.Body)
	before := resp.Response.Clone()
	pass := x.disposition(&x.resp) == flow.Pass
	err := x.runLate(ctx, x.set.Response)
	if x.live.Response != resp {
		x.refused(flow.ToClient, "message")
		x.live.Response = resp
	}
	if pass {
		before.Trailers = resp.Trailers
	}
	if !sameResponse(before, &resp.Response) {
		x.refused(flow.ToClient, "head")
		before.Start, before.End = resp.Start, resp.End
		resp.Response = *before
	}
	return err
}

func (x *exchange) runLate(ctx context.Context, run func(context.Context, *hook.Exchange) error) *flow.Error {
	x.inHook.Store(true)
	err := run(ctx, x.live)
	x.inHook.Store(false)
	if x.live.Killed() {
		return errKilled
	}
	if ctx.Err() != nil {
		return asError(context.Cause(ctx), flow.AtProxy, flow.InBody)
	}
	if err != nil {
		return &flow.Error{Phase: flow.InBody, Status: 502, Err: err}
	}
	return nil
}
