package upstream

import (
	"context"
	"io"
	"slices"
	"sync"

	"midstream/flow"
	"midstream/internal/body"
	"midstream/internal/engine"
)

// openForwarded sends a request of plain http by way of a parent proxy: in absolute
// form (RFC 9112 section 3.2.2), unless there is a tunnel through the parent that
// waits for a request, or one is needed because the server speaks HTTP/2.
func (p *Pool) openForwarded(ctx context.Context, pl place, req *flow.Request, f flow.Framing, reuse engine.Reuse) (engine.Call, error) {
	if p.waits(pl, reuse) || p.sharesWith(pl) || p.prior(pl) || p.dialer.isAlone(pl.port()) {
		return p.open(ctx, pl, req, f, reuse)
	}
	pl = p.forwarding(pl)
	withCredentials := req.Via.User != "" || req.Via.Password != ""
	if withCredentials && f.Kind != flow.Unframed && pl.handshake == "" && !p.dialer.answers.settled(*req.Via) {
		if err := p.probe(ctx, pl, req); err != nil {
			return nil, err
		}
		pl = p.forwarding(pl)
	}
	c, err := p.sendForwarded(ctx, pl, req, f, reuse)
	if err != nil {
		return nil, err
	}
	fc := &forwarded{pool: p, place: pl, request: req, framing: f}
	fc.now.call = c
	return fc, nil
}

// forwarding is the place of requests that a parent forwards. Connections on which
// it wants a handshake, and has had it, are others than those before it said so.
func (p *Pool) forwarding(pl place) place {
	pl.forward, pl.handshake = true, p.dialer.answers.handshake(pl.via)
	return pl
}

// waits tells whether an idle connection to a place waits for a request.
func (p *Pool) waits(pl place, reuse engine.Reuse) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.idle, func(s *session) bool {
		return s.place == pl && (reuse == engine.AnyConnection || !s.served)
	})
}

// sendForwarded sends a request as the parent is to get it.
func (p *Pool) sendForwarded(ctx context.Context, pl place, req *flow.Request, f flow.Framing, reuse engine.Reuse) (engine.Call, error) {
	return p.open(ctx, pl, p.dialer.absolute(req), f, reuse)
}

// absolute is a request as a parent proxy gets it. Credentials for it are only in
// this copy.
func (d *Dialer) absolute(req *flow.Request) *flow.Request {
	r := *req
	r.Form, r.Wire, r.Scheme = flow.AbsoluteForm, "", "http"
	r.Authority = flow.HostPort("http", r.Host, r.Port)
	target := "http://" + r.Authority + r.Path
	if r.Path == "*" { // RFC 9112 section 3.2.4: OPTIONS for the whole server
		target = "http://" + r.Authority
	}
	r.Fields = slices.Clone(r.Fields)
	r.Fields.Del("Proxy-Authorization")
	if field := d.answers.field(*r.Via, r.Method, target); field != "" {
		r.Fields.Add("Proxy-Authorization", field)
	}
	return &r
}

// probe asks the parent itself what credentials it wants, before a request whose
// body could not be sent again: Max-Forwards 0 makes it the recipient (RFC 9110
// section 7.6.2).
func (p *Pool) probe(ctx context.Context, pl place, like *flow.Request) error {
	req := &flow.Request{Method: "OPTIONS", Scheme: "http", Host: like.Host, Port: like.Port, Path: "*", Via: like.Via}
	req.Version = flow.HTTP11
	req.Fields.Add("Host", flow.HostPort("http", like.Host, like.Port))
	req.Fields.Add("Max-Forwards", "0")
	c, err := p.sendForwarded(ctx, pl, req, flow.Framing{}, engine.AnyConnection)
	if err != nil {
		return err
	}
	defer c.Close()
	fc := &forwarded{pool: p, place: pl, request: req}
	fc.now.call = c
	for {
		head, _, err := c.Head(ctx)
		if err != nil {
			return err
		}
		if head.Interim() {
			continue
		}
		if head.Status == 407 {
			if text := p.dialer.challenged(like.Via, proxyChallenges(head.Fields), false); text != "" {
				return fc.refused(text)
			}
		}
		drain(c)
		return nil
	}
}

