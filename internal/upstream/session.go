package upstream

import (
	"context"
	"errors"
	"sync"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/engine"
	"midstream/internal/http1"
	"midstream/internal/http2"
)

// session is a connection of a Pool with its HTTP client.
type session struct {
	conn   *Conn
	client *http1.Client // one of the two
	multi  *http2.Client
	place  place
	served bool // a request was sent on it
	prior  bool // with HTTP/2 that the server was not asked for
}

// newSession puts an HTTP client on c.
func (p *Pool) newSession(c *Conn, pl place) *session {
	s := &session{conn: c, place: pl}
	cfg := p.dialer.now().HTTP
	cfg.Server, cfg.Name = c.Facts(), "server "+c.Address()
	cfg.OnDead = func(*http1.Client) { p.died(s) }
	s.client = http1.NewClient(c, cfg)
	return s
}

func (s *session) close() {
	s.client.Close()
	s.conn.Close()
}

// call is a call with its place in the pool.
type call struct {
	*http1.Call
	pool     *Pool
	session  *session
	site     site
	reused   bool
	upgraded bool
	once     sync.Once
}

var (
	_ engine.Call      = (*call)(nil)
	_ engine.Uncertain = (*call)(nil)
)

// Server tells about the connection.
func (c *call) Server() *flow.Conn { return c.session.conn.Facts() }

// Reused tells whether the connection had served before.
func (c *call) Reused() bool { return c.reused }

// Uncertain tells that the server has not said in any way that it speaks HTTP/1.
func (c *call) Uncertain() bool {
	return !c.reused && c.session.conn.protocol() == "" && c.pool.dialer.now().HTTP2
}

// Head waits for the next response head, and learns from it.
func (c *call) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	head, found, err := c.Call.Head(ctx)
	switch {
	case err == nil:
		c.pool.dialer.learn(c.site, head.Version)
	case errors.Is(err, http1.ErrForeign):
		c.pool.dialer.onlyHTTP2(c.session.place.port())
	case !c.reused && !c.Heard() && endedByServer(err) && c.pool.turnsOut(ctx, c.session):
		e, _ := errors.AsType[*flow.Error](err)
		refused := *e
		refused.Cause = flow.RefusedRequest
		return nil, found, &refused
	}
	return head, found, err
}

func endedByServer(err error) bool {
	e, ok := errors.AsType[*flow.Error](err)
	return ok && e.Peer == flow.AtServer && (e.Cause == flow.ClosedEarly || e.Cause == flow.ResetByPeer)
}

// Upgrade returns the raw connection; it does not go back to the pool.
func (c *call) Upgrade() (body.Duplex, error) {
	raw, err := c.Call.Upgrade()
	if err == nil {
		c.upgraded = true
	}
	return raw, err
}

// Close gives the connection back, or closes it when it is of no more use.
func (c *call) Close() {
	c.once.Do(func() {
		c.Call.Close()
		if c.upgraded {
			c.session.conn.Close()
			<-c.pool.slots
			return
		}
		c.pool.park(c.session)
	})
}
