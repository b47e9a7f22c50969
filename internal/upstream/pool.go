package upstream

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/http1"
)

const (
	// maxOpen bounds the connections of one client connection; who wants more
	// waits for one to end.
	maxOpen = 100
	// maxIdle bounds those that wait for another request; the one that has waited
	// longest goes first. A browser's connection to a proxy talks to few servers
	// at a time.
	maxIdle = 6
)

// Pool has the connections to servers that belong to one client connection; it
// is that client's engine.Upstream. Make one with Dialer.Pool and Close it when
// the client has gone.
type Pool struct {
	dialer *Dialer
	slots  chan struct{}

	mu     sync.Mutex // guards the fields below
	client *flow.Conn
	idle   []*session // longest first
	shared []*session // with HTTP/2: requests of all kinds of ages are on them
	// dialling are the places that a connection is being made to that may be shared.
	dialling map[place]chan struct{}
	// guarded is the server that credentials are for, and what they are.
	guarded struct {
		address, field string
		tls            bool
	}
	// last is where the last request went, and its address (host:port).
	last struct {
		host    string
		port    uint16
		address string
	}
	// adopted are connections with HTTP/2 on which nothing has been sent.
	adopted []unopened
	names   map[string]Name
	closed  bool
}

var _ engine.Upstream = (*Pool)(nil)

// Name says how to introduce oneself to a server.
type Name struct {
	SNI       string   // empty = the host of its address
	Protocols []string // ALPN; nil offers none
	// Greeting is how TLS begins (see Dialer.Like); nil for our own way.
	Greeting *Greeting
	// Prior speaks HTTP/2 where there is no TLS to agree on it (RFC 9113 section
	// 3.3), and HTTP/1.1 with a server that turns out not to.
	Prior bool
}

// maxNames bounds the servers of one client connection whose Name is kept.
const maxNames = 16

// place is what a connection must agree in to be used for a request.
type place struct {
	tls     bool
	address string
	sni     string
	via     flow.Via // the zero value for none
	forward bool     // requests are sent to via in absolute form
	// handshake is the scheme that via wants on a connection to forward on it.
	handshake string
}

// Pool makes the pool of one client connection.
func (d *Dialer) Pool(client *flow.Conn) *Pool {
	return &Pool{dialer: d, client: client, slots: make(chan struct{}, maxOpen)}
}

// SetClient replaces what the server events are told about the client, when
// more of it is known.
func (p *Pool) SetClient(client *flow.Conn) {
	p.mu.Lock()
	p.client = client
	p.mu.Unlock()
	if client.HTTP2 != nil {
		p.begin()
	}
}

// Introduce sets how TLS connections to address (host:port) are made from now on.
func (p *Pool) Introduce(address string, n Name) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names == nil {
		p.names = make(map[string]Name)
	}
	if _, known := p.names[address]; known || len(p.names) < maxNames {
		p.names[address] = n
	}
}

// Authorize gives every request to address (host:port), over TLS or not, an
// Authorization field by Basic (RFC 7617); no other server gets it.
func (p *Pool) Authorize(address string, tls bool, user, password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.guarded.address, p.guarded.tls, p.guarded.field = address, tls, basic(user, password)
}

// authorized is req with the credentials of its server, where there are any.
func (p *Pool) authorized(pl place, req *flow.Request) *flow.Request {
	p.mu.Lock()
	g := p.guarded
	p.mu.Unlock()
	if g.field == "" || g.address != pl.address || g.tls != pl.tls {
		return req
	}
	r := *req
	r.Fields = slices.Clone(r.Fields)
	r.Fields.Set("Authorization", g.field)
	return &r
}

// Adopt takes over a connection that was dialled beside the pool, for requests
// to address (host:port) by the same parent: over TLS when it is secured.
func (p *Pool) Adopt(c *Conn, address string) {
	pl := p.place(address, c.protected(), c.asked.Via)
	select {
	case p.slots <- struct{}{}:
	default:
		c.Close()
		return
	}
	if p.multiplexed(c, pl) {
		if !p.wait(c, pl) {
			p.share(c, pl) // if not, the next request says why
		}
		return
	}
	p.park(p.newSession(c, pl))
}

// placeOf is where a request goes: mostly to where the one before went.
func (p *Pool) placeOf(req *flow.Request) place {
	p.mu.Lock()
	if l := &p.last; l.address == "" || l.host != req.Host || l.port != req.Port {
		l.host, l.port, l.address = req.Host, req.Port, net.JoinHostPort(req.Host, strconv.Itoa(int(req.Port)))
	}
	address := p.last.address
	p.mu.Unlock()
	return p.place(address, secured(req.Scheme), req.Via)
}

