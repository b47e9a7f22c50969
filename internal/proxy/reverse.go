package proxy

import (
	"context"

	"midstream/internal/ca"
	"midstream/internal/upstream"
)

// serveReverse serves a client that takes us for the target of the mode, in
// TLS or without. What is not to be intercepted is decided by the target, its
// address, and the client's server name, and passed to the target as it comes.
func (c *client) serveReverse(ctx context.Context, down *conn) {
	m, hosts := c.mode, &c.p.manner().Hosts
	t := &tunnel{client: c, host: m.Host, port: m.Port, address: m.Target(), names: []string{m.Target()}, via: c.parent(m.Scheme, m.Host, m.Port)}
	defer t.giveUp()
	if ps := &c.p.now().Parents; ps.User != "" {
		c.pool.Authorize(t.address, m.Scheme == "https", ps.User, ps.Password)
	}
	if hosts.any() && c.p.manner().Strategy == Eager {
		t.dial = c.startDial(ctx, t.target())
		attend(ctx, down, brokenOff, func(ctx context.Context) { t.namePeer(ctx) })
	}
	if matchAny(hosts.Ignore, t.names) {
		t.passOn(ctx, down)
		return
	}
	first, ok := c.waitFirst(down)
	if !ok {
		return
	}
	if first[0] == recordHandshake {
		if down = c.serveReverseTLS(ctx, t, down); down == nil {
			return
		}
		defer down.Close()
	} else {
		if hosts.ignores(t.names...) {
			t.passOn(ctx, down)
			return
		}
		if c.beginsHTTP2(down) {
			// What it speaks to us it would speak to the target.
			c.pool.Introduce(t.address, upstream.Name{Protocols: []string{h2, http11}, Prior: true})
		}
		if m.Scheme == "http" {
			t.adopt(ctx, down)
		}
	}
	t.giveUp()
	if t.to != nil {
		m.Host, m.Port = t.to.host, t.to.port
	}
	c.serveRequests(ctx, down, toTarget{mode: m, keepHost: c.p.manner().KeepHost, via: t.via})
}

// serveReverseTLS completes a handshake with the client. It returns nil when the
// connection has been served, or has failed.
func (c *client) serveReverseTLS(ctx context.Context, t *tunnel, down *conn) *conn {
	h, err := c.waitHello(down)
	if err != nil {
		return nil
	}
	if h.ServerName != "" {
		t.names = append(t.names, hostPort(h.ServerName, t.port))
	}
	if c.p.manner().Hosts.ignores(t.names...) {
		t.passOn(ctx, down)
		return nil
	}
	if pass, err := t.greetedTLS(ctx, down, h); err != nil {
		return nil
	} else if pass {
		t.passOn(ctx, down)
		return nil
	}
	m := c.mode
	var up *upstream.Conn
	offer := c.p.common(h.Protocols)
	forServer := translatable(offer)
	if c.p.manner().KeepHost && !t.renamed {
		t.serverName = h.ServerName
	}
	t.like = c.p.dialer.Like(h)
	c.pool.Introduce(t.address, upstream.Name{SNI: t.serverName, Protocols: forServer, Greeting: t.like})
	protocol := pick(offer)
	if m.Scheme == "https" {
		if c.p.manner().Strategy == Eager {
			if attend(ctx, down, anyEnd, func(ctx context.Context) { up = t.askServer(ctx, forServer) }) {
				discard(up)
				return nil
			}
		}
		protocol = t.choose(offer, forServer, up)
	}
	leaf := ca.LeafRequest{SNI: h.ServerName, Addr: localHost(down), Upstream: c.p.namesOf(up)}
	secured, facts, err := c.shakeHands(ctx, down, h, protocol, leaf)
	if err != nil {
		discard(up)
		c.handshakeFailed(ctx, down, h, t.address, err)
		return nil
	}
	c.secured(ctx, facts)
	if facts.ALPN == "" {
		if _, ok := c.waitFirst(secured); ok && c.beginsHTTP2(secured) {
			c.pool.Introduce(t.address, upstream.Name{SNI: t.serverName, Protocols: []string{h2, http11}, Greeting: t.like, Prior: true})
			discard(up) // it was not asked for HTTP/2
			up = nil
		}
	}
	if up != nil {
		c.pool.Adopt(up, t.address)
	}
	return secured
}
