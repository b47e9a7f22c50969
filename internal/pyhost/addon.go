package pyhost

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"midstream/hook"
)

// events are the hooks that Python may have, by name.
var events = map[string]hook.Events{
	"client_connected": hook.OnClientConnected, "client_disconnected": hook.OnClientDisconnected,
	"server_connect": hook.OnServerConnect, "server_connected": hook.OnServerConnected,
	"server_connect_error": hook.OnServerConnectError, "server_disconnected": hook.OnServerDisconnected,
	"http_connect": hook.OnHTTPConnect, "requestheaders": hook.OnRequestHeaders, "request": hook.OnRequest,
	"responseheaders": hook.OnResponseHeaders, "response": hook.OnResponse, "error": hook.OnError,
	"websocket_start": hook.OnWebSocketStart, "websocket_message": hook.OnWebSocketMessage,
	"websocket_end": hook.OnWebSocketEnd, "tcp_start": hook.OnTCPStart, "tcp_message": hook.OnTCPMessage,
	"tcp_end": hook.OnTCPEnd, "tcp_error": hook.OnTCPError,
	"http_connect_upstream": hook.OnHTTPConnectUpstream, "http_connected": hook.OnHTTPConnected,
	"http_connect_error": hook.OnHTTPConnectError, "socks5_auth": hook.OnSOCKSAuth,
	"tls_clienthello": hook.OnTLSClientHello, "tls_start_client": hook.OnTLSStartClient, "tls_start_server": hook.OnTLSStartServer, "tls_established_client": hook.OnTLSEstablishedClient,
	"tls_established_server": hook.OnTLSEstablishedServer, "tls_failed_client": hook.OnTLSFailedClient,
	"tls_failed_server": hook.OnTLSFailedServer,
}

// addon is one group of the addons of a script, as package hook sees it.
type addon struct {
	v     *version
	index int
	group group
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
	_ hook.WebSocketStartHook     = (*addon)(nil)
	_ hook.WebSocketMessageHook   = (*addon)(nil)
	_ hook.WebSocketEndHook       = (*addon)(nil)
	_ hook.TCPStartHook           = (*addon)(nil)
	_ hook.TCPMessageHook         = (*addon)(nil)
	_ hook.TCPEndHook             = (*addon)(nil)
	_ hook.TCPErrorHook           = (*addon)(nil)
)

func (a *addon) Name() string       { return a.v.path }
func (a *addon) Wants() hook.Events { return a.group.wants }
func (a *addon) Observe() bool      { return a.index == 1 }
func (a *addon) Required() bool     { return a.group.required || a.v.host.config.Closed }

func (a *addon) HTTPConnect(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "http_connect")
}

func (a *addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "requestheaders")
}

func (a *addon) Request(ctx context.Context, x *hook.Exchange) error { return a.run(ctx, x, "request") }

func (a *addon) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "responseheaders")
}

func (a *addon) Response(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "response")
}

func (a *addon) Error(ctx context.Context, x *hook.Exchange) error { return a.run(ctx, x, "error") }

func (a *addon) WebSocketStart(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "websocket_start")
}

func (a *addon) WebSocketMessage(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "websocket_message")
}

func (a *addon) WebSocketEnd(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "websocket_end")
}

func (a *addon) TCPStart(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "tcp_start")
}

func (a *addon) TCPMessage(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "tcp_message")
}

func (a *addon) TCPEnd(ctx context.Context, x *hook.Exchange) error { return a.run(ctx, x, "tcp_end") }

func (a *addon) TCPError(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "tcp_error")
}

// Finished ends the flow's stay with the script.
func (a *addon) Finished(x *hook.Exchange) {
	f, ok := a.v.key.Get(x)
	if !ok || f.x == nil {
		return
	}
	f.applyLate()
	p := f.p
	p.mu.Lock()
	_, there := p.pictures[f.id]
	delete(p.pictures, f.id)
	p.mu.Unlock()
	if !there {
		return // the other group was here first
	}
	p.leave(f.id)
	a.v.release()
}

// run runs the hooks for one event of a flow.
func (a *addon) run(ctx context.Context, x *hook.Exchange, event string) error {
	var f *picture
	p, c, err := a.v.call(ctx, event, func(p *process, c *call) (head, raw []byte) {
		f = a.v.flow(x, p)
		f.applyLate()
		f.opened()
		head = a.callHead("hook", c, event)
		head, raw = f.describe(head, nil)
		head, raw = describeMessage(head, raw, x, event)
		return append(head, '}'), raw
	})
	switch {
	case p == nil:
		return a.missed(x, err)
	case err != nil:
		return a.lost(ctx, err)
	}
	r, raw, err := p.finish(ctx, c, func(m *message) { p.reply(ctx, f, m) })
	if c.slow.Load() {
		x.Find("script-slow", fmt.Sprintf("%s of %s took long: the flow waited for it", event, a.v.path))
	}
	if err != nil {
		return a.lost(ctx, err)
	}
	if err := f.apply(r, raw, event); err != nil {
		if errors.Is(err, errFrame) {
			p.fail(err)
		}
		return fmt.Errorf("script %s: %w", a.v.path, err)
	}
	return a.failures(x, r.Errors, event)
}

func (a *addon) callHead(kind string, c *call, event string) []byte {
	head := callHead(make([]byte, 0, 512), kind, c.id)
	head = append(append(append(head, `,"e":"`...), event...), `","g":`...)
	return strconv.AppendInt(head, int64(a.index), 10)
}

// lost is the error of a hook whose process has gone away.
func (a *addon) lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// missed is for flows that come while there is no process: open, they pass without
// it, which they say; closed, they are refused.
func (a *addon) missed(x *hook.Exchange, err error) error {
	if a.Required() {
		return err
	}
	x.Find("script-missing", fmt.Sprintf("passed without %s: %v", a.v.path, err))
	return nil
}

// failures notes exceptions on the flow; the script has printed its tracebacks.
func (a *addon) failures(x *hook.Exchange, all []failed, event string) error {
	for _, e := range all {
		a.v.host.faults.note(a.v.path, e.said(event))
		if e.required {
			return fmt.Errorf("script %s, %s: %s", a.v.path, e.addon, e.text)
		}
		if x != nil {
			x.Find("addon-error", fmt.Sprintf("%s in %s: %s", e.addon, event, e.text))
		}
	}
	return nil
}

func describeMessage(head, raw []byte, x *hook.Exchange, event string) ([]byte, []byte) {
	switch {
	case x.TCP != nil && x.TCP.Message != nil && event == "tcp_message":
		m := x.TCP.Message
		head = strconv.AppendBool(append(head, `,"tm":[`...), m.FromClient)
		head = appendTime(append(head, ','), m.Time)
		return append(head, ']'), append(raw, m.Content...)
	case x.WebSocket == nil:
		return head, raw
	}
	w := x.WebSocket
	head = append(head, `,"ws":{`...)
	switch event {
	case "websocket_message":
		head = strconv.AppendBool(append(head, `"from":`...), w.Message.FromClient)
		head = strconv.AppendBool(append(head, `,"text":`...), w.Message.Text)
		head = appendTime(append(head, `,"time":`...), w.Message.Time)
		raw = append(raw, w.Message.Content...)
	case "websocket_end":
		head = strconv.AppendInt(append(head, `"code":`...), int64(w.CloseCode), 10)
		head = appendText(append(head, `,"reason":`...), w.CloseReason)
		head = strconv.AppendBool(append(head, `,"by_client":`...), w.ClosedByClient)
		head = appendTime(append(head, `,"end":`...), w.End)
	}
	return append(head, '}'), raw
}
