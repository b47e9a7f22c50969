package upstream

import (
	"context"
	"errors"
	"slices"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/http1"
	"midstream/internal/http2"
)

// h2Name is the ALPN name of HTTP/2 over TLS (RFC 9113 section 3.2).
const h2Name = "h2"

// http2Config is what the codec of HTTP/2 takes over of the one of HTTP/1. mu is
// held.
func (p *Pool) http2Config(s *session) http2.ClientConfig {
	terms := p.dialer.now()
	from := &terms.HTTP
	cfg := http2.ClientConfig{
		Limits: http2.Limits{Head: from.Limits.Head, Trailers: from.Limits.Trailers, Fields: from.Limits.Fields},
		Server: s.conn.Facts(), Name: "server " + s.conn.Address(), Budget: terms.Budget,
		PingInterval: terms.PingInterval,
		OnDead:       func(*http2.Client) { p.retire(s) },
	}
	if p.client != nil {
		cfg.Like = p.client.HTTP2
	}
	if from.Profile == http1.Strict {
		cfg.Profile = http2.Strict
	}
	return cfg
}

// share makes an HTTP/2 connection one that requests are sent on, many at once.
func (p *Pool) share(c *Conn, pl place) (*session, error) {
	s := &session{conn: c, place: pl, prior: c.protocol() != h2Name}
	// The client may die before it is in the list: retire waits for the lock.
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		c.Close()
		<-p.slots
		return nil, dialError(flow.LeftByClient, "connect to server %s: the client has left", c.Address())
	}
	p.shared = append(p.shared, s)
	var err error
	if s.multi, err = http2.NewClient(c, p.http2Config(s)); err != nil {
		p.shared = slices.DeleteFunc(p.shared, func(o *session) bool { return o == s })
		c.Close()
		<-p.slots
	}
	return s, err
}

// retire takes a shared connection out that takes no more requests; those that
// run on it end, and then it closes by itself.
func (p *Pool) retire(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.prior {
		if _, spoke := s.multi.MaxStreams(); !spoke {
			p.noHTTP2(s.place)
		}
	}
	if i := slices.Index(p.shared, s); i >= 0 {
		p.shared = slices.Delete(p.shared, i, i+1)
		<-p.slots
	}
}

// pickShared returns a shared connection that has room for one more request.
func (p *Pool) pickShared(pl place, reuse engine.Reuse) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.shared {
		if s.place == pl && (reuse == engine.AnyConnection || !s.served) && s.multi.Free() > 0 {
			s.served = true
			return s
		}
	}
	return nil
}

// pickable tells whether pickShared would find one.
func (p *Pool) pickable(pl place, reuse engine.Reuse) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.shared, func(s *session) bool {
		return s.place == pl && (reuse == engine.AnyConnection || !s.served) && s.multi.Free() > 0
	})
}

// sharesWith tells whether HTTP/2 is spoken to a place now.
func (p *Pool) sharesWith(pl place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.shared, func(s *session) bool { return s.place == pl })
}

// mayShare tells whether HTTP/2 would be offered on a new connection to a place.
// Such connections are made one at a time: the second request may find room on
// the first one's.
func (p *Pool) mayShare(pl place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := p.names[pl.address]
	return !pl.forward && (pl.tls && slices.Contains(name.Protocols, h2Name) || !pl.tls && name.Prior || p.dialer.isAlone(pl.port()))
}

// prior tells whether HTTP/2 is spoken to a place without asking.
func (p *Pool) prior(pl place) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !pl.tls && p.names[pl.address].Prior
}

// multiplexed tells whether HTTP/2 is what is spoken on a new connection.
func (p *Pool) multiplexed(c *Conn, pl place) bool {
	return !pl.forward && (p.dialer.http2On(c, pl) || p.prior(pl))
}

