package proxy

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strconv"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
	"midstream/internal/clienthello"
)

// greetedTLS runs the event for the ClientHello of a tunnel. pass tells that a hook
// wants the connection passed on as it is; an error, that a guard refuses it, and
// that it is to end.
func (t *tunnel) greetedTLS(ctx context.Context, down *conn, h *clienthello.Hello) (pass bool, err error) {
	c := t.client
	if !c.p.cfg.Hooks().Hears(tlsEvents) {
		return false, nil
	}
	far := &flow.Conn{ID: flow.NewID(), Address: t.address, Via: t.via.String()}
	said := ""
	if t.dial != nil {
		// Hooks decide by the address that the name stands for.
		attend(ctx, down, anyEnd, func(ctx context.Context) { t.dial.reached(ctx) })
		if t.dial.conn != nil {
			facts := *t.dial.conn.Facts()
			far, said = &facts, t.dial.conn.ServerName()
		}
	}
	if c.mode.Kind != Reverse || c.mode.Scheme == "https" || c.mode.Scheme == "tls" {
		far.TLS = &flow.TLS{SNI: said}
	}
	e, err := c.greeted(ctx, h, far, said)
	if e == nil || err != nil {
		return false, err
	}
	if e.ServerName != said {
		t.serverName, t.renamed = e.ServerName, true
		if t.dial != nil && t.dial.conn != nil {
			t.dial.conn.Rename(e.ServerName)
		}
	}
	if e.Address != t.address {
		if err := t.readdress(e.Address); err != nil {
			c.p.log.Warn("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
			return false, err
		}
	}
	return e.Ignore, nil
}

// readdress makes the tunnel lead to another address (host:port), unless it has been
// dialled.
func (t *tunnel) readdress(address string) error {
	if t.dial != nil && t.dial.conn != nil {
		return nil
	}
	host, text, err := net.SplitHostPort(address)
	port, bad := strconv.ParseUint(text, 10, 16)
	if err != nil || bad != nil || host == "" || port == 0 {
		return fmt.Errorf("tls_clienthello: a script sends the connection to %q, which is no host and port", address)
	}
	t.giveUp()
	t.to, t.address = &detour{host, uint16(port)}, address
	t.names = append(t.names, address)
	return nil
}

// tlsEvents are the events of handshakes with clients.
const tlsEvents = hook.OnTLSClientHello | hook.OnTLSStartClient | hook.OnTLSEstablishedClient | hook.OnTLSFailedClient

// greeted runs the event for a ClientHello of a connection that is to lead to far.
// said is what hooks have wanted far to be told of its name. It returns what they have
// made of the event, nil where none wanted it.
func (c *client) greeted(ctx context.Context, h *clienthello.Hello, far *flow.Conn, said string) (*hook.ClientHello, error) {
	set := c.p.cfg.Hooks()
	if !set.Hears(tlsEvents) {
		return nil, nil
	}
	c.far = far
	if !set.Hears(hook.OnTLSClientHello) {
		return nil, nil
	}
	e := &hook.ClientHello{Client: withHello(c.facts, h), Server: far, Address: far.Address, ServerName: said, Body: bytes.Clone(h.Body)}
	if err := set.TLSClientHello(ctx, e); err != nil {
		c.p.log.Warn("client "+c.facts.Peer+": TLS handshake refused: "+err.Error(), "client", c.facts.Peer)
		return nil, err
	}
	return e, nil
}

// shakeHands is that of the proxy, with the event before it.
func (c *client) shakeHands(ctx context.Context, down *conn, h *clienthello.Hello, protocol string, want ca.LeafRequest) (*conn, *flow.TLS, error) {
	if set := c.p.cfg.Hooks(); set.Hears(hook.OnTLSStartClient) {
		set.TLSStartClient(ctx, &hook.Handshake{Client: withHello(c.facts, h), Server: c.far})
	}
	return c.p.shakeHands(ctx, down, h, protocol, want)
}

// secured notes that the handshake with the client has worked.
func (c *client) secured(ctx context.Context, t *flow.TLS) {
	c.learn(withTLS(c.facts, t))
	c.p.cfg.Hooks().TLSEstablishedClient(ctx, &hook.Handshake{Client: c.facts, Server: c.far})
}

// withHello is what is known of a client's connection when its handshake begins.
func withHello(c *flow.Conn, h *clienthello.Hello) *flow.Conn {
	facts := *c
	facts.TLS = &flow.TLS{SNI: h.ServerName, Offered: h.Protocols}
	return &facts
}
