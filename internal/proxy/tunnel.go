package proxy

import (
	"bytes"
	"context"
	"errors"
	"time"

	"midstream/flow"
	"midstream/internal/clienthello"
	"midstream/internal/upstream"
)

// tunnel is what a client asked for by CONNECT: a connection to host and port.
type tunnel struct {
	client     *client
	host       string
	port       uint16
	address    string // host:port
	via        *flow.Via
	dial       *dialing
	serverName string             // SNI, once there was a ClientHello
	renamed    bool               // a hook has chosen serverName
	to         *detour            // where a hook has sent it instead, as address says; nil for nowhere else
	like       *upstream.Greeting // of servers, nil for our own
	ignored    bool               // its octets are nobody's business
	names      []string           // what patterns of hosts are matched with
}

// detour is where a server is that a hook prefers.
type detour struct {
	host string
	port uint16
}

// opening is what the first octets of a tunnel turned out to be.
type opening uint8

const (
	clientLeft  opening = iota
	serverFirst         // the server spoke before the client
	clientTLS
	clientHTTP
	clientOther
)

// serve serves a tunnel that has been established, to its end.
func (t *tunnel) serve(ctx context.Context, down *conn) {
	defer t.giveUp()
	hosts := &t.client.p.manner().Hosts
	t.names = []string{t.address}
	if hosts.any() {
		attend(ctx, down, brokenOff, func(ctx context.Context) { t.namePeer(ctx) })
	}
	if matchAny(hosts.Ignore, t.names) {
		t.passOn(ctx, down)
		return
	}
	how := t.open(down)
	if how != clientTLS && how != clientLeft && hosts.ignores(t.names...) {
		t.passOn(ctx, down)
		return
	}
	switch how {
	case clientLeft:
	case clientTLS:
		t.serveTLS(ctx, down)
	case clientHTTP:
		if hosts.raw(t.names...) {
			t.raw(ctx, down)
			return
		}
		if t.client.beginsHTTP2(down) {
			t.client.pool.Introduce(t.address, upstream.Name{Prior: true})
		}
		t.adopt(ctx, down)
		t.client.serveRequests(ctx, down, inTunnel{scheme: "http", host: t.host, port: t.port, via: t.via})
	case serverFirst, clientOther:
		t.raw(ctx, down)
	}
}

// namePeer adds the address that the target's name resolved to, where something
// is being dialled.
func (t *tunnel) namePeer(ctx context.Context) {
	if t.dial == nil {
		return
	}
	unlink := context.AfterFunc(ctx, t.dial.cancel)
	<-t.dial.done
	unlink()
	if t.dial.conn != nil {
		t.names = append(t.names, t.dial.conn.Facts().Peer)
	}
}

// giveUp ends what was dialled and not used.
func (t *tunnel) giveUp() {
	if t.dial != nil {
		t.dial.drop()
		t.dial = nil
	}
}

// target is where the tunnel's server is, and how it is reached.
func (t *tunnel) target() upstream.Target { return upstream.Target{Address: t.address, Via: t.via} }

// take hands over the server's connection, dialling where nothing was dialled.
func (t *tunnel) take(ctx context.Context) (*upstream.Conn, error) {
	if d := t.dial; d != nil {
		t.dial = nil
		return d.wait(ctx)
	}
	return t.client.p.dialer.Dial(ctx, t.client.facts, t.target())
}

// adopt lets the first request use what was dialled.
func (t *tunnel) adopt(ctx context.Context, down *conn) {
	d := t.dial
	if d == nil {
		return
	}
	t.dial = nil
	attend(ctx, down, brokenOff, func(ctx context.Context) {
		if up, err := d.wait(ctx); err == nil {
			t.client.pool.Adopt(up, t.address)
		}
	})
}

// open waits for the first octets of either side.
func (t *tunnel) open(down *conn) opening {
	p := t.client.p
	down.SetReadDeadline(p.idleLimit())
	quit := context.AfterFunc(p.idle, func() { down.SetReadDeadline(past) })
	defer quit()
	var w *watch
	if t.dial != nil {
		w = startWatch(t.dial, down)
	}
	first, err := down.peek(1)
	if w != nil {
		w.stop()
		if w.spoke {
			if !t.greeted() {
				down.SetReadDeadline(time.Time{})
				return serverFirst
			}
			// It has only introduced itself: the client begins.
			down.SetReadDeadline(p.idleLimit())
			first, err = down.peek(1)
		}
		if w.left {
			t.giveUp() // it waited too long for a client: the next one dials again
		}
	}
	if err != nil {
		return clientLeft
	}
	return t.sniff(down, first)
}

// greeted tells whether what the server has said first is the beginning of HTTP/2,
// which is no more than a greeting. Below TLS to a parent nothing can be looked at.
func (t *tunnel) greeted() bool {
	server := t.dial.conn.Conn
	if server.TLS() != nil {
		return false
	}
	said, _ := server.Peek(1, peekAhead)
	return t.client.p.dialer.PlainBeginsHTTP2(said, t.address)
}

// sniff tells what a client that has sent first is up to.
func (t *tunnel) sniff(down *conn, first []byte) opening {
	defer down.SetReadDeadline(time.Time{})
	down.SetReadDeadline(time.Now().Add(t.client.p.cfg.TLS.HandshakeTimeout))
	if first[0] == recordHandshake {
		switch _, err := down.peekHello(); {
		case err == nil:
			return clientTLS
		case errors.Is(err, clienthello.ErrNot):
			return clientOther
		default:
			return clientLeft
		}
	}
	if t.client.mode.isRaw() {
		return clientOther // never HTTP: nothing has to wait to be told
	}
	for {
		http, more := looksLikeHTTP(first)
		if !more {
			if http {
				return clientHTTP
			}
			return clientOther
		}
		down.SetReadDeadline(time.Now().Add(undecided))
		var err error
		if first, err = down.peek(len(first) + 1); err != nil {
			return clientOther
		}
	}
}

// undecided bounds the silence after octets that may become an HTTP request or
// something else: whoever says a word and then listens gets an answer.
const undecided = 2 * time.Second

// maxMethod bounds what passes for a method; the longest registered one
// (UPDATEREDIRECTREF) has 17 letters.
const maxMethod = 24

// looksLikeHTTP tells whether a client's first octets are an HTTP/1 request (or
// the preface of HTTP/2), or whether more of them are needed to tell: a method
// of letters, one space, and what begins a target.
func looksLikeHTTP(p []byte) (http, more bool) {
	for i, c := range p {
		switch {
		case c == ' ' && i >= 3:
			rest := p[i+1:]
			if len(rest) == 0 {
				return false, true
			}
			return startsTarget(rest), false
		case i >= maxMethod, c != '-' && (c|0x20 < 'a' || c|0x20 > 'z'), c == '-' && i == 0:
			return false, false
		}
	}
	return false, true
}

func startsTarget(p []byte) bool {
	if end := bytes.IndexByte(p, '\n'); end >= 0 {
		return bytes.Contains(p[:end], []byte(" HTTP/"))
	}
	c := p[0]
	return c == '/' || c == '*' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '['
}
