package engine

import (
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// run carries the exchange to the point where both messages are through, or
// something failed; finish does the rest.
func (x *exchange) run() {
	made, err := x.takeRequest()
	switch {
	case err != nil:
		x.refuse(err)
	case made:
		x.answer()
	default:
		x.converse()
	}
}

// takeRequest runs the request's hooks as far as they run before anything is
// sent, and holds its body where that was decided. made tells that a hook has
// answered.
func (x *exchange) takeRequest() (made bool, _ *flow.Error) {
	for _, f := range x.stream.Findings() {
		x.find(f.Code, f.Text)
	}
	x.hooks.Lock()
	defer x.hooks.Unlock()
	r := x.live.Request
	if x.origin.Past == nil {
		if text := settleHost(&r.Request); text != "" {
			x.find("host-mismatch", text)
		}
	}
	if x.version == flow.HTTP11 && flow.EqualFold(r.Fields.Get("Upgrade"), "h2c") {
		x.find("h2c-dropped", "the client offered to switch this connection to HTTP/2 (h2c): the offer was left out, so that its exchanges stay visible")
	}
	empty := x.framing.Empty()
	// Who has no body to send waits for no leave.
	x.expecting.wanted = x.upload != nil && !empty && x.version >= flow.HTTP11 && flow.EqualFold(r.Fields.Get("Expect"), "100-continue")
	preset := !empty && larger(x.framing.Known(), x.policy.StreamLargeBodies)
	if preset || x.missing(flow.ToServer) {
		r.Stream.Wish = hook.DoNotWait
	}
	if x.set.Hears(hook.OnRequestHeaders) {
		x.show(flow.ToServer)
		if err := x.hooked(flow.ToServer, x.set.RequestHeaders); err != nil {
			return false, err
		}
		if s, ok := x.ctl.StandIn().(Upstream); ok {
			x.up = s
		}
	}
	if err := x.overLimit(&x.req); err != nil && !empty {
		x.show(flow.ToServer)
		return false, err
	}
	if x.live.Response != nil {
		return true, x.requestAnswered(empty)
	}
	if empty {
		if r.End.IsZero() {
			r.End = time.Now()
		}
		x.show(flow.ToServer)
		x.ctl.Settle(&r.Body, hook.Editable, nil, x.policy.ContentLimit, x.late(flow.ToServer))
		err := x.wholeRequest()
		return x.live.Response != nil, err
	}
	x.req.guarded = r.Guarded()
	x.req.listened = x.listens(flow.ToServer, &r.Request.Message)
	d, reason := decide(question{
		missing: x.missing(flow.ToServer),
		known:   x.framing.Known(), size: x.policy.StreamLargeBodies, preset: preset, stream: r.Stream,
		intercept: x.origin.Intercept != nil && x.origin.Intercept(x.live, flow.ToServer),
		wanted:    x.set.WantsWhole(flow.ToServer), hold: r.Wanted(), guarded: x.req.guarded,
		endless: endless(r.Fields.Get("Content-Type"), x.framing.Known(), x.policy.EndlessTypes),
	})
	lengthFirst := d != flow.Hold && needsLength(x.requestOutline())
	if lengthFirst {
		d, reason = flow.Hold, "an HTTP/1.0 server needs the length first"
	}
	x.dispose(&x.req, d, reason)
	if d == flow.Hold {
		x.showAtOnce()
	}
	x.show(flow.ToServer)
	src, err := x.rewritten(&x.req, x.source(&x.req, x.upload), &r.Request.Message, &r.Body)
	if err != nil {
		return false, err
	}
	x.setFlowing(src)
	if d != flow.Hold {
		return false, nil
	}
	return x.holdRequest(src, lengthFirst)
}

// requestAnswered runs the request event of a request that a head hook has
// answered: its body is not forwarded, and its content missing.
func (x *exchange) requestAnswered(empty bool) *flow.Error {
	access := hook.Editable
	if !empty {
		access = hook.Missing
		x.mu.Lock()
		x.req.body.Disposition, x.req.body.Reason = flow.Pass, "a hook answered the request before its body came"
		x.mu.Unlock()
	}
	x.show(flow.ToServer)
	x.ctl.Settle(&x.live.Request.Body, access, nil, x.policy.ContentLimit, x.late(flow.ToServer))
	return x.wholeRequest()
}

// wholeRequest runs the request event before anything was sent.
func (x *exchange) wholeRequest() *flow.Error {
	if !x.set.Looks(flow.ToServer) {
		return nil
	}
	if err := x.hooked(flow.ToServer, x.set.Request); err != nil {
		return err
	}
	x.keepBody(flow.ToServer, x.sending.held)
	if x.live.Response == nil {
		x.wrote(&x.req, &x.live.Request.Body)
		x.frameLive()
	}
	x.show(flow.ToServer)
	return nil
}

// frameLive makes the framing fields of the live request agree with a body that
// a hook has set, so that the record says what is sent.
func (x *exchange) frameLive() {
	if m := x.requestOutline(); m.change == resized {
		frameOut(m, &x.live.Request.Fields)
	}
}

// requestOutline is the live request as far as its framing depends on it.
func (x *exchange) requestOutline() outgoing {
	r := x.live.Request
	m := outgoing{method: r.Method, in: x.framing, to: x.serverVersion(), trailers: len(r.Trailers) > 0}
	switch {
	case r.Changed():
		m.change, m.length = resized, r.Len()
	case x.sending.held != nil:
		if x.req.listened || r.Reshapes() || x.sending.lengthFirst || m.trailers && x.framing.Kind != flow.Chunked {
			m.change, m.length = resized, x.sending.held.Len()
		}
	case x.framing.Kind != flow.Unframed && (x.req.listened || r.Reshapes()):
		m.change = reshaped
	}
	return m
}

// serverVersion is the HTTP version in which the request is framed. It stays the
// same as long as the request goes to the same place: what is remembered of
// a server may change meanwhile, and the body has been decided on.
func (x *exchange) serverVersion() flow.Version {
	r := &x.live.Request.Request
	if g := &x.goesTo; g.version == 0 || g.host != r.Host || g.port != r.Port || g.scheme != r.Scheme || g.via != r.Via {
		*g = destination{r.Scheme, r.Host, r.Port, r.Via, x.askVersion(r)}
	}
	return x.goesTo.version
}

// destination is where a request goes, and what is spoken there.
type destination struct {
	scheme, host string
	port         uint16
	via          *flow.Via
	version      flow.Version
}

func (x *exchange) askVersion(r *flow.Request) flow.Version {
	if v, ok := x.up.(Versioned); ok {
		if version := v.Version(r); version != 0 {
			return version
		}
	}
	if x.version < flow.HTTP2 {
		return x.version
	}
	return flow.HTTP11
}

// requestOut returns the head as it is sent, and how its body is delimited.
func (x *exchange) requestOut() (*flow.Request, flow.Framing) {
	r := x.live.Request
	m := x.requestOutline()
	out := r.Request
	out.Fields = forward(r.Fields, hop{
		to: m.to, upgrade: wantsUpgrade(x.version, r.Fields),
		ownProxyAuth: x.origin.OwnProxyAuth, dropExpect: x.expecting.answered(), direct: x.direct,
	})
	out.Trailers = nil
	f := frameOut(m, &out.Fields)
	if m.change == reshaped && r.Stream.Transform != nil || r.Changed() {
		x.noteStale(flow.ToServer, out.Fields)
	}
	if m.trailers && !hasTrailers(m.to, f) {
		x.dropTrailers(flow.ToServer)
	}
	towardsOrigin(&out, x.version, m.to)
	return &out, f
}

// holdRequest keeps the body until it has ended and runs the request event on
// the whole of it. It returns early when the body must go on as it comes.
func (x *exchange) holdRequest(src body.Reader, lengthFirst bool) (made bool, _ *flow.Error) {
	x.expecting.answer(x.stream)
	h := x.newHold(&x.req, src, lengthFirst)
	rest, err := h.run()
	switch {
	case err != nil:
		return false, err
	case rest != nil:
		x.setFlowing(rest)
		x.show(flow.ToServer)
		return false, nil
	}
	x.sending.held, x.sending.lengthFirst = h.spool, lengthFirst
	r := x.live.Request
	r.Trailers, r.End = src.Trailers(), time.Now()
	x.ctl.Settle(&r.Body, hook.Editable, x.sending.held, x.policy.ContentLimit, x.late(flow.ToServer))
	err = x.wholeRequest()
	return x.live.Response != nil, err
}
