package script

import (
	"context"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
)

// addon is one object of one version of a script as package hook sees it.
type addon struct {
	v        *version
	index    int
	name     string
	wants    hook.Events
	observe  bool
	required bool
}

var (
	_ hook.Named                  = (*addon)(nil)
	_ hook.Selective              = (*addon)(nil)
	_ hook.Observer               = (*addon)(nil)
	_ hook.Guard                  = (*addon)(nil)
	_ hook.ClientConnectedHook    = (*addon)(nil)
	_ hook.ClientDisconnectedHook = (*addon)(nil)
	_ hook.ServerConnectHook      = (*addon)(nil)
	_ hook.ServerConnectedHook    = (*addon)(nil)
	_ hook.ServerConnectErrorHook = (*addon)(nil)
	_ hook.ServerDisconnectedHook = (*addon)(nil)
	_ hook.HTTPConnectHook        = (*addon)(nil)
	_ hook.RequestHeadersHook     = (*addon)(nil)
	_ hook.RequestHook            = (*addon)(nil)
	_ hook.ResponseHeadersHook    = (*addon)(nil)
	_ hook.ResponseHook           = (*addon)(nil)
	_ hook.ErrorHook              = (*addon)(nil)
	_ hook.FinishedHook           = (*addon)(nil)
	_ hook.SSEEventHook           = (*addon)(nil)
	_ hook.GRPCMessageHook        = (*addon)(nil)
	_ hook.StreamMessageHook      = (*addon)(nil)
	_ hook.WebSocketStartHook     = (*addon)(nil)
	_ hook.WebSocketMessageHook   = (*addon)(nil)
	_ hook.WebSocketEndHook       = (*addon)(nil)
	_ hook.TCPStartHook           = (*addon)(nil)
	_ hook.TCPMessageHook         = (*addon)(nil)
	_ hook.TCPEndHook             = (*addon)(nil)
	_ hook.TCPErrorHook           = (*addon)(nil)
)

func (a *addon) Name() string       { return a.name }
func (a *addon) Wants() hook.Events { return a.wants }
func (a *addon) Observe() bool      { return a.observe }
func (a *addon) Required() bool     { return a.required }

func (a *addon) HTTPConnect(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, httpConnect, nil)
}

func (a *addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, requestHeaders, nil)
}

func (a *addon) Request(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, request, nil)
}

func (a *addon) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, responseHeaders, nil)
}

func (a *addon) Response(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, response, nil)
}

func (a *addon) Error(ctx context.Context, x *hook.Exchange) error { return a.run(ctx, x, failed, nil) }

// Finished ends the flow's stay with this version.
func (a *addon) Finished(x *hook.Exchange) {
	if f, ok := a.v.key.Get(x); ok {
		a.v.release(f)
	}
}

// argument is what an event has beside its flow. close is called when its hook has
// returned.
type argument interface {
	object(e *engine) goja.Value
	close()
}

// run runs the function for one event on a flow; arg is its second argument, nil
// where it has none.
func (a *addon) run(ctx context.Context, x *hook.Exchange, id eventID, arg argument) error {
	f := a.v.flow(x)
	e := f.e
	en := e.objects[a.index]
	fn := en.hooks[id]
	if fn == nil {
		return nil
	}
	c := newCall(events[id].name, f)
	if err := e.enter(ctx, c); err != nil {
		return err
	}
	pending, err := func() (bool, error) {
		defer e.leave()
		f.begin(id)
		pending, err := e.start(c, func() (goja.Value, error) {
			if arg != nil {
				return fn(en.this, f.object(), arg.object(e))
			}
			return fn(en.this, f.object())
		}, func(goja.Value) error { return nil })
		if !pending {
			f.end()
			if arg != nil {
				arg.close()
			}
		}
		return pending, err
	}()
	if !pending {
		return err
	}
	select {
	case <-c.wake:
		err = c.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if lost := e.enter(context.WithoutCancel(ctx), nil); lost != nil {
		return lost
	}
	defer e.leave()
	delete(e.waiting, c)
	f.end()
	if arg != nil {
		arg.close()
	}
	return err
}

// plain runs an event that has no flow; arg makes its argument inside the engine.
func (a *addon) plain(ctx context.Context, e *engine, id eventID, arg func() goja.Value, after func()) error {
	en := e.objects[a.index]
	fn := en.hooks[id]
	if fn == nil {
		return nil
	}
	return e.do(ctx, newCall(events[id].name, nil),
		func() (goja.Value, error) { return fn(en.this, arg()) },
		func(goja.Value) error {
			after()
			return nil
		})
}

// tell is plain for events whose errors nobody takes.
func (a *addon) tell(ctx context.Context, e *engine, id eventID, arg func() goja.Value) {
	if err := a.plain(ctx, e, id, arg, func() {}); err != nil && ctx.Err() == nil {
		e.report(events[id].name, nil, err)
	}
}

func (a *addon) ClientConnected(ctx context.Context, c *flow.Conn) error {
	e := a.v.engineOf(c)
	reason := ""
	err := a.plain(ctx, e, clientConnected,
		func() goja.Value { return e.conn(c) },
		func() { reason = e.connOf(c).refused })
	if err == nil && reason != "" {
		err = &hook.Refusal{Reason: "script " + a.name + ": " + reason}
	}
	return err
}

func (a *addon) ClientDisconnected(ctx context.Context, c *flow.Conn) {
	e := a.v.engineOf(c)
	a.tell(ctx, e, clientDisconnected, func() goja.Value { return e.conn(c) })
	a.v.forgetConn(c)
}

func (a *addon) ServerConnect(ctx context.Context, d *hook.Dial) error {
	e := a.v.engineOf(d.Client)
	var data *dial
	return a.plain(ctx, e, serverConnect,
		func() (v goja.Value) { data, v = e.dialling(d); return v },
		func() { data.apply(a.name) })
}

func (a *addon) ServerConnected(ctx context.Context, d *hook.Dial) {
	e := a.v.engineOf(d.Client)
	a.tell(ctx, e, serverConnected, func() goja.Value { return e.dial(d) })
}

func (a *addon) ServerConnectError(ctx context.Context, d *hook.Dial) {
	e := a.v.engineOf(d.Client)
	a.tell(ctx, e, serverConnectError, func() goja.Value { return e.dial(d) })
}

func (a *addon) ServerDisconnected(ctx context.Context, d *hook.Dial) {
	e := a.v.engineOf(d.Client)
	a.tell(ctx, e, serverDisconnected, func() goja.Value { return e.dial(d) })
	a.v.forgetConn(d.Server)
}