// drain reads a response that nobody wants, so that its connection can be used
// again; one that is too large is given up with it.
func drain(c engine.Call) {
	if r := c.Response(); r != nil {
		_, _ = io.CopyN(io.Discard, r, maxParentBody)
	}
}

// forwarded is a call by way of a parent proxy. A 407 is for us, not for the client:
// a request without a body is sent again with credentials, on the same connection
// where the parent keeps it.
type forwarded struct {
	pool    *Pool
	place   place
	request *flow.Request
	framing flow.Framing

	learned bool // the parent has answered 407
	asked   int
	now     struct {
		sync.Mutex
		call     engine.Call
		canceled error
	}
}

var _ engine.Call = (*forwarded)(nil)

func (c *forwarded) call() engine.Call {
	c.now.Lock()
	defer c.now.Unlock()
	return c.now.call
}

// Server tells about the connection to the parent.
func (c *forwarded) Server() *flow.Conn { return c.call().Server() }

// Reused tells whether the connection had served before.
func (c *forwarded) Reused() bool { return c.call().Reused() }

// Body takes the request body.
func (c *forwarded) Body() body.Sink { return c.call().Body() }

// Framing is that of the final head.
func (c *forwarded) Framing() flow.Framing { return c.call().Framing() }

// Response is the body of the final head.
func (c *forwarded) Response() body.Reader { return c.call().Response() }

// Heard tells whether any octet of a response has come.
func (c *forwarded) Heard() bool { return c.call().Heard() }

// Upgrade returns the raw connection.
func (c *forwarded) Upgrade() (body.Duplex, error) { return c.call().Upgrade() }

// Close gives the connection back.
func (c *forwarded) Close() { c.call().Close() }

// Cancel gives the call up.
func (c *forwarded) Cancel(cause error) {
	c.now.Lock()
	call := c.now.call
	if c.now.canceled == nil {
		c.now.canceled = cause
	}
	c.now.Unlock()
	call.Cancel(cause)
}

// Head waits for the next response head that is not a 407.
func (c *forwarded) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	for {
		head, found, err := c.call().Head(ctx)
		if err != nil || head.Status != 407 {
			return head, found, err
		}
		if err := c.again(ctx, head); err != nil {
			return nil, nil, err
		}
	}
}

// again sends the request once more, as a 407 asks.
func (c *forwarded) again(ctx context.Context, head *flow.Response) error {
	if text := c.pool.dialer.challenged(c.request.Via, proxyChallenges(head.Fields), c.learned); text != "" {
		return c.refused(text)
	}
	c.learned = true
	if c.asked++; c.asked >= maxAsked {
		return c.refused("it asks for credentials again and again; check upstream_auth")
	}
	if c.framing.Kind != flow.Unframed {
		return c.refused("it does not take the credentials (407); check upstream_auth, or send the request again, because its body was on its way already")
	}
	old := c.call()
	drain(old)
	old.Close() // its connection is the one that was used last
	c.place = c.pool.forwarding(c.place)
	next, err := c.pool.sendForwarded(ctx, c.place, c.request, c.framing, engine.AnyConnection)
	if err != nil {
		return err
	}
	c.now.Lock()
	c.now.call = next
	canceled := c.now.canceled
	c.now.Unlock()
	if canceled != nil {
		next.Cancel(canceled)
	}
	return nil
}

func (c *forwarded) refused(text string) *flow.Error {
	e := dialError(flow.NoConnection, "send request for %s through parent proxy %s: %s", c.place.address, c.request.Via, text)
	e.Phase = flow.InHead
	return e
}