func (p *Pool) place(address string, tls bool, via *flow.Via) place {
	pl := place{tls: tls, address: address}
	if via != nil {
		pl.via = *via
	}
	if tls {
		p.mu.Lock()
		defer p.mu.Unlock()
		pl.sni = p.names[address].SNI
	}
	return pl
}

// Open implements engine.Upstream.
func (p *Pool) Open(ctx context.Context, req *flow.Request, f flow.Framing, reuse engine.Reuse) (engine.Call, error) {
	switch req.Scheme {
	case "http", "ws", "https", "wss":
	default:
		return nil, dialError(flow.NoConnection, "connect to server %s: scheme %s is not http or https", cut(req.Host), strconv.Quote(cut(req.Scheme)))
	}
	pl := p.placeOf(req)
	p.begin()
	req = p.authorized(pl, req)
	if req.Via != nil && !pl.tls && req.Protocol == "" {
		return p.openForwarded(ctx, pl, req, f, reuse)
	}
	if req.Protocol != "" || upgradesToWebSocket(req) {
		if f.Kind != flow.Unframed && req.Protocol == "" { // a hook has given it a body, which HTTP/2 has no place for
			s, err := p.takeHTTP1(ctx, pl, reuse)
			if err != nil {
				return nil, err
			}
			return p.openUpgrade(ctx, s, req, f)
		}
		return p.openSwitching(ctx, pl, req, reuse)
	}
	return p.open(ctx, pl, req, f, reuse)
}

func (p *Pool) open(ctx context.Context, pl place, req *flow.Request, f flow.Framing, reuse engine.Reuse) (engine.Call, error) {
	for fresh := 0; ; {
		if c, err := p.openShared(ctx, pl, req, f, reuse); c != nil || err != nil {
			return c, err
		}
		s, waited, err := p.take(ctx, pl, reuse)
		if err != nil {
			return nil, err
		}
		if s == nil {
			if fresh++; fresh > maxFresh {
				return nil, dialError(flow.RefusedRequest, "connect to server %s: it takes no requests on new HTTP/2 connections", pl.address)
			}
			continue // there is a shared one now
		}
		c, err := s.client.Open(ctx, asHTTP1(req, f), f)
		if err == nil {
			reused := s.served
			s.served = true
			return &call{Call: c, pool: p, session: s, site: siteOf(req), reused: reused}, nil
		}
		stale := errors.Is(err, http1.ErrStale)
		if two := p.drop(s); !stale || !waited && !two && !p.turnsOut(ctx, s) {
			return nil, onConnection(err, s.served)
		}
		// It ended in this moment, or wants another protocol; nothing was tried on it.
	}
}

// onConnection adds to an error whether its connection had served before.
func onConnection(err error, served bool) error {
	e, ok := errors.AsType[*flow.Error](err)
	if !ok {
		return err
	}
	c := *e
	c.Err = &onUsed{e.Err, served}
	return &c
}

// onUsed is an error on a connection that may have served before: the engine
// sends a request again only then.
type onUsed struct {
	error
	served bool
}

// Reused tells whether the connection had served before.
func (u *onUsed) Reused() bool  { return u.served }
func (u *onUsed) Unwrap() error { return u.error }

// maxFresh is how many connections may turn out to have no room for a request
// before it is given up.
const maxFresh = 3

// take returns a connection to pl: one that has waited, or a new one; nil when
// there is one now that is shared.
func (p *Pool) take(ctx context.Context, pl place, reuse engine.Reuse) (s *session, waited bool, err error) {
	for {
		s := p.pick(pl, reuse)
		if s == nil {
			break
		}
		if s.client.Alive() {
			return s, true, nil
		}
		p.drop(s)
	}
	if p.mayShare(pl) {
		done, waited, err := p.dialTurn(ctx, pl)
		if err != nil {
			return nil, false, err
		}
		defer done()
		if waited && p.pickable(pl, reuse) {
			return nil, false, nil
		}
	}
	if err := p.slot(ctx); err != nil {
		return nil, false, err
	}
	c, err := p.connect(ctx, pl)
	if err != nil {
		<-p.slots
		return nil, false, err
	}
	if p.multiplexed(c, pl) {
		_, err := p.share(c, pl)
		return nil, false, err
	}
	return p.newSession(c, pl), false, nil
}

