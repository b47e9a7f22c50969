package pyhost

import (
	"context"
	"strconv"

	"midstream/flow"
	"midstream/hook"
)

var (
	_ hook.TLSClientHelloHook       = (*addon)(nil)
	_ hook.TLSStartClientHook       = (*addon)(nil)
	_ hook.TLSStartServerHook       = (*addon)(nil)
	_ hook.TLSEstablishedClientHook = (*addon)(nil)
	_ hook.TLSEstablishedServerHook = (*addon)(nil)
	_ hook.TLSFailedClientHook      = (*addon)(nil)
	_ hook.TLSFailedServerHook      = (*addon)(nil)
	_ hook.HTTPConnectUpstreamHook  = (*addon)(nil)
	_ hook.HTTPConnectedHook        = (*addon)(nil)
	_ hook.HTTPConnectErrorHook     = (*addon)(nil)
	_ hook.SOCKSAuthHook            = (*addon)(nil)
)

// HTTPConnectUpstream runs http_connect_upstream.
func (a *addon) HTTPConnectUpstream(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "http_connect_upstream")
}

// HTTPConnected runs http_connected.
func (a *addon) HTTPConnected(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "http_connected")
}

// HTTPConnectError runs http_connect_error.
func (a *addon) HTTPConnectError(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, "http_connect_error")
}

// TLSClientHello runs tls_clienthello.
func (a *addon) TLSClientHello(ctx context.Context, h *hook.ClientHello) error {
	r, err := a.conn(ctx, "tls_clienthello", h.Client, &hook.Dial{Server: h.Server, Address: h.Address, ServerName: h.ServerName}, "", h.Body)
	if r == nil || err != nil {
		return err
	}
	h.Ignore = h.Ignore || r.Ignore != 0
	if r.ServerName != nil {
		h.ServerName = *r.ServerName
	}
	if len(r.Address) > 0 {
		h.Address, err = a.address(r)
	}
	return err
}

// TLSStartClient runs tls_start_client.
func (a *addon) TLSStartClient(ctx context.Context, h *hook.Handshake) {
	a.handshake(ctx, "tls_start_client", h)
}

// TLSStartServer runs tls_start_server.
func (a *addon) TLSStartServer(ctx context.Context, h *hook.Handshake) {
	if r := a.handshake(ctx, "tls_start_server", h); r != nil && r.ServerName != nil {
		h.ServerName = *r.ServerName
	}
}

// TLSEstablishedClient runs tls_established_client.
func (a *addon) TLSEstablishedClient(ctx context.Context, h *hook.Handshake) {
	a.handshake(ctx, "tls_established_client", h)
}

// TLSEstablishedServer runs tls_established_server.
func (a *addon) TLSEstablishedServer(ctx context.Context, h *hook.Handshake) {
	a.handshake(ctx, "tls_established_server", h)
}

// TLSFailedClient runs tls_failed_client.
func (a *addon) TLSFailedClient(ctx context.Context, h *hook.Handshake) {
	a.handshake(ctx, "tls_failed_client", h)
}

// TLSFailedServer runs tls_failed_server.
func (a *addon) TLSFailedServer(ctx context.Context, h *hook.Handshake) {
	a.handshake(ctx, "tls_failed_server", h)
}

func (a *addon) handshake(ctx context.Context, event string, h *hook.Handshake) *ret {
	d := &hook.Dial{Client: h.Client, Server: h.Server, Err: h.Err, ServerName: h.ServerName}
	if h.Server != nil {
		d.Address = h.Server.Address
	}
	return a.tell(ctx, event, client(d), d)
}

// SOCKSAuth runs socks5_auth.
func (a *addon) SOCKSAuth(ctx context.Context, s *hook.SOCKSAuth) error {
	more := appendOctets([]byte(`,"user":`), s.User)
	more = appendOctets(append(more, `,"pass":`...), s.Password)
	more = strconv.AppendBool(append(more, `,"valid":`...), s.Valid)
	who := s.Client
	if who == nil {
		who = &flow.Conn{}
	}
	r, err := a.conn(ctx, "socks5_auth", who, nil, string(more), nil)
	if r != nil && r.Valid != nil {
		s.Valid = *r.Valid
	}
	return err
}
