package upstream

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/http2"
	"midstream/internal/ws"
)

const webSocket = "websocket"

// upgradesToWebSocket tells whether a request of HTTP/1 asks for WebSocket (RFC
// 6455 section 4.1).
func upgradesToWebSocket(req *flow.Request) bool {
	to, ok := req.Fields.Lookup("Upgrade")
	return ok && req.Protocol == "" && flow.EqualFold(flow.TrimSpace(to), webSocket) && req.Fields.HasToken("Connection", "Upgrade")
}

// openSwitching opens a request that asks for another protocol: an extended
// CONNECT, or an upgrade to WebSocket. Where HTTP/2 is spoken to the server and it
// allows that, it is sent an extended CONNECT (RFC 8441), else an upgrade over
// HTTP/1.1. The call answers in the way that req asked.
func (p *Pool) openSwitching(ctx context.Context, pl place, req *flow.Request, reuse engine.Reuse) (engine.Call, error) {
	for range maxFresh {
		s := p.pickShared(pl, reuse)
		if s == nil {
			if !(req.Protocol != "" && p.mayShare(pl)) && !p.dialer.isAlone(pl.port()) && !p.prior(pl) {
				break
			}
			one, _, err := p.take(ctx, pl, reuse)
			switch {
			case err != nil:
				return nil, err
			case one != nil:
				if err := onlyWebSocket(pl, req); err != nil {
					p.park(one)
					return nil, err
				}
				return p.openUpgrade(ctx, one, req, flow.Framing{})
			}
			continue // there is a shared one now
		}
		allowed, err := s.multi.TakesProtocols(ctx)
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			p.retire(s)
			continue
		}
		if !allowed {
			break
		}
		c, err := p.openExtended(ctx, s, pl, req)
		switch {
		case err == nil:
			return c, nil
		case errors.Is(err, http2.ErrStale):
			p.retire(s)
		case !errors.Is(err, http2.ErrFull):
			return nil, onConnection(err, true)
		}
	}
	if err := onlyWebSocket(pl, req); err != nil {
		return nil, err
	}
	s, err := p.takeHTTP1(ctx, pl, reuse)
	if err != nil {
		return nil, err
	}
	return p.openUpgrade(ctx, s, req, flow.Framing{})
}

// onlyWebSocket refuses what cannot be asked for in HTTP/1.1.
func onlyWebSocket(pl place, req *flow.Request) error {
	if req.Protocol == "" || flow.EqualFold(req.Protocol, webSocket) {
		return nil
	}
	return &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.Malformed, Status: 501,
		Err: errors.New("extended CONNECT for " + flow.Quote(req.Protocol) + ": the server " + pl.address + " does not allow it over HTTP/2, and only websocket can be asked for in HTTP/1.1")}
}

// takeHTTP1 returns a connection of HTTP/1.1 to a place, whatever else is spoken
// there.
func (p *Pool) takeHTTP1(ctx context.Context, pl place, reuse engine.Reuse) (*session, error) {
	for {
		s := p.pick(pl, reuse)
		if s == nil {
			break
		}
		if s.client.Alive() {
			return s, nil
		}
		p.drop(s)
	}
	if err := p.slot(ctx); err != nil {
		return nil, err
	}
	c, err := p.connectHTTP1(ctx, pl)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return p.newSession(c, pl), nil
}

func (p *Pool) connectHTTP1(ctx context.Context, pl place) (*Conn, error) {
	p.mu.Lock()
	client, greeting := p.client, p.names[pl.address].Greeting
	p.mu.Unlock()
	c, err := p.reach(ctx, client, pl, "")
	if err != nil || !pl.tls {
		return c, err
	}
	sni := pl.sni
	if sni == "" {
		sni, _, _ = net.SplitHostPort(c.Address())
	}
	c, err = p.dialer.Greet(ctx, c, client, Name{SNI: sni, Protocols: http1Only, Greeting: greeting})
	if err != nil {
		if e, ok := errors.AsType[*flow.Error](err); ok && errors.Is(err, errNoProtocol) {
			refused := *e
			refused.Err = &onlyTwo{e.Err, pl.address}
			err = &refused
		}
		return nil, err
	}
	return c, nil
}

// onlyTwo is why WebSocket cannot be brought to a server that speaks nothing but
// HTTP/2.
type onlyTwo struct {
	error
	address string
}

func (o *onlyTwo) Error() string {
	return "open WebSocket on server " + o.address + ": it speaks nothing but HTTP/2 and does not allow WebSocket there (SETTINGS_ENABLE_CONNECT_PROTOCOL)"
}
func (o *onlyTwo) Unwrap() error { return o.error }