// dialTurn waits for its turn to connect to a place; done gives it on.
func (p *Pool) dialTurn(ctx context.Context, pl place) (done func(), waited bool, err error) {
	for {
		p.mu.Lock()
		busy := p.dialling[pl]
		if busy == nil {
			mine := make(chan struct{})
			if p.dialling == nil {
				p.dialling = make(map[place]chan struct{})
			}
			p.dialling[pl] = mine
			p.mu.Unlock()
			return func() {
				p.mu.Lock()
				delete(p.dialling, pl)
				p.mu.Unlock()
				close(mine)
			}, waited, nil
		}
		p.mu.Unlock()
		select {
		case <-busy:
			waited = true
			if p.sharesWith(pl) || !p.mayShare(pl) {
				return func() {}, true, nil
			}
		case <-ctx.Done():
			if e, ok := errors.AsType[*flow.Error](context.Cause(ctx)); ok {
				return nil, true, e
			}
			return nil, true, dialError(flow.LeftByClient, "connect to server %s: %w", pl.address, context.Cause(ctx))
		}
	}
}

// openShared sends a request on a connection that takes many. A nil call means
// that there is none with room.
func (p *Pool) openShared(ctx context.Context, pl place, req *flow.Request, f flow.Framing, reuse engine.Reuse) (engine.Call, error) {
	for {
		s := p.pickShared(pl, reuse)
		if s == nil {
			return nil, nil
		}
		if s.prior {
			if err := s.multi.Greeted(ctx); err != nil {
				if ctx.Err() != nil {
					return nil, err
				}
				p.dialer.log.Debug("server "+pl.address+" does not speak HTTP/2 without TLS: HTTP/1.1 is used; "+err.Error(), "server", pl.address)
				p.stepDown(pl)
				return nil, nil
			}
		}
		c, err := s.multi.Open(ctx, req, f)
		switch {
		case err == nil:
			return &sharedCall{c, p, pl}, nil
		case errors.Is(err, http2.ErrStale):
			p.retire(s)
		case !errors.Is(err, http2.ErrFull):
			return nil, onConnection(err, true)
		}
		// It filled up, or ended, in this moment: nothing was tried on it.
	}
}

// sharedCall is a call on a connection that takes many.
type sharedCall struct {
	*http2.Call
	pool  *Pool
	place place
}

var _ engine.Call = (*sharedCall)(nil)

// Head waits for the next response head. A server that wants HTTP/1.1 for this
// request (RFC 9113 section 7) gets it from now on.
func (c *sharedCall) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	head, found, err := c.Call.Head(ctx)
	if e, ok := errors.AsType[*flow.Error](err); ok && e.Peer == flow.AtServer && e.Code == uint64(h2.ErrCodeHTTP11Required) {
		c.pool.stepDown(c.place)
	}
	return head, found, err
}

// stepDown makes further connections to a place speak HTTP/1.1.
func (p *Pool) stepDown(pl place) {
	p.mu.Lock()
	p.noHTTP2(pl)
	var gone []*session
	p.shared = slices.DeleteFunc(p.shared, func(s *session) bool {
		if s.place != pl {
			return false
		}
		gone = append(gone, s)
		<-p.slots
		return true
	})
	p.mu.Unlock()
	for _, s := range gone {
		s.multi.Stop()
	}
}

// noHTTP2 notes that a place speaks HTTP/1.1 only. mu is held.
func (p *Pool) noHTTP2(pl place) {
	name := p.names[pl.address]
	name.Protocols, name.Prior = http1Only, false
	if p.names == nil {
		p.names = make(map[string]Name)
	}
	p.names[pl.address] = name
	p.dialer.alone.forget(pl.port())
}

// asHTTP1 is req as HTTP/1 carries it, for a request that was framed for HTTP/2
// and meets a server that has changed its mind.
func asHTTP1(req *flow.Request, f flow.Framing) *flow.Request {
	chunked := f.Kind == flow.Chunked && !req.Fields.Has("Transfer-Encoding")
	if req.Version < flow.HTTP2 && !chunked {
		return req
	}
	r := req.Clone()
	if r.Authority != "" && !r.Fields.Has("Host") {
		r.Fields.Insert(0, "Host", r.Authority)
	}
	r.Fields.JoinCookies()
	if chunked {
		r.Fields.Add("Transfer-Encoding", "chunked")
	}
	if r.Version >= flow.HTTP2 {
		r.Version, r.Wire = flow.HTTP11, ""
	}
	return r
}
