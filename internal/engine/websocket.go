package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/ws"
)

// socketLimit is up to which length hooks get a message, in octets, on the wire
// and inflated.
const socketLimit = ws.DefaultLimit

// socketRelay moves a WebSocket connection that hooks hear. Frames are sent on as
// they came unless a hook changed what they say.
type socketRelay struct {
	x      *exchange
	client body.Duplex
	server body.Duplex
	up     socketSide
	down   socketSide

	mu     sync.Mutex // guards closing
	closed bool       // an end was seen
	code   int
	reason string
	first  flow.Peer
}

// newSocketRelay returns nil where the connection is not WebSocket or no hook
// hears it.
func (x *exchange) newSocketRelay(client, server body.Duplex) *socketRelay {
	if !x.set.Hears(hook.OnWebSocketStart | hook.OnWebSocketMessage | hook.OnWebSocketEnd) {
		return nil
	}
	head := &x.live.Response.Response
	if flow.Switched(&x.live.Request.Request, head) != "websocket" {
		return nil
	}
	up, down, _ := ws.Agreed(head.Fields.Joined("Sec-WebSocket-Extensions"))
	r := &socketRelay{x: x, client: client, server: server, code: ws.Abnormal}
	holds := x.set.Hears(hook.OnWebSocketMessage)
	r.up = socketSide{r: r, h: &x.req, src: client, from: flow.AtClient, agreed: up, holds: holds,
		frameWriter: frameWriter{dst: server, to: flow.AtServer, tap: &x.req}}
	r.down = socketSide{r: r, h: &x.resp, src: server, from: flow.AtServer, agreed: down, holds: holds,
		frameWriter: frameWriter{dst: client, to: flow.AtClient, tap: &x.resp}}
	for _, d := range []*socketSide{&r.up, &r.down} {
		d.split = ws.NewSplitter(d.agreed, socketLimit)
		d.split.Tap = d.tap
	}
	return r
}

// run moves both directions to their ends and runs the hooks around them.
func (r *socketRelay) run() {
	x := r.x
	defer r.up.split.Close()
	defer r.down.split.Close()
	x.hooks.Lock()
	over := x.ctl.OpenWebSocket(r.send)
	err := r.guard(x.set.WebSocketStart)
	added := x.live.WebSocket.TakeInjected()
	x.hooks.Unlock()
	if err == nil {
		err = r.inject(added)
	}
	failed := func() *flow.Error { return err }
	if err != nil {
		x.relayRaw(r.client, r.server, failed, failed)
	} else {
		x.relayRaw(r.client, r.server, r.up.pump, r.down.pump)
	}
	over()
	r.mu.Lock()
	code, reason, first := r.code, r.reason, r.first
	r.mu.Unlock()
	x.hooks.Lock()
	defer x.hooks.Unlock()
	s := x.live.WebSocket
	s.CloseCode, s.CloseReason, s.ClosedByClient, s.End = code, reason, first == flow.AtClient, x.order.now(first)
	var ctx context.Context = &x.ctx
	if ctx.Err() != nil {
		var cancel func()
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
	}
	x.set.WebSocketEnd(ctx, x.live) // nothing is left that its error could end
	s.TakeInjected()
}

// guard runs hooks, and returns why the connection must not go on.
func (r *socketRelay) guard(run func(context.Context, *hook.Exchange) error) *flow.Error {
	err := r.x.guard(run)
	if err != nil && err != errKilled {
		c := *err
		c.Phase = flow.InBody
		err = &c
	}
	return err
}

// ended notes the first end of the connection that was seen.
func (r *socketRelay) ended(from flow.Peer, code int, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		r.closed, r.code, r.reason, r.first = true, code, reason, from
	}
}

// message runs the hooks on a message. It returns what they made of it and added.
func (r *socketRelay) message(from flow.Peer, m *ws.Message) (*hook.WebSocketMessage, []hook.Injected, *flow.Error) {
	x := r.x
	r.up.linger()
	r.down.linger()
	hm := &hook.WebSocketMessage{FromClient: from == flow.AtClient, Text: m.Opcode == ws.Text, Content: append([]byte{}, m.Payload...), Time: x.order.now(from)}
	x.hooks.Lock()
	defer x.hooks.Unlock()
	s := x.live.WebSocket
	s.Message = hm
	s.Count++
	err := r.guard(x.set.WebSocketMessage)
	return hm, s.TakeInjected(), err
}

// send sends one message that comes from elsewhere than a hook that runs.
func (r *socketRelay) send(m hook.Injected) error {
	if err := r.inject([]hook.Injected{m}); err != nil {
		return err
	}
	return nil
}

// inject sends messages that hooks have added.
func (r *socketRelay) inject(all []hook.Injected) *flow.Error {
	for _, m := range all {
		d := &r.up
		if m.ToClient {
			d = &r.down
		}
		if err := d.inject(m); err != nil {
			return err
		}
		d.linger()
	}
	return nil
}

// errSocketContext ends a connection whose receiver could not read on.
var errSocketContext = errors.New("a message cannot be inflated, and since an earlier one was changed it cannot be sent as it came")

func (d *socketSide) lostContext(why error) *flow.Error {
	return &flow.Error{Peer: d.from, Phase: flow.InBody, Cause: flow.Malformed, Err: fmt.Errorf("%w: %w", errSocketContext, why)}
}