// openUpgrade asks for the upgrade of a connection; f is of the body that goes with it.
func (p *Pool) openUpgrade(ctx context.Context, s *session, req *flow.Request, f flow.Framing) (engine.Call, error) {
	out, key := asHTTP1(req, f), ""
	if req.Protocol != "" {
		out, key = asUpgrade(req)
	}
	c, err := s.client.Open(ctx, out, f)
	if err != nil {
		p.drop(s)
		return nil, onConnection(err, s.served)
	}
	reused := s.served
	s.served = true
	one := &call{Call: c, pool: p, session: s, site: siteOf(req), reused: reused}
	if key == "" {
		return one, nil
	}
	return &upgradeCall{one, key}, nil
}

// asUpgrade makes an upgrade of an extended CONNECT, with a key of our own.
func asUpgrade(req *flow.Request) (out *flow.Request, key string) {
	out, key = req.Clone(), ws.NewKey()
	out.Method, out.Protocol = "GET", ""
	out = asHTTP1(out, flow.Framing{})
	out.Fields.Del("Sec-WebSocket-Key") // HTTP/2 has none (RFC 8441 section 5)
	out.Fields.Add("Connection", "Upgrade")
	out.Fields.Add("Upgrade", webSocket)
	out.Fields.Add("Sec-WebSocket-Key", key)
	if !out.Fields.Has("Sec-WebSocket-Version") {
		out.Fields.Add("Sec-WebSocket-Version", "13")
	}
	return out, key
}

// upgradeCall is an extended CONNECT on a connection of HTTP/1.1.
type upgradeCall struct {
	*call
	key string
}

// Head waits for the next response head. A 101 becomes a 200 (RFC 8441 section 5),
// once it is certain that the server has understood.
func (c *upgradeCall) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	head, found, err := c.call.Head(ctx)
	if err != nil || head.Interim() {
		return head, found, err
	}
	wrong := func(text string) (*flow.Response, []flow.Finding, error) {
		return nil, found, &flow.Error{Peer: flow.AtServer, Phase: flow.InHead, Cause: flow.Malformed,
			Err: errors.New("open WebSocket on server " + c.session.place.address + ": " + text)}
	}
	switch {
	case head.Status/100 == 2:
		return wrong("it answered " + strconv.Itoa(head.Status) + " instead of 101, so it does not speak WebSocket there")
	case head.Status != 101:
		return head, found, nil
	case !flow.EqualFold(flow.TrimSpace(head.Fields.Joined("Upgrade")), webSocket):
		return wrong("it switched to another protocol: " + flow.Quote(head.Fields.Joined("Upgrade")))
	case flow.TrimSpace(head.Fields.Joined("Sec-WebSocket-Accept")) != ws.Accept(c.key):
		return wrong("its Sec-WebSocket-Accept does not answer the key, so what answered may not be a WebSocket server")
	}
	out := head.Clone()
	out.Status, out.Reason, out.Wire = 200, "", ""
	for _, name := range []string{"Connection", "Upgrade", "Sec-WebSocket-Accept", "Content-Length", "Transfer-Encoding"} {
		out.Fields.Del(name)
	}
	return out, found, nil
}

// openExtended sends an extended CONNECT, on a connection that allows it.
func (p *Pool) openExtended(ctx context.Context, s *session, pl place, req *flow.Request) (engine.Call, error) {
	if req.Protocol != "" {
		c, err := s.multi.Open(ctx, req, flow.Framing{})
		if err != nil {
			return nil, err
		}
		return &sharedCall{c, p, pl}, nil
	}
	key := flow.TrimSpace(req.Fields.Get("Sec-WebSocket-Key"))
	if key == "" {
		return nil, &flow.Error{Peer: flow.AtClient, Phase: flow.InHead, Cause: flow.Malformed, Status: 400, Err: errors.New("the request asks for WebSocket and has no Sec-WebSocket-Key")}
	}
	out := req.Clone()
	out.Method, out.Protocol, out.Wire = "CONNECT", webSocket, ""
	for _, name := range []string{"Connection", "Upgrade", "Sec-WebSocket-Key"} {
		out.Fields.Del(name)
	}
	c, err := s.multi.Open(ctx, out, flow.Framing{})
	if err != nil {
		return nil, err
	}
	return &extendedCall{&sharedCall{c, p, pl}, key}, nil
}

// extendedCall is an upgrade on a stream of HTTP/2.
type extendedCall struct {
	*sharedCall
	key string
}

// Head waits for the next response head. A 2xx becomes the 101 that the client
// waits for.
func (c *extendedCall) Head(ctx context.Context) (*flow.Response, []flow.Finding, error) {
	head, found, err := c.sharedCall.Head(ctx)
	if err != nil || head.Status/100 != 2 {
		return head, found, err
	}
	out := head.Clone()
	out.Status, out.Reason, out.Wire = 101, "Switching Protocols", ""
	out.Fields.Del("Sec-WebSocket-Accept")
	own := flow.Fields{{Name: "Upgrade", Value: webSocket}, {Name: "Sec-WebSocket-Accept", Value: ws.Accept(c.key)}}
	out.Fields = slices.Concat(own, out.Fields)
	return out, found, nil
}
