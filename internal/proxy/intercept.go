package proxy

import (
	"context"
	"crypto/x509"
	"time"

	"midstream/internal/ca"
	"midstream/internal/upstream"
)

// serveTLS serves a tunnel whose client begins with a ClientHello. The server
// is asked first, so that the client gets a certificate and a protocol like
// the server's own; when the server cannot be asked, the client's handshake is
// completed all the same, so that it can be told why.
func (t *tunnel) serveTLS(ctx context.Context, down *conn) {
	if secured, way := t.decrypt(ctx, down); secured != nil {
		defer secured.Close()
		t.client.serveRequests(ctx, secured, way)
	}
}

// decrypt shakes hands with both sides. It returns the client's connection where
// requests come on it, and their way; else it has served the tunnel, and returns
// nil.
func (t *tunnel) decrypt(ctx context.Context, down *conn) (_ *conn, way route) {
	c := t.client
	h, err := down.peekHello()
	if err != nil {
		return nil, nil
	}
	t.serverName, t.like = h.ServerName, c.p.dialer.Like(h)
	hosts := &c.p.manner().Hosts
	if h.ServerName != "" {
		t.names = append(t.names, hostPort(h.ServerName, t.port))
	}
	if hosts.ignores(t.names...) {
		t.passOn(ctx, down)
		return nil, nil
	}
	if pass, err := t.greetedTLS(ctx, down, h); err != nil {
		return nil, nil
	} else if pass {
		t.passOn(ctx, down)
		return nil, nil
	}
	var up *upstream.Conn
	asked := c.p.dialsFirst(t.host)
	offer := c.p.common(h.Protocols)
	raw := hosts.raw(t.names...)
	forServer := offer
	if !raw {
		forServer = translatable(offer)
	}
	c.pool.Introduce(t.address, upstream.Name{SNI: t.serverName, Protocols: forServer, Greeting: t.like})
	if asked {
		if attend(ctx, down, anyEnd, func(ctx context.Context) { up = t.askServer(ctx, forServer) }) {
			discard(up)
			return nil, nil
		}
	}
	defer func() { discard(up) }()
	secured, facts, err := c.shakeHands(ctx, down, h, t.choose(offer, forServer, up), ca.LeafRequest{
		SNI: h.ServerName, Addr: t.host, Upstream: c.p.namesOf(up),
	})
	if err != nil {
		c.handshakeFailed(ctx, down, h, t.address, err)
		return nil, nil
	}
	serve := false
	defer func() {
		if !serve {
			secured.Close()
		}
	}()
	if facts.ALPN != "" && h.Hides() {
		// A client whose hello was not understood says so behind the handshake.
		if err := c.firstFault(secured); err != nil {
			c.handshakeFailed(ctx, secured, h, t.address, err)
			return nil, nil
		}
	}
	c.secured(ctx, facts)
	var far *conn
	if up != nil {
		far = &conn{Conn: up.Conn}
	}
	if facts.ALPN == "" && !raw {
		switch t.openInside(secured, far) {
		case clientLeft:
			return nil, nil
		case clientHTTP:
		default:
			raw = true
		}
	}
	if raw {
		t.rawTLS(ctx, secured, far, up, facts.ALPN)
		return nil, nil
	}
	if c.beginsHTTP2(secured) {
		// The server has not been asked for HTTP/2 either.
		c.pool.Introduce(t.address, upstream.Name{SNI: t.serverName, Protocols: []string{h2, http11}, Greeting: t.like})
	} else if up != nil && (far == nil || len(far.head) == 0) {
		c.pool.Adopt(up, t.address)
		up = nil
	}
	serve = true
	return secured, inTunnel{scheme: "https", host: t.host, port: t.port, sni: h.ServerName, to: t.to, via: t.via}
}

// discard closes a connection that is not needed, nil included.
func discard(up *upstream.Conn) {
	if up != nil {
		up.Close()
	}
}

