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

// conn runs an event of a connection. more is appended to its head, and raw are the
// octets that go with it.
func (a *addon) conn(ctx context.Context, event string, c *flow.Conn, d *hook.Dial, more string, raw []byte) (*ret, error) {
	p, call, err := a.v.call(ctx, event, func(p *process, call *call) (head, octets []byte) {
		p.shown.note(c)
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
			if d.ServerName != "" {
				t := flow.TLS{}
				if copied.TLS != nil {
					t = *copied.TLS
				}
				t.SNI, copied.TLS = d.ServerName, &t
			}
			p.shown.note(server)
			head = appendConn(append(head, `,"sv":`...), &copied, d.Address)
			if d.Err != nil {
				head = appendText(append(head, `,"er":`...), d.Err.Error())
			}
		}
		return append(append(head, more...), '}'), raw
	})
	switch {
	case p == nil && a.Required():
		return nil, err
	case p == nil:
		return &ret{}, nil
	case err != nil:
		return nil, a.lost(ctx, err)
	}
	r, _, err := p.finish(ctx, call, nil)
	if err != nil {
		return nil, a.lost(ctx, err)
	}
	return r, a.failures(nil, r.Errors, event)
}

// ClientConnected runs client_connected, which may refuse.
func (a *addon) ClientConnected(ctx context.Context, c *flow.Conn) error {
	r, err := a.conn(ctx, "client_connected", c, nil, "", nil)
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
	r, err := a.conn(ctx, "server_connect", client(d), d, "", nil)
	if err != nil {
		return err
	}
	if len(r.Address) > 0 {
		if d.Address, err = a.address(r); err != nil {
			return err
		}
	}
	if r.ServerName != nil {
		d.ServerName = *r.ServerName
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

// address is where a script has sent a connection, as host:port.
func (a *addon) address(r *ret) (string, error) {
	var host string
	var port uint16
	if len(r.Address) != 2 || json.Unmarshal(r.Address[0], &host) != nil || json.Unmarshal(r.Address[1], &port) != nil || host == "" {
		return "", fmt.Errorf("script %s: server.address takes (host, port)", a.v.path)
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port))), nil
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

func (a *addon) tell(ctx context.Context, event string, c *flow.Conn, d *hook.Dial) *ret {
	r, err := a.conn(ctx, event, c, d, "", nil)
	if err != nil && ctx.Err() == nil {
		a.v.host.log.Warn("a script was not told of "+event, "script", a.v.path, "err", err)
	}
	return r
}

func client(d *hook.Dial) *flow.Conn {
	if d.Client != nil {
		return d.Client
	}
	return &flow.Conn{}
}
