package pyhost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"

	"midstream/flow"
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

// conn runs an event of a connection.
func (a *addon) conn(ctx context.Context, event string, c *flow.Conn, d *hook.Dial) (*ret, error) {
	p, call, err := a.v.call(ctx, event, func(_ *process, call *call) (head, raw []byte) {
		head = appendConn(append(a.callHead("conn", call, event), `,"cl":`...), c, "")
		if d != nil {
			server := d.Server
			if server == nil {
				server = &flow.Conn{ID: flow.NewID()}
			}
			copied := *server
			if d.Via != nil && copied.Via == "" {
				copied.Via = d.Via.String()
			}
			head = appendConn(append(head, `,"sv":`...), &copied, d.Address)
			if d.Err != nil {
				head = appendText(append(head, `,"er":`...), d.Err.Error())
			}
		}
		return append(head, '}'), nil
	})
	switch {
	case p == nil && a.Required():
		return nil, err
	case p == nil:
		return &ret{}, nil
	case err != nil:
		return nil, a.lost(ctx, err)
	}
	r, _, err := p.finish(ctx, call, func(m *message) { p.replyConn(m, c, d) })
	if err != nil {
		return nil, a.lost(ctx, err)
	}
	return r, a.failures(nil, r.Errors, event)
}

// ClientConnected runs client_connected, which may refuse.
func (a *addon) ClientConnected(ctx context.Context, c *flow.Conn) error {
	r, err := a.conn(ctx, "client_connected", c, nil)
	if err == nil && r.Error != "" {
		return &hook.Refusal{Reason: "script " + a.v.path + ": " + r.Error}
	}
	return err
}

// ClientDisconnected runs client_disconnected.
func (a *addon) ClientDisconnected(ctx context.Context, c *flow.Conn) {
	a.tell(ctx, "client_disconnected", c, nil)
}

// ServerConnect runs server_connect, which may change the way or refuse.
func (a *addon) ServerConnect(ctx context.Context, d *hook.Dial) error {
	r, err := a.conn(ctx, "server_connect", client(d), d)
	if err != nil {
		return err
	}
	if len(r.Address) == 2 {
		var host string
		var port uint16
		if json.Unmarshal(r.Address[0], &host) != nil || json.Unmarshal(r.Address[1], &port) != nil || host == "" {
			return fmt.Errorf("script %s: server.address takes (host, port)", a.v.path)
		}
		d.Address = net.JoinHostPort(host, strconv.Itoa(int(port)))
	}
	if len(r.Via) > 0 {
		if d.Via, err = viaOf(r.Via); err != nil {
			return fmt.Errorf("script %s: %w", a.v.path, err)
		}
	}
	if r.Error != "" && d.Err == nil {
		d.Err = errors.New("script " + a.v.path + ": " + r.Error)
	}
	return nil
}

// ServerConnected runs server_connected.
func (a *addon) ServerConnected(ctx context.Context, d *hook.Dial) {
	a.tell(ctx, "server_connected", client(d), d)
}

// ServerConnectError runs server_connect_error.
func (a *addon) ServerConnectError(ctx context.Context, d *hook.Dial) {
	a.tell(ctx, "server_connect_error", client(d), d)
}

// ServerDisconnected runs server_disconnected.
func (a *addon) ServerDisconnected(ctx context.Context, d *hook.Dial) {
	a.tell(ctx, "server_disconnected", client(d), d)
}

func (a *addon) tell(ctx context.Context, event string, c *flow.Conn, d *hook.Dial) {
	if _, err := a.conn(ctx, event, c, d); err != nil && ctx.Err() == nil {
		a.v.host.log.Warn("a script was not told of "+event, "script", a.v.path, "err", err)
	}
}

func client(d *hook.Dial) *flow.Conn {
	if d.Client != nil {
		return d.Client
	}
	return &flow.Conn{}
}