// askServer dials, where that has not been done, and shakes hands with the
// server. Nil means that it failed, which the log has; the next request tries
// again and answers with the reason.
func (t *tunnel) askServer(ctx context.Context, offer []string) *upstream.Conn {
	up, err := t.take(ctx)
	if err == nil {
		up, err = t.client.p.dialer.Agree(ctx, up, t.client.facts, t.address, upstream.Name{SNI: t.nameForServer(), Protocols: offer, Greeting: t.like})
	}
	if err != nil {
		t.client.p.log.Debug("client "+t.client.facts.Peer+": "+err.Error(), "client", t.client.facts.Peer)
		return nil
	}
	t.client.far = up.Facts()
	return up
}

func (t *tunnel) nameForServer() string {
	if t.serverName != "" {
		return t.serverName
	}
	if t.to != nil {
		return t.to.host
	}
	return t.host
}

// choose picks the protocol for the client: what the server chose; where the
// server was not asked, what it chose the last time, or the best that the client
// offers. A client that can be translated for, because the server was offered
// more, gets what it speaks.
func (t *tunnel) choose(offer, forServer []string, up *upstream.Conn) string {
	if len(offer) == 0 {
		return ""
	}
	if len(forServer) > len(offer) {
		return offer[0]
	}
	if up != nil {
		return spokenFor(offer, up.Facts().TLS.ALPN)
	}
	if protocol, known := t.client.p.dialer.Chose(t.address); known {
		return spokenFor(offer, protocol)
	}
	return pick(offer)
}

// spokenFor is what a client with an offer speaks before a server that chose
// protocol. One that cannot speak HTTP/2 is translated for.
func spokenFor(offer []string, protocol string) string {
	if protocol == h2 && only(offer, h2) == "" {
		return only(offer, http11)
	}
	return only(offer, protocol)
}

// translatable is what a server is offered for a client's offer: for a client that
// speaks nothing but HTTP/2, a server of HTTP/1.1 is translated.
func translatable(offer []string) []string {
	if len(offer) == 1 && offer[0] == h2 {
		return []string{h2, http11}
	}
	return offer
}

// only returns protocol where it is among offer, else "".
func only(offer []string, protocol string) string {
	for _, o := range offer {
		if o == protocol {
			return o
		}
	}
	return ""
}

// namesOf returns the certificate whose names a leaf takes over.
func (p *Proxy) namesOf(up *upstream.Conn) *x509.Certificate {
	if up == nil || p.manner().PlainLeaf {
		return nil
	}
	return up.Certificate()
}

// openInside finds out what a client that chose no protocol speaks inside TLS.
// far is the server's end, nil without one.
func (t *tunnel) openInside(down, far *conn) opening {
	p := t.client.p
	down.SetReadDeadline(p.idleLimit())
	quit := context.AfterFunc(p.idle, func() { down.SetReadDeadline(past) })
	defer quit()
	var w *watch
	if far != nil {
		w = watchSecured(far, down)
	}
	first, err := down.peek(1)
	if w != nil {
		w.stop()
		if w.spoke {
			said, _ := far.peek(1)
			if !p.dialer.BeginsHTTP2(said, t.address) {
				down.SetReadDeadline(time.Time{})
				return serverFirst
			}
			// It has only introduced itself: the client begins.
			down.SetReadDeadline(p.idleLimit())
			first, err = down.peek(1)
		}
	}
	if err != nil {
		return clientLeft
	}
	return t.sniff(down, first)
}

// rawTLS relays what is inside TLS as it is, recorded as a TCP flow. protocol is
// what the client was told that it speaks.
func (t *tunnel) rawTLS(ctx context.Context, down, far *conn, up *upstream.Conn, protocol string) {
	if up == nil {
		var offer []string
		if protocol != "" {
			offer = []string{protocol}
		}
		var err error
		if up, err = t.client.p.dialer.Dial(ctx, t.client.facts, t.target()); err == nil {
			up, err = t.client.p.dialer.Greet(ctx, up, t.client.facts, upstream.Name{SNI: t.nameForServer(), Protocols: offer, Greeting: t.like})
		}
		if err != nil {
			t.unreachable(down, err)
			return
		}
		defer up.Close()
		far = &conn{Conn: up.Conn}
	}
	t.record(ctx, down, far, up)
}
