package replay

import (
	"context"
	"errors"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/engine"
	"midstream/internal/format"
)

// storedServer answers the one request of an Item with what the Item says.
type storedServer struct {
	it    *format.Item
	turns *turns
	call  *call
}

// Version says that the server speaks what the response did.
func (u *storedServer) Version(*flow.Request) flow.Version {
	if r := u.it.Flow.Response; r != nil && r.Version >= flow.HTTP11 {
		return r.Version
	}
	return flow.HTTP11
}

func (u *storedServer) Open(_ context.Context, req *flow.Request, f flow.Framing, _ engine.Reuse) (engine.Call, error) {
	c := newCall(u.it, f, req.Method)
	c.turns = u.turns
	if u.call != nil {
		c.response.before, c.response.clock = u.call.response.before, u.call.response.clock
		u.call.release()
	}
	u.call = c
	return c, nil
}

// call is the response of an Item as the engine receives one. It comes when the
// request has been sent.
type call struct {
	it       *format.Item
	framing  flow.Framing
	response *reader
	turns    *turns
	due      time.Time // when the head comes; zero for at once

	taken sync.Once
	sent  chan struct{} // closed when the request has ended
}

var _ engine.Call = (*call)(nil)

func newCall(it *format.Item, request flow.Framing, method string) *call {
	c := &call{it: it, sent: make(chan struct{})}
	if request.Kind == flow.Unframed {
		close(c.sent)
	}
	b, trailers := it.Bodies[flow.ToClient], flow.Fields(nil)
	if r := it.Flow.Response; r != nil && !switched(it.Flow) {
		trailers = r.Trailers
		if !bodiless(method, r.Status) {
			c.framing = framing(&r.Message, b, flow.UntilClose)
		}
	} else {
		b = nil
	}
	c.response = newReader(b, trailers)
	return c
}

// bodiless is RFC 9110 section 6.4.1.
func bodiless(method string, status int) bool {
	return method == "HEAD" || status < 200 || status == 204 || status == 304
}

func (c *call) release() { c.response.release() }

func (c *call) Server() *flow.Conn    { return c.it.Flow.Server }
func (c *call) Reused() bool          { return false }
func (c *call) Body() body.Sink       { return (*request)(c) }
func (c *call) Framing() flow.Framing { return c.framing }
func (c *call) Heard() bool           { return true }
func (c *call) Close()                {}

func (c *call) Cancel(cause error) {
	c.requestEnded()
	c.response.Cancel(cause)
}

func (c *call) Response() body.Reader {
	if c.framing.Kind == flow.Unframed {
		return nil
	}
	return c.response
}

func (c *call) Upgrade() (body.Duplex, error) {
	if c.turns == nil {
		return nil, errors.New("nothing is known of what was said after the switch")
	}
	return c.turns.end(flow.ToClient), nil
}

// Head waits for the end of the request. Where there was no response it fails as
// the exchange of earlier did.
func (c *call) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	select {
	case <-c.sent:
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	if wait := time.Until(c.due); !c.due.IsZero() && wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
	if c.it.Flow.Response == nil {
		return nil, nil, failure(c.it.Flow.Outcome)
	}
	head := c.it.Flow.Response.Clone()
	head.Trailers = nil
	return head, nil, nil
}

func (c *call) requestEnded() {
	c.taken.Do(func() {
		select {
		case <-c.sent:
		default:
			close(c.sent)
		}
	})
}

// request is the sink of a call's request.
type request call

func (r *request) Write(p []byte) (int, error)     { return len(p), nil }
func (r *request) WriteMore(p []byte) (int, error) { return len(p), nil }
func (r *request) Abort(error)                     { (*call)(r).requestEnded() }
func (r *request) Close(flow.Fields) error         { (*call)(r).requestEnded(); return nil }

// failure is what makes an exchange end as o says.
func failure(o flow.Outcome) *flow.Error {
	text := o.Text
	if text == "" {
		text = "the exchange had no response"
	}
	e := &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Err: errors.New(text)}
	switch o.Kind {
	case flow.ClientLeft:
		e.Peer, e.Cause = flow.AtClient, flow.LeftByClient
	case flow.ServerCut:
		e.Phase, e.Cause = flow.InBody, flow.ClosedEarly
	case flow.TimedOut:
		e.Cause = flow.Timeout
	case flow.WasReset:
		e.Cause = flow.ResetByPeer
	case flow.Killed:
		e.Cause = flow.WasKilled
	case flow.Refused:
		e.Cause = flow.Forbidden
	case flow.Running, flow.Interrupt:
		e.Cause = flow.Stopping
	}
	for _, p := range []flow.Phase{flow.Dialing, flow.Handshaking, flow.InBody} {
		if o.Phase == p.String() {
			e.Phase = p
		}
	}
	return e
}
