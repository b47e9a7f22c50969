package proxy

import (
	"bytes"
	"context"

	"midstream/flow"
	"midstream/hook"
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
	if t.dial != nil {
		// Hooks decide by the address that the name stands for.
		attend(ctx, down, anyEnd, func(ctx context.Context) { t.dial.reached(ctx) })
		if t.dial.conn != nil {
			far = t.dial.conn.Facts()
		}
	}
	return c.greeted(ctx, h, far)
}

// tlsEvents are the events of handshakes with clients.
const tlsEvents = hook.OnTLSClientHello | hook.OnTLSEstablishedClient | hook.OnTLSFailedClient

// greeted runs the event for a ClientHello of a connection that is to lead to far.
func (c *client) greeted(ctx context.Context, h *clienthello.Hello, far *flow.Conn) (pass bool, err error) {
	set := c.p.cfg.Hooks()
	if !set.Hears(tlsEvents) {
		return false, nil
	}
	c.far = far
	if !set.Hears(hook.OnTLSClientHello) {
		return false, nil
	}
	e := &hook.ClientHello{Client: withHello(c.facts, h), Server: far, Body: bytes.Clone(h.Body)}
	if err := set.TLSClientHello(ctx, e); err != nil {
		c.p.log.Warn("client "+c.facts.Peer+": TLS handshake refused: "+err.Error(), "client", c.facts.Peer)
		return false, err
	}
	return e.Ignore, nil
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
