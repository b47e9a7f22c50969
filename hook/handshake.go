package hook

import (
	"context"

	"midstream/flow"
)

// The event interfaces of TLS handshakes, of CONNECT after it was decided, and of
// clients that say who they are by SOCKS.
type (
	// TLSClientHelloHook runs when a client has begun a TLS handshake, before
	// anything is answered. It may have the connection passed on as it is.
	TLSClientHelloHook interface {
		TLSClientHello(ctx context.Context, h *ClientHello) error
	}
	// TLSStartClientHook runs before a handshake with a client is answered, when the
	// server has been asked, where that comes first. It only looks.
	TLSStartClientHook interface {
		TLSStartClient(ctx context.Context, h *Handshake)
	}
	// TLSStartServerHook runs before a handshake with a server begins. It may change
	// the name that the server is told.
	TLSStartServerHook interface {
		TLSStartServer(ctx context.Context, h *Handshake)
	}
	// TLSEstablishedClientHook runs when a handshake with a client has worked.
	TLSEstablishedClientHook interface {
		TLSEstablishedClient(ctx context.Context, h *Handshake)
	}
	// TLSEstablishedServerHook runs when a handshake with a server has worked.
	TLSEstablishedServerHook interface {
		TLSEstablishedServer(ctx context.Context, h *Handshake)
	}
	// TLSFailedClientHook runs when a handshake with a client has failed; h.Err
	// says why.
	TLSFailedClientHook interface {
		TLSFailedClient(ctx context.Context, h *Handshake)
	}
	// TLSFailedServerHook runs when a handshake with a server has failed; h.Err
	// says why.
	TLSFailedServerHook interface {
		TLSFailedServer(ctx context.Context, h *Handshake)
	}
	// HTTPConnectUpstreamHook runs before a CONNECT is sent to a parent proxy; the
	// fields of its request may be changed. It may run again for the same dial,
	// where the parent asks for credentials.
	HTTPConnectUpstreamHook interface {
		HTTPConnectUpstream(ctx context.Context, x *Exchange) error
	}
	// HTTPConnectedHook runs when a client's CONNECT is about to be granted, with
	// the response that it gets.
	HTTPConnectedHook interface {
		HTTPConnected(ctx context.Context, x *Exchange) error
	}
	// HTTPConnectErrorHook runs when a client's CONNECT is refused; it only looks.
	HTTPConnectErrorHook interface {
		HTTPConnectError(ctx context.Context, x *Exchange) error
	}
	// SOCKSAuthHook runs when a SOCKS client has said who it is (RFC 1929), after
	// the option proxyauth was asked.
	SOCKSAuthHook interface {
		SOCKSAuth(ctx context.Context, a *SOCKSAuth) error
	}
)

// ClientHello is the beginning of a client's TLS handshake (RFC 8446 section 4.1.2).
type ClientHello struct {
	Client *flow.Conn
	// Server is where the connection is to lead: Address, and Peer where it has been
	// dialled already.
	Server *flow.Conn
	// Address is Server's, as host:port; as long as Server has not been dialled a hook
	// may change where the connection is to lead.
	Address string
	// ServerName is what Server is to be told of its name (RFC 6066 section 3); "" is
	// the client's own. A hook may change it.
	ServerName string
	// Body is the ClientHello as it came, behind the head of its handshake message.
	// It is not to be changed.
	Body []byte
	// Ignore has the connection passed on as it is, as ignore_hosts does; where there
	// is nowhere to pass it (TLS to the proxy itself) it does nothing.
	Ignore bool
}

// Handshake is a TLS handshake that has ended, or is about to begin.
type Handshake struct {
	Client *flow.Conn
	Server *flow.Conn // as in ClientHello
	Err    error      // nil where it has worked
	// ServerName is as in ClientHello, for TLSStartServer.
	ServerName string
}

// SOCKSAuth are the credentials of a SOCKS client.
type SOCKSAuth struct {
	Client         *flow.Conn
	User, Password string
	// Valid tells whether they are taken; a hook may change it.
	Valid bool
}

// TLSClientHello runs the event. An error of a guard is a *GuardError.
func (s *Set) TLSClientHello(ctx context.Context, h *ClientHello) error {
	if s == nil {
		return nil
	}
	for _, e := range s.tlsClientHello {
		if err := s.call(e.name, "tls_clienthello", e.required, nil, func() error { return e.hook.TLSClientHello(ctx, h) }); err != nil {
			return err
		}
	}
	return nil
}

// TLSStartClient runs the event.
func (s *Set) TLSStartClient(ctx context.Context, h *Handshake) {
	if s != nil {
		tell(ctx, s, s.tlsStartClient, h, "tls_start_client", TLSStartClientHook.TLSStartClient)
	}
}

// TLSStartServer runs the event.
func (s *Set) TLSStartServer(ctx context.Context, h *Handshake) {
	if s != nil {
		tell(ctx, s, s.tlsStartServer, h, "tls_start_server", TLSStartServerHook.TLSStartServer)
	}
}

// TLSEstablishedClient runs the event.
func (s *Set) TLSEstablishedClient(ctx context.Context, h *Handshake) {
	if s != nil {
		tell(ctx, s, s.tlsEstablishedClient, h, "tls_established_client", TLSEstablishedClientHook.TLSEstablishedClient)
	}
}

// TLSEstablishedServer runs the event.
func (s *Set) TLSEstablishedServer(ctx context.Context, h *Handshake) {
	if s != nil {
		tell(ctx, s, s.tlsEstablishedServer, h, "tls_established_server", TLSEstablishedServerHook.TLSEstablishedServer)
	}
}

// TLSFailedClient runs the event.
func (s *Set) TLSFailedClient(ctx context.Context, h *Handshake) {
	if s != nil {
		tell(ctx, s, s.tlsFailedClient, h, "tls_failed_client", TLSFailedClientHook.TLSFailedClient)
	}
}

// TLSFailedServer runs the event.
func (s *Set) TLSFailedServer(ctx context.Context, h *Handshake) {
	if s != nil {
		tell(ctx, s, s.tlsFailedServer, h, "tls_failed_server", TLSFailedServerHook.TLSFailedServer)
	}
}

// HTTPConnectUpstream runs the event; errors as RequestHeaders.
func (s *Set) HTTPConnectUpstream(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.httpConnectUpstream, x, "http_connect_upstream", HTTPConnectUpstreamHook.HTTPConnectUpstream)
}

// HTTPConnected runs the event; errors as RequestHeaders.
func (s *Set) HTTPConnected(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.httpConnected, x, "http_connected", HTTPConnectedHook.HTTPConnected)
}

// HTTPConnectError runs the event. Errors of addons are noted on x only.
func (s *Set) HTTPConnectError(ctx context.Context, x *Exchange) {
	if s != nil {
		last(ctx, s, s.httpConnectError, x, "http_connect_error", HTTPConnectErrorHook.HTTPConnectError)
	}
}

// SOCKSAuth runs the event. An error of a guard is a *GuardError.
func (s *Set) SOCKSAuth(ctx context.Context, a *SOCKSAuth) error {
	if s == nil {
		return nil
	}
	for _, e := range s.socksAuth {
		if err := s.call(e.name, "socks5_auth", e.required, nil, func() error { return e.hook.SOCKSAuth(ctx, a) }); err != nil {
			return err
		}
	}
	return nil
}

// tell runs an event that no addon can refuse.
func tell[H, D any](ctx context.Context, s *Set, list []entry[H], d D, event string, run func(H, context.Context, D)) {
	for _, e := range list {
		s.call(e.name, event, false, nil, func() error { run(e.hook, ctx, d); return nil })
	}
}
