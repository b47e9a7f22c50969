package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// changes are what hooks have changed of an exchange, and what that was before. It
// is there once hooks run on a message that somebody sees; the hooks lock guards it.
type changes struct {
	x    *exchange
	side flow.Side // that hooks run on
	by   []string
	ran  func(addon string) // look, once for all

	// The heads as they were when the first hook ran, and when the last one had.
	request, lastRequest   *flow.Request
	response, lastResponse *flow.Response
	body                   [2]bool // a hook has set it
	bodies                 [2]*flow.Original
}

// hooked runs hooks of a side, and notes what they change.
func (x *exchange) hooked(side flow.Side, run func(context.Context, *hook.Exchange) error) *flow.Error {
	if !x.watched() {
		return x.guard(run)
	}
	if x.changes == nil {
		x.changes = &changes{x: x}
		x.changes.ran = x.changes.look
	}
	x.changes.begin(side)
	x.ctl.Ran(x.changes.ran)
	defer x.ctl.Ran(nil)
	return x.guard(run)
}

// begin notes the head of a side as it is before hooks run.
func (c *changes) begin(side flow.Side) {
	c.side = side
	l := c.x.live
	if side == flow.ToServer {
		if now := &l.Request.Request; c.lastRequest == nil || !sameRequest(c.lastRequest, now) {
			c.lastRequest = c.keptRequest(now)
		}
		if c.request == nil {
			c.request = c.lastRequest
		}
		return
	}
	if l.Response == nil {
		return
	}
	if now := &l.Response.Response; c.lastResponse == nil || !sameResponse(c.lastResponse, now) {
		if c.lastResponse = c.x.shown.response; c.lastResponse == nil || !sameResponse(c.lastResponse, now) {
			c.lastResponse = now.Clone()
		}
	}
	if c.response == nil && !l.Response.Made {
		c.response = c.lastResponse
	}
}

// keptRequest is a head that nobody changes: mostly that of a picture, or with the
// fields that were kept when it came.
func (c *changes) keptRequest(now *flow.Request) *flow.Request {
	if shown := c.x.shown.request; shown != nil && sameRequest(shown, now) {
		return shown
	}
	if len(now.Trailers) == 0 && c.x.fields.Equal(now.Fields) {
		r := *now
		r.Fields = c.x.fields
		return &r
	}
	return now.Clone()
}

// look finds out whether a hook that has run has changed something.
func (c *changes) look(addon string) {
	l := c.x.live
	changed := false
	var b *hook.Body
	switch {
	case c.side == flow.ToServer:
		b = &l.Request.Body
		if now := &l.Request.Request; !sameRequest(c.lastRequest, now) {
			c.lastRequest, changed = now.Clone(), true
		}
	case l.Response != nil && c.response != nil:
		b = &l.Response.Body
		if now := &l.Response.Response; !sameResponse(c.lastResponse, now) {
			c.lastResponse, changed = now.Clone(), true
		}
	}
	if b != nil && b.Changed() && !c.body[c.side] {
		c.body[c.side], changed = true, true
	}
	if changed && !slices.Contains(c.by, addon) {
		c.by = append(c.by, addon)
	}
}

// keepBody keeps a body that was held, nil for an empty one, where a hook has set
// another.
func (x *exchange) keepBody(side flow.Side, held *body.Spool) {
	c := x.changes
	if c == nil || !c.body[side] || c.bodies[side] != nil {
		return
	}
	o := &flow.Original{}
	c.bodies[side] = o
	if held == nil {
		return
	}
	r, err := held.Open()
	if err != nil {
		c.bodies[side] = nil
		return
	}
	defer r.Close()
	sum := sha256.New()
	octets, err := io.ReadAll(io.LimitReader(r, flow.MaxOriginal+1))
	sum.Write(octets)
	o.Size = int64(len(octets))
	if err == nil && o.Size > flow.MaxOriginal {
		octets = nil
		var n int64
		n, err = io.Copy(sum, r)
		o.Size += n
	}
	if err != nil {
		c.bodies[side] = nil
		return
	}
	o.Octets, o.SHA256 = octets, sum.Sum(nil)
}

// before is what a picture says of it, nil where nothing was changed.
func (x *exchange) before() *flow.Before {
	c := x.changes
	if c == nil || len(c.by) == 0 {
		return nil
	}
	b := &flow.Before{By: slices.Clip(c.by)}
	l := x.live
	if c.request != nil && !sameRequestHead(c.request, &l.Request.Request) {
		b.Request = c.request
	}
	if c.response != nil && l.Response != nil && !sameResponseHead(c.response, &l.Response.Response) {
		b.Response = c.response
	}
	there := c.bodies != [2]*flow.Original{}
	if x.over {
		b.RequestBody = x.original(flow.ToServer, &l.Request.Body)
		if l.Response != nil {
			b.ResponseBody = x.original(flow.ToClient, &l.Response.Body)
		}
		there = b.RequestBody != nil || b.ResponseBody != nil
	}
	if b.Request == nil && b.Response == nil && !there {
		return nil
	}
	return b
}

// original is what was kept of a body, nil where it was set to what it was.
func (x *exchange) original(side flow.Side, b *hook.Body) *flow.Original {
	o := x.changes.bodies[side]
	if o == nil {
		return nil
	}
	if now, set := x.ctl.Replaced(b); set && int64(len(now)) == o.Size && bytes.Equal(now, o.Octets) {
		return nil
	}
	return o
}

// sameRequestHead tells whether a hook can be said to have left a head as it was.
func sameRequestHead(a, b *flow.Request) bool {
	return a.Method == b.Method && a.Scheme == b.Scheme && a.Host == b.Host && a.Port == b.Port && a.Authority == b.Authority && a.Path == b.Path &&
		a.Version == b.Version && a.Fields.Equal(b.Fields)
}

func sameResponseHead(a, b *flow.Response) bool {
	return a.Status == b.Status && a.Reason == b.Reason && a.Version == b.Version && a.Fields.Equal(b.Fields)
}