// pick takes the idle connection that was used last.
func (p *Pool) pick(pl place, reuse engine.Reuse) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		s := p.idle[i]
		if s.place == pl && (reuse == engine.AnyConnection || !s.served) {
			p.idle = slices.Delete(p.idle, i, i+1)
			return s
		}
	}
	return nil
}

// Expected is the open connection that a request would be sent on, nil where there is
// none or another one would be made.
func (p *Pool) Expected(req *flow.Request) *flow.Conn {
	pl := p.placeOf(req)
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.idle) - 1; i >= 0; i-- {
		if p.idle[i].place == pl {
			return p.idle[i].conn.Facts()
		}
	}
	for _, s := range p.shared {
		if s.place == pl && s.multi.Free() > 0 {
			return s.conn.Facts()
		}
	}
	return nil
}

// slot waits until one more connection may be opened; an idle one makes room.
func (p *Pool) slot(ctx context.Context) error {
	for {
		select {
		case p.slots <- struct{}{}:
			return nil
		default:
		}
		p.mu.Lock()
		var oldest *session
		if len(p.idle) > 0 {
			oldest, p.idle = p.idle[0], p.idle[1:]
		}
		p.mu.Unlock()
		if oldest != nil {
			p.drop(oldest)
			continue
		}
		select {
		case p.slots <- struct{}{}:
			return nil
		case <-ctx.Done():
			if e, ok := errors.AsType[*flow.Error](context.Cause(ctx)); ok {
				return e
			}
			return dialError(flow.LeftByClient, "wait for a free connection: %w", context.Cause(ctx))
		}
	}
}

func (p *Pool) connect(ctx context.Context, pl place) (*Conn, error) {
	p.mu.Lock()
	client := p.client
	name, known := p.names[pl.address]
	p.mu.Unlock()
	c, err := p.reach(ctx, client, pl, name.SNI)
	if err != nil {
		return nil, err
	}
	if pl.tls {
		if name.SNI == "" {
			name.SNI, _, _ = net.SplitHostPort(c.Address())
		}
		if !known {
			name.Protocols = http1Only
		}
		return p.dialer.Agree(ctx, c, client, pl.address, name)
	}
	return c, nil
}

// reach dials a place, by its parent where it has one. Over TLS the server is to be
// told serverName, or its host where that is "".
func (p *Pool) reach(ctx context.Context, client *flow.Conn, pl place, serverName string) (*Conn, error) {
	t := Target{Address: pl.address, Forward: pl.forward, handshake: pl.handshake}
	if pl.tls {
		if serverName == "" {
			serverName, _, _ = net.SplitHostPort(pl.address)
		}
		t.secure = &flow.TLS{SNI: serverName}
	}
	if pl.via != (flow.Via{}) {
		t.Via = &pl.via
	}
	return p.dialer.Dial(ctx, client, t)
}

// http1Only is what is offered where no client's offer is known.
var http1Only = []string{"http/1.1"}

// park keeps a connection for the next request.
func (p *Pool) park(s *session) {
	p.mu.Lock()
	var surplus *session
	switch {
	case p.closed || !s.client.Alive():
		surplus = s
	default:
		p.idle = append(p.idle, s)
		if len(p.idle) > maxIdle {
			surplus, p.idle = p.idle[0], p.idle[1:]
		}
	}
	p.mu.Unlock()
	if surplus != nil {
		p.drop(surplus)
	}
}

// died takes a connection out that its server has closed. It is called by the
// connection's own watcher, so it must not wait for that.
func (p *Pool) died(s *session) {
	p.mu.Lock()
	i := slices.Index(p.idle, s)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	if i >= 0 { // else whoever has it finds out
		p.dialer.noteHTTP2(s)
		s.conn.Close()
		<-p.slots
	}
}

// drop closes a connection that is not idle (any more). It tells whether its
// server turned out to speak HTTP/2.
func (p *Pool) drop(s *session) (two bool) {
	two = p.dialer.noteHTTP2(s)
	s.close()
	<-p.slots
	return two
}

// Close closes the idle connections; those in use close when their call does.
func (p *Pool) Close() {
	p.mu.Lock()
	idle, shared, adopted := p.idle, p.shared, p.adopted
	p.idle, p.shared, p.adopted, p.closed = nil, nil, nil, true
	p.mu.Unlock()
	for _, u := range adopted {
		u.conn.Close()
		<-p.slots
	}
	for _, s := range idle {
		p.drop(s)
	}
	for _, s := range shared {
		s.multi.Close()
		s.conn.Close()
		<-p.slots
	}
}
