package engine

import (
	"maps"
	"slices"
	"time"

	"midstream/flow"
)

// pictures are the heads that were shown last: one that has not changed since
// is shared by the pictures that follow.
type pictures struct {
	request  *flow.Request
	response *flow.Response
	shown    [2]bool
	body     [2]flow.Disposition
}

// watched tells whether anybody looks at this exchange.
func (x *exchange) watched() bool {
	return x.e.recorder != nil || len(x.e.watchers) > 0
}

// show tells recorder and watchers of the head of side, unless they know it. The
// hooks lock is held.
func (x *exchange) show(side flow.Side) {
	if !x.watched() || x.asks != nil && x.asks.Ask(x) {
		return
	}
	request, response := x.shown.request, x.shown.response
	f := x.picture()
	changed := !x.shown.shown[side]
	var d flow.Disposition
	if side == flow.ToServer {
		d = f.RequestBody.Disposition
		changed = changed || f.Request != request
	} else {
		d = f.ResponseBody.Disposition
		changed = changed || f.Response != response
	}
	if !changed && d == x.shown.body[side] {
		return
	}
	x.shown.shown[side], x.shown.body[side] = true, d
	f = x.visible(f)
	x.record.Head(f, side)
	for _, w := range x.e.watchers {
		w.Watch(f)
	}
}

// Picture is what a record that asks is answered. Watchers see what it sees.
// While the hooks lock is held the picture is about to change.
func (x *exchange) Picture() (f *flow.Flow, ok bool) {
	if !x.hooks.TryLock() {
		return nil, false
	}
	defer x.hooks.Unlock()
	if x.over {
		return nil, true
	}
	f = x.visible(x.picture())
	for _, w := range x.e.watchers {
		w.Watch(f)
	}
	return f, true
}

// showAtOnce hands every picture from now on to the record when it is taken:
// somebody is about to wait with the hooks lock held, or tells of what stands
// inside the flow. The hooks lock is held.
func (x *exchange) showAtOnce() {
	if x.asks == nil {
		return
	}
	x.asks = nil
	x.show(flow.ToServer)
	if x.live.Response != nil {
		x.show(flow.ToClient)
	}
}

// picture is the flow as it is now. The hooks lock is held.
func (x *exchange) picture() *flow.Flow { return x.pictured(x.origin.Past != nil) }

// pictured is picture; past tells that a flow of earlier completes it.
func (x *exchange) pictured(past bool) *flow.Flow {
	l := x.live
	switch old := x.shown.request; {
	case x.sharing():
		x.shown.request = &l.Request.Request
	case old == nil:
		x.shown.request = l.Request.Request.Clone()
	case !sameRequest(old, &l.Request.Request):
		c := l.Request.Request
		c.Fields, c.Trailers = unchanged(old.Fields, c.Fields), unchanged(old.Trailers, c.Trailers)
		x.shown.request = &c
	}
	switch old := x.shown.response; {
	case l.Response == nil:
		x.shown.response = nil
	case x.sharing():
		x.shown.response = &l.Response.Response
	case old == nil:
		x.shown.response = l.Response.Response.Clone()
	case !sameResponse(old, &l.Response.Response):
		c := l.Response.Response
		c.Fields, c.Trailers = unchanged(old.Fields, c.Fields), unchanged(old.Trailers, c.Trailers)
		x.shown.response = &c
	}
	f := &flow.Flow{
		ID: l.ID, Number: l.Number, Kind: flow.HTTP, Client: l.Client, Server: l.Server,
		Request: x.shown.request, Response: x.shown.response, Before: x.before(),
		Findings: l.Findings(), Start: l.Request.Start,
		Marker: l.Marker, Comment: l.Comment, Metadata: maps.Clone(l.Metadata), Replayed: l.Replayed,
	}
	f.RPC = x.rpc()
	x.mu.Lock()
	defer x.mu.Unlock()
	f.RequestBody, f.ResponseBody = x.req.picture(), x.resp.picture()
	f.Interim, f.Tries = slices.Clip(x.interim), x.tries
	if !x.over {
		f.Tries = slices.Clone(x.tries)
	}
	if past {
		x.origin.Past.Picture(f)
	}
	return f
}

// sharing tells that a picture may be the live heads themselves: the exchange is
// over, and no addon can have kept it to change it.
func (x *exchange) sharing() bool { return x.over && !x.set.Waits() }

// unchanged returns the fields of an earlier picture where live ones are the same:
// mostly only a time has changed. Pictures never change.
func unchanged(shown, live flow.Fields) flow.Fields {
	if shown.Equal(live) {
		return shown
	}
	return live.Clone()
}

// picture is the body as it is now. exchange.mu is held.
func (h *half) picture() flow.Body {
	b := h.body
	b.Received, b.Sent, b.Messages = h.received.Load(), h.sent.Load(), h.messages.Load()
	b.Record, b.Recorded, b.CutReason = h.x.record.State(h.side)
	h.redacted(&b)
	return b
}

// final is the picture of an exchange that has ended.
func (x *exchange) final() *flow.Flow {
	x.hooks.Lock()
	defer x.hooks.Unlock()
	now := time.Now()
	if x.req.body.Ended && x.live.Request.End.IsZero() {
		x.live.Request.End = now
	}
	if r := x.live.Response; r != nil && x.resp.body.Ended && r.End.IsZero() {
		r.End = now
	}
	x.over = true
	f := x.pictured(false)
	x.e.settle(&f.RequestBody)
	x.e.settle(&f.ResponseBody)
	f.End = now
	f.Outcome = x.outcome()
	if x.origin.Past != nil {
		x.origin.Past.Picture(f)
	}
	return f
}

// settle says in a last picture what the record of a body has come to: nothing
// is added to it any more, and those who only watch see no later one.
func (e *Engine) settle(b *flow.Body) {
	switch {
	case e.recorder == nil || b.Record == flow.Cut || b.Record == flow.Complete:
	case b.Record == flow.Recording && b.Recorded >= b.Sent:
		b.Record = flow.Complete
	case b.Record == flow.Recording:
		b.Record = flow.Cut
		if b.CutReason == "" {
			b.CutReason = "not all that was sent was handed to the recorder"
		}
	case b.Sent == 0 && (b.Disposition == flow.Tee || b.Disposition == flow.Hold):
		b.Record = flow.Complete // all of nothing
	}
}

func sameRequest(a, b *flow.Request) bool {
	return a.Method == b.Method && a.Scheme == b.Scheme && a.Host == b.Host && a.Port == b.Port &&
		a.Authority == b.Authority && a.Path == b.Path && a.Form == b.Form && a.Protocol == b.Protocol && a.Via == b.Via && sameMessage(&a.Message, &b.Message)
}

func sameResponse(a, b *flow.Response) bool {
	return a.Status == b.Status && a.Reason == b.Reason && sameMessage(&a.Message, &b.Message)
}

func sameMessage(a, b *flow.Message) bool {
	return a.Version == b.Version && a.Wire == b.Wire && a.Start.Equal(b.Start) && a.End.Equal(b.End) &&
		a.Fields.Equal(b.Fields) && a.Trailers.Equal(b.Trailers)
}
