package engine

import (
	"context"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
)

// switches tells whether a response of status makes a raw connection of what the
// client's request came on: a 101 (RFC 9110 section 7.8), or a 2xx to an extended
// CONNECT (RFC 8441 section 4).
func (x *exchange) switches(status int) bool {
	return status == 101 || x.protocol != "" && status/100 == 2
}

// receiveUpgrade passes a 101, or what stands for it in HTTP/2, and then the raw
// connection, whose directions are the two bodies of the flow.
func (x *exchange) receiveUpgrade(call Call, head *flow.Response) {
	x.uploads.Wait() // the request is through before its connection changes
	x.hooks.Lock()
	err := x.takeSwitch(call, head)
	status := 0
	if err == nil {
		if status = x.live.Response.Status; !x.switches(status) {
			err = x.notFinal()
		}
	}
	x.hooks.Unlock()
	if err != nil {
		x.refuse(err)
		return
	}
	if !x.switches(status) {
		giveUp(call, errNotNeeded)
		if err := x.deliver(); err != nil {
			x.undelivered(err)
		}
		return
	}
	x.dispose(&x.req, flow.Tee, "upgraded connection")
	x.dispose(&x.resp, flow.Tee, "upgraded connection")
	x.req.turn, x.resp.turn = -1, -1
	x.mu.Lock()
	x.req.body.Ended = false
	x.mu.Unlock()
	x.setDeclared(&x.req, -1)
	x.setDeclared(&x.resp, -1)
	sink, err := x.respond(notLast)
	if err == nil && sink.Close(nil) != nil {
		err = clientError(sink.Close(nil), flow.InHead)
	}
	if err != nil {
		x.undelivered(err)
		return
	}
	client, cerr := x.stream.Upgrade()
	if cerr != nil {
		x.undelivered(clientError(cerr, flow.InBody))
		return
	}
	server, serr := call.Upgrade()
	if serr != nil {
		client.Reset()
		x.fail(asError(serr, flow.AtServer, flow.InBody))
		return
	}
	x.setRaw(client, server)
	x.req.conclude(true)
	x.req.marks.end() // those of the request's body; what follows is none
	x.req.marks = nil
	x.hideUpgraded()
	x.watchSocket()
	x.hooks.Lock()
	x.show(flow.ToClient)
	x.hooks.Unlock()
	if r := x.newSocketRelay(client, server); r != nil {
		r.run()
		return
	}
	x.relayRaw(client, server,
		func() *flow.Error { return x.e.pump(server, client, flow.AtClient, rawHalf{&x.req}) },
		func() *flow.Error { return x.e.pump(client, server, flow.AtServer, rawHalf{&x.resp}) })
}

// rawHalf is a direction of an upgraded connection: what is sent is what has come.
type rawHalf struct{ *half }

func (h rawHalf) Piece(p []byte) {
	h.received.Add(int64(len(p)))
	h.half.Piece(p)
}

// takeSwitch runs the hooks of a 101: it has no body, so both run now.
func (x *exchange) takeSwitch(call Call, head *flow.Response) *flow.Error {
	resp := hook.NewResponse(*head)
	x.live.Response = resp
	if x.set.Hears(hook.OnResponseHeaders) {
		x.show(flow.ToClient)
		if err := x.hooked(flow.ToClient, x.set.ResponseHeaders); err != nil {
			return err
		}
		if x.live.Response == nil {
			x.live.Response = resp
		}
		if x.live.Response != resp {
			return x.takeMade()
		}
	}
	resp.End = time.Now() // of what the hooks see; the body of the flow is yet to come
	x.show(flow.ToClient)
	x.ctl.Settle(&resp.Body, hook.Editable, nil, x.policy.ContentLimit, x.late(flow.ToClient))
	err := x.wholeResponse(call)
	if x.live.Response == resp {
		resp.End = time.Time{}
	}
	return err
}

// setRaw notes the two ends of an upgraded connection.
func (x *exchange) setRaw(client, server body.Duplex) {
	x.mu.Lock()
	x.raw = [2]body.Duplex{client, server}
	x.sink = nil // the connection has left HTTP
	cause := x.torndown
	x.mu.Unlock()
	if cause != nil {
		client.Reset()
		server.Reset()
	}
}

// relayRaw moves both directions of an upgraded connection to their ends, by up
// and down.
func (x *exchange) relayRaw(client, server body.Duplex, up, down func() *flow.Error) {
	var uperr *flow.Error
	x.uploads.Go(func() {
		if uperr = up(); uperr != nil {
			x.fail(x.because(uperr))
			return
		}
		x.ended(&x.req)
	})
	if err := down(); err != nil {
		x.fail(x.because(err))
	} else {
		x.ended(&x.resp)
	}
	x.uploads.Wait()
	x.mu.Lock()
	x.settled = x.req.body.Ended && x.resp.body.Ended
	x.mu.Unlock()
	client.Close()
	server.Close()
}

// because prefers why the exchange has ended to what that broke.
func (x *exchange) because(err *flow.Error) *flow.Error {
	if x.ctx.Err() != nil {
		if why, ok := context.Cause(&x.ctx).(*flow.Error); ok {
			return why
		}
	}
	return err
}
