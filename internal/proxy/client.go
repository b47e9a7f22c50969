package proxy

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
	"midstream/internal/clienthello"
	"midstream/internal/transport"
	"midstream/internal/upstream"
)

// client is one client connection while it is served.
type client struct {
	p     *Proxy
	mode  Mode
	set   *hook.Set  // those that were told of its connection
	facts *flow.Conn // replaced, never changed, when more is known
	far   *flow.Conn // where its TLS is to lead, as the events of handshakes say it
	pool  *upstream.Pool
	parents
	next  *established // what is to be served when the requests are through
	known struct {     // who the client has said it is
		sync.Mutex
		by         Gatekeeper // who has known it
		said, user string
	}
}

// serveClient serves a connection from its acceptance to its end.
func (p *Proxy) serveClient(nc net.Conn, m *Mode) {
	if err := p.manner().Block.refuses(nc.RemoteAddr()); err != nil {
		p.noteBlocked(nc.RemoteAddr(), err)
		nc.Close()
		return
	}
	c := p.newClient(nc, m)
	down := &conn{Conn: transport.New(nc)}
	defer c.left(down)
	if !c.welcome() {
		return
	}
	defer c.pool.Close()
	c.parents = p.parentsFor(*m)
	switch m.Kind {
	case Reverse:
		if m.isRaw() {
			c.serveReverseRaw(p.base, down)
			return
		}
		c.serveReverse(p.base, down)
	case Transparent:
		c.serveTransparent(p.base, nc, down)
	case Regular, Upstream, Socks5:
		c.serveRegular(p.base, down)
	}
}

func (p *Proxy) newClient(nc net.Conn, m *Mode) *client {
	now := time.Now()
	return &client{p: p, mode: *m, set: p.cfg.Hooks(), facts: &flow.Conn{
		ID: flow.NewID(), Peer: nc.RemoteAddr().String(), Local: nc.LocalAddr().String(),
		Mode: m.String(), Start: now, Connected: now,
	}}
}

// welcome tells whether the hooks admit the client, which then has a pool.
func (c *client) welcome() bool {
	if err := c.set.ClientConnected(c.p.base, c.facts); err != nil {
		level := c.p.log.Warn
		if _, ok := errors.AsType[*hook.Refusal](err); ok {
			level = c.p.log.Info
		}
		level("client "+c.facts.Peer+" refused: "+err.Error(), "client", c.facts.Peer)
		return false
	}
	c.pool = c.p.dialer.Pool(c.facts)
	return true
}

// left closes the connection and tells the hooks that were told of it.
//
//go:noinline
func (c *client) left(down *conn) {
	down.Close()
	end := *c.facts
	end.End = time.Now()
	c.set.ClientDisconnected(context.WithoutCancel(c.p.base), &end)
}

// learn replaces the facts of the client's connection.
func (c *client) learn(facts *flow.Conn) {
	c.facts = facts
	c.pool.SetClient(facts)
}

// waitFirst waits for the first octet of an idle client; false means that it
// left or that midstream stops.
func (c *client) waitFirst(down *conn) ([]byte, bool) {
	down.SetReadDeadline(c.p.idleLimit())
	stop := context.AfterFunc(c.p.idle, func() { down.SetReadDeadline(past) })
	p, err := down.peek(1)
	if !stop() || err != nil {
		return nil, false
	}
	down.SetReadDeadline(time.Time{})
	return p, true
}

// firstFault waits as waitFirst does, and returns the alert that came instead, nil
// for anything else.
func (c *client) firstFault(down *conn) error {
	down.SetReadDeadline(c.p.idleLimit())
	stop := context.AfterFunc(c.p.idle, func() { down.SetReadDeadline(past) })
	err := down.Await()
	if stop() {
		down.SetReadDeadline(time.Time{})
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return err
	}
	return nil // whoever reads next sees it again
}

// waitHello waits for the rest of a ClientHello.
func (c *client) waitHello(down *conn) (*clienthello.Hello, error) {
	down.SetReadDeadline(time.Now().Add(c.p.cfg.TLS.HandshakeTimeout))
	defer down.SetReadDeadline(time.Time{})
	return down.peekHello()
}

// serveRegular serves a client that knows us for a proxy, by HTTP or SOCKS; with TLS
// it has an https:// proxy address.
func (c *client) serveRegular(ctx context.Context, down *conn) {
	first, ok := c.waitFirst(down)
	if !ok {
		return
	}
	if first[0] == socks5 || first[0] == socks4 {
		c.serveSOCKS(ctx, down)
		return
	}
	if first[0] == recordHandshake {
		h, err := c.waitHello(down)
		if err != nil {
			return
		}
		if _, err := c.greeted(ctx, h, &flow.Conn{ID: flow.NewID()}, ""); err != nil {
			return
		}
		secured, facts, err := c.shakeHands(ctx, down, h, pick(c.p.common(h.Protocols)), ca.LeafRequest{SNI: h.ServerName, Addr: localHost(down)})
		if err != nil {
			c.handshakeFailed(ctx, down, h, "the proxy itself", err)
			return
		}
		down = secured
		c.secured(ctx, facts)
		defer down.Close()
	}
	c.serveRequests(ctx, down, asProxy{c})
	// Here, where the stack is not deep: a tunnel lives long, and so does what lies
	// below it.
	c.next.serve(ctx)
}

// recordHandshake is the first octet of a ClientHello's record (RFC 8446
// section 5.1); no HTTP method begins with it.
const recordHandshake = 22

// pick returns the best of what a client offers, in whichever order it does: as
// servers choose it.
func pick(protocols []string) string {
	switch {
	case len(protocols) == 0:
		return ""
	case slices.Contains(protocols, h2):
		return h2
	}
	return protocols[0]
}

func localHost(c net.Conn) string {
	host, _, err := net.SplitHostPort(c.LocalAddr().String())
	if err != nil {
		return ""
	}
	return host
}
