package engine

import (
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// receive passes the final response of call to the client.
func (x *exchange) receive(call Call, head *flow.Response) {
	if x.switches(head.Status) {
		x.receiveUpgrade(call, head)
		return
	}
	x.hooks.Lock()
	err := x.takeResponse(call, head)
	if err == nil {
		err = x.notFinal()
	}
	x.hooks.Unlock()
	if err != nil {
		x.refuse(err)
		return
	}
	if why := x.deliver(); why != nil {
		x.undelivered(why)
		return
	}
	x.afterResponse()
}

// arriving is how the response goes on, decided under the hooks lock.
type arriving struct {
	made    bool         // a hook made it; nothing comes from the server
	flowing body.Reader  // the body as it goes on; nil when the whole is at hand
	held    *body.Spool  // the whole body, when it was held
	end     body.Reader  // a body without bytes, whose end may still have to come
	in, out flow.Framing // how it came, and how it leaves
	lengths []string     // the Content-Length values that it came with
}

// takeResponse runs the response's hooks as far as they run before its head is
// sent, and holds its body where that was decided. The hooks lock is held,
// except while a body is being held.
func (x *exchange) takeResponse(call Call, head *flow.Response) *flow.Error {
	resp := hook.NewResponse(*head)
	if resp.Start.IsZero() {
		resp.Start = time.Now()
	}
	x.live.Response = resp
	a := &x.arriving
	a.in = call.Framing()
	if x.set != nil {
		a.lengths = resp.Fields.Values("Content-Length")
	}
	x.setDeclared(&x.resp, a.in.Known())
	empty := a.in.Empty()
	preset := !empty && larger(a.in.Known(), x.policy.StreamLargeBodies)
	if preset || x.missing(flow.ToClient) {
		resp.Stream.Wish = hook.DoNotWait
	}
	if x.set.Hears(hook.OnResponseHeaders) {
		x.show(flow.ToClient)
		if err := x.hooked(flow.ToClient, x.set.ResponseHeaders); err != nil {
			return err
		}
		switch x.live.Response {
		case nil:
			x.live.Response = resp // there is one; a hook cannot undo that
		case resp:
		default:
			giveUp(call, errNotNeeded)
			return x.takeMade()
		}
	}
	if !empty && bodiless(x.method, resp.Status) {
		x.find("body-dropped", "the response was changed to one that has no body: the server's body was not sent")
		giveUp(call, errNotNeeded)
		empty, a.in = true, flow.Framing{}
		x.setDeclared(&x.resp, 0)
	}
	if empty {
		return x.takeEmpty(call)
	}
	if err := x.overLimit(&x.resp); err != nil {
		return err
	}
	x.resp.guarded = resp.Guarded()
	x.resp.listened = x.listens(flow.ToClient, &resp.Response.Message)
	d, reason := decide(question{
		missing: x.missing(flow.ToClient),
		known:   a.in.Known(), size: x.policy.StreamLargeBodies, preset: preset, stream: resp.Stream,
		intercept: x.origin.Intercept != nil && x.origin.Intercept(x.live, flow.ToClient),
		wanted:    x.set.WantsWhole(flow.ToClient), hold: resp.Wanted(), guarded: x.resp.guarded,
		endless: endless(resp.Fields.Get("Content-Type"), a.in.Known(), x.policy.EndlessTypes),
	})
	x.dispose(&x.resp, d, reason)
	x.show(flow.ToClient)
	src, err := x.rewritten(&x.resp, x.source(&x.resp, call.Response()), &resp.Response.Message, &resp.Body)
	if err != nil {
		return err
	}
	x.setComing(src)
	if d != flow.Hold {
		a.flowing = src
		return nil
	}
	return x.holdResponse(src)
}

// takeEmpty is for a response without a body: its whole-body hook runs now.
func (x *exchange) takeEmpty(call Call) *flow.Error {
	resp := x.live.Response
	if resp.End.IsZero() {
		resp.End = time.Now()
	}
	x.show(flow.ToClient)
	x.ctl.Settle(&resp.Body, hook.Editable, nil, x.policy.ContentLimit, x.late(flow.ToClient))
	if r := call.Response(); r != nil && x.arriving.in.Kind != flow.Unframed {
		x.setComing(r)
		x.arriving.end = r
	}
	return x.wholeResponse(call)
}

// takeMade is for a response that a hook made.
func (x *exchange) takeMade() *flow.Error {
	resp := x.live.Response
	if resp.Start.IsZero() {
		resp.Start = time.Now()
	}
	if resp.Version == 0 {
		resp.Version = flow.HTTP11
	}
	x.arriving = arriving{made: true}
	x.resp.listened = false
	x.dispose(&x.resp, flow.Hold, "made by a hook")
	x.setDeclared(&x.resp, max(resp.Len(), 0))
	x.ctl.Settle(&resp.Body, hook.Editable, x.ctl.Given(&resp.Body), x.policy.ContentLimit, x.late(flow.ToClient))
	x.show(flow.ToClient)
	return x.wholeResponse(nil)
}

// wholeResponse runs the response event before anything was sent.
func (x *exchange) wholeResponse(call Call) *flow.Error {
	before := x.live.Response
	x.ran = true
	if !x.set.Looks(flow.ToClient) {
		return nil
	}
	x.settleSent()
	if err := x.hooked(flow.ToClient, x.set.Response); err != nil {
		return err
	}
	if x.live.Response == nil {
		x.live.Response = before
	}
	x.keepBody(flow.ToClient, x.arriving.held)
	if now := x.live.Response; now != before {
		if call != nil {
			giveUp(call, errNotNeeded)
		}
		if now.Version == 0 {
			now.Version = flow.HTTP11
		}
		x.arriving = arriving{made: true}
		x.resp.listened = false
		x.ctl.Settle(&now.Body, hook.Editable, x.ctl.Given(&now.Body), x.policy.ContentLimit, x.late(flow.ToClient))
	}
	x.wrote(&x.resp, &x.live.Response.Body)
	if m := x.responseOutline(); m.change == resized {
		m.to = max(x.live.Response.Version, flow.HTTP11)
		frameOut(m, &x.live.Response.Fields)
	}
	x.show(flow.ToClient)
	return nil
}

// holdResponse keeps the body until it has ended and runs the response event on
// the whole of it, unless it must go on as it comes. The hooks lock is given up
// while it waits for the server: the upload may end meanwhile.
func (x *exchange) holdResponse(src body.Reader) *flow.Error {
	h := x.newHold(&x.resp, src, false)
	x.hooks.Unlock()
	rest, err := h.run()
	x.hooks.Lock()
	if err != nil {
		if why := x.left(); why != nil {
			return why
		}
		return err
	}
	if rest != nil {
		x.setComing(rest)
		x.arriving.flowing = rest
		x.show(flow.ToClient)
		return nil
	}
	resp := x.live.Response
	x.arriving.held = h.spool
	resp.Trailers, resp.End = src.Trailers(), time.Now()
	x.ctl.Settle(&resp.Body, hook.Editable, h.spool, x.policy.ContentLimit, x.late(flow.ToClient))
	return x.wholeResponse(nil)
}

// responseOutline is the live response as far as its framing depends on it.
func (x *exchange) responseOutline() outgoing {
	r := x.live.Response
	a := &x.arriving
	m := outgoing{method: x.method, status: r.Status, in: a.in, to: x.version, trailers: len(r.Trailers) > 0}
	m.direct = x.direct && !a.made && (r.Version == flow.HTTP11 || r.Version == flow.HTTP10)
	if r.Version == flow.HTTP10 && (a.in.Kind == flow.Chunked || !strings.HasPrefix(r.Wire, "HTTP/1.0")) {
		m.direct = false // it was something else, and the client would not read it as such
	}
	switch {
	case a.made && (r.Stream.Transform != nil || r.Reshapes() && r.Len() > 0):
		m.change = reshaped
	case r.Changed() || a.made:
		m.change, m.length = resized, max(r.Len(), 0)
	case a.held != nil:
		if x.resp.listened || r.Reshapes() || m.trailers && a.in.Kind == flow.ByLength || a.in.Kind == flow.UntilClose && x.version == flow.HTTP10 {
			m.change, m.length = resized, a.held.Len()
		}
	case a.flowing != nil && (x.resp.listened || r.Reshapes()):
		m.change = reshaped
	}
	return m
}

// follows tells that the first of the body, or its end, is certain to be sent at
// once after the head.
func (a *arriving) follows() bool {
	return (a.flowing == nil || a.flowing.Ready()) && (a.end == nil || a.end.Ready())
}

func (x *exchange) setDeclared(h *half, n int64) {
	x.mu.Lock()
	h.body.Declared = n
	x.mu.Unlock()
}

func (x *exchange) disposition(h *half) flow.Disposition {
	x.mu.Lock()
	defer x.mu.Unlock()
	return h.body.Disposition
}
