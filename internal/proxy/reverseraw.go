package proxy

import (
	"context"

	"midstream/internal/ca"
	"midstream/internal/upstream"
)

// isRaw tells whether a reverse mode passes on octets, whatever they are: the schemes
// tcp and tls.
func (m Mode) isRaw() bool { return m.Kind == Reverse && (m.Scheme == "tcp" || m.Scheme == "tls") }

// serveReverseRaw serves a client of reverse:tcp or reverse:tls: what it sends inside
// TLS or without goes to the target, inside TLS or without as the mode says.
func (c *client) serveReverseRaw(ctx context.Context, down *conn) {
	m := c.mode
	t := &tunnel{client: c, host: m.Host, port: m.Port, address: m.Target(), names: []string{m.Target()}, via: c.parent("https", m.Host, m.Port)}
	defer t.giveUp()
	eager := c.p.manner().Strategy == Eager
	hosts := &c.p.manner().Hosts
	if eager {
		t.dial = c.startDial(ctx, t.target())
		if hosts.any() {
			attend(ctx, down, brokenOff, func(ctx context.Context) { t.namePeer(ctx) })
		}
	}
	if hosts.ignores(t.names...) {
		t.passOn(ctx, down)
		return
	}
	var far *conn
	var up *upstream.Conn
	defer func() { discard(up) }()
	how := serverFirst
	if m.Scheme == "tcp" {
		how = t.open(down)
	} else {
		if eager {
			attend(ctx, down, brokenOff, func(ctx context.Context) { up, far = t.reachTLS(ctx, down, nil) })
			if up == nil {
				return
			}
		}
		how = t.openInside(down, far)
	}
	switch how {
	case clientLeft:
	case clientTLS:
		t.serveReverseTLSRaw(ctx, down, &up)
	default:
		if m.Scheme == "tcp" {
			t.raw(ctx, down)
			return
		}
		if up == nil {
			if up, far = t.reachTLS(ctx, down, nil); up == nil {
				return
			}
		}
		t.record(ctx, down, far, up)
	}
}

// reachTLS connects to the target and shakes hands, offering protocols; nil means that
// the client's connection has been ended because that cannot be done.
func (t *tunnel) reachTLS(ctx context.Context, down *conn, protocols []string) (*upstream.Conn, *conn) {
	up, err := t.take(ctx)
	if err == nil {
		up, err = t.client.p.dialer.Greet(ctx, up, t.client.facts, upstream.Name{SNI: t.nameForServer(), Protocols: protocols, Greeting: t.like})
	}
	if err != nil {
		t.unreachable(down, err)
		return nil, nil
	}
	t.client.far = up.Facts()
	return up, &conn{Conn: up.Conn}
}

// serveReverseTLSRaw takes the client's TLS off. up is the target's connection where
// there is one already; the target is asked again where the client offers protocols.
func (t *tunnel) serveReverseTLSRaw(ctx context.Context, down *conn, up **upstream.Conn) {
	c := t.client
	h, err := down.peekHello()
	if err != nil {
		return
	}
	if h.ServerName != "" {
		t.names = append(t.names, hostPort(h.ServerName, t.port))
		if c.p.manner().Hosts.ignores(t.names...) {
			discard(*up)
			*up = nil
			t.passOn(ctx, down)
			return
		}
	}
	if pass, err := t.greetedTLS(ctx, down, h); err != nil || pass {
		discard(*up)
		*up = nil
		if pass {
			t.passOn(ctx, down)
		}
		return
	}
	if c.p.manner().KeepHost && !t.renamed {
		t.serverName = h.ServerName
	}
	t.like = c.p.dialer.Like(h)
	protocol := ""
	if c.mode.Scheme == "tls" && (*up == nil || len(h.Protocols) > 0 || t.serverName != "") {
		discard(*up)
		*up = nil
		if *up, _ = t.reachTLS(ctx, down, h.Protocols); *up == nil {
			return
		}
	}
	if *up != nil {
		protocol = only(c.p.common(h.Protocols), (*up).Facts().TLS.ALPN)
	}
	secured, facts, err := c.shakeHands(ctx, down, h, protocol, ca.LeafRequest{SNI: h.ServerName, Addr: localHost(down), Upstream: c.p.namesOf(*up)})
	if err != nil {
		c.handshakeFailed(ctx, down, h, t.address, err)
		return
	}
	defer secured.Close()
	c.secured(ctx, facts)
	if *up == nil {
		if *up, err = t.take(ctx); err != nil {
			t.unreachable(secured, err)
			return
		}
	}
	t.record(ctx, secured, &conn{Conn: (*up).Conn}, *up)
}
