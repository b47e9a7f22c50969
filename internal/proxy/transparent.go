package proxy

import (
	"context"
	"net"
	"net/netip"
	"sync"
)

// Mark is on midstream's own traffic in transparent mode, so that the rules which bring
// clients here leave it alone.
const Mark = 0x6d696473

// serveTransparent serves a client that knows nothing of us: the firewall has brought
// its connection here. It is a tunnel to where the client wanted to go.
func (c *client) serveTransparent(ctx context.Context, nc net.Conn, down *conn) {
	at, err := originalTarget(nc)
	if err != nil {
		c.p.log.Warn("client "+c.facts.Peer+": transparent mode: "+err.Error(), "client", c.facts.Peer)
		return
	}
	switch {
	case c.p.own.is(at):
		if c.p.once.first("transparent direct " + at.String()) {
			c.p.log.Warn("client "+c.facts.Peer+" came to the port of transparent mode itself, or its way was lost: let the firewall bring clients here (midstream transparent up), or use regular mode", "client", c.facts.Peer)
		}
		return
	case !c.p.loop.enter(nc.RemoteAddr()):
		c.p.noteLoop()
		return
	}
	defer c.p.loop.leave(nc.RemoteAddr())
	host := at.Addr().String()
	t := &tunnel{client: c, host: host, port: at.Port(), address: hostPort(host, at.Port()), via: c.parent("https", host, at.Port())}
	if c.p.manner().Strategy == Eager {
		t.dial = c.startDial(ctx, t.target())
	}
	t.serve(ctx, down)
}

// loop notices connections of our own that the firewall has brought back: each end of
// one sees the other. The zero value has none.
type loop struct {
	mu      sync.Mutex
	clients map[netip.AddrPort]bool
	dialled map[netip.AddrPort]int
}

// enter notes a client; false means that it is a connection of our own.
func (l *loop) enter(peer net.Addr) bool {
	at := endOf(peer)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dialled[at] > 0 {
		return false
	}
	if l.clients == nil {
		l.clients = make(map[netip.AddrPort]bool)
	}
	l.clients[at] = true
	return true
}

func (l *loop) leave(peer net.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.clients, endOf(peer))
}

// connected notes the near end of a connection to a server; false means that it has
// come back as a client.
func (l *loop) connected(near net.Addr) bool {
	at := endOf(near)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.clients[at] {
		return false
	}
	if l.dialled == nil {
		l.dialled = make(map[netip.AddrPort]int)
	}
	l.dialled[at]++
	return true
}

func (l *loop) closed(near net.Addr) {
	at := endOf(near)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dialled[at]--; l.dialled[at] <= 0 {
		delete(l.dialled, at)
	}
}

func endOf(a net.Addr) netip.AddrPort {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return netip.AddrPort{}
	}
	at := tcp.AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

func (p *Proxy) noteLoop() {
	if p.once.first("transparent loop") {
		p.log.Error("transparent mode: the firewall brings midstream's own connections back to it: run midstream as root or with CAP_NET_ADMIN, and let \"midstream transparent up\" make the rules")
	}
}
