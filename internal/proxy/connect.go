package proxy

import (
	"context"
	"errors"
	"net"
	"strconv"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
	"midstream/internal/transport"
)

// connectStream serves a CONNECT on a stream of HTTP/2 (RFC 9113 section 8.5) as
// connect does. Each tunnel has connections to servers of its own, as if it had
// come over a connection of its own.
func (c *client) connectStream(ctx context.Context, st engine.Stream) {
	one := &client{p: c.p, mode: c.mode, set: c.set, facts: c.facts, pool: c.p.dialer.Pool(c.facts), parents: c.parents}
	one.known.user = c.user()
	defer one.pool.Close()
	if t, over, _ := one.answerConnect(ctx, st, nil); t != nil {
		(&established{t, over}).serve(ctx)
	}
}

// established is a tunnel that was asked for and granted, and the connection it is on.
type established struct {
	tunnel *tunnel
	over   *conn
}

// serve serves the tunnel to its end; nil is none.
func (e *established) serve(ctx context.Context) {
	if e == nil {
		return
	}
	defer e.over.Close()
	e.tunnel.serve(ctx, e.over)
}

// answerConnect answers a CONNECT and returns the tunnel that is to be served, nil
// without one, and the connection that it is on. A tunnel lives long: what is needed
// to begin it is off the stack by then.
func (c *client) answerConnect(ctx context.Context, st engine.Stream, down *conn) (t *tunnel, over *conn, done bool) {
	req := st.Request()
	set := c.p.cfg.Hooks()
	req.Via = c.parent("https", req.Host, req.Port)
	x, control := hook.NewExchange(*req, c.facts, set, func() {
		st.Abort(&flow.Error{Cause: flow.WasKilled, Err: errors.New("killed by a hook or a person")})
	})
	x.Metadata = c.metadata()
	for _, f := range st.Findings() {
		x.Find(f.Code, f.Text)
	}
	err := set.HTTPConnect(st.Context(), x)
	control.Finish()
	host, port := x.Request.Host, x.Request.Port
	switch {
	case x.Killed(), err != nil, x.Response != nil && x.Response.Status/100 != 2, host == "", port == 0, c.p.toItself(host, port):
		set.HTTPConnectError(context.WithoutCancel(ctx), x)
	case set.Hears(hook.OnHTTPConnected):
		if x.Response == nil {
			x.Response = hook.MakeResponse(200, nil, nil)
			x.Response.Reason = "Connection established"
		}
		err = set.HTTPConnected(st.Context(), x)
	}
	set.Finished(x)
	switch {
	case x.Killed():
		c.keep(denial{request: &x.Request.Request, live: x, outcome: flow.Outcome{Kind: flow.Killed, Phase: flow.InHead.String(), Text: "killed by a hook or a person"}})
		return nil, nil, true
	case err != nil:
		return nil, nil, c.refuse(st, x, &flow.Error{Phase: flow.InHead, Status: 502, Err: err}) != nil
	case x.Response != nil && x.Response.Status/100 != 2:
		content, _ := control.Replaced(&x.Response.Body)
		return nil, nil, c.deny(st, denial{live: x, head: &x.Response.Response, content: content, reason: "made by a hook",
			outcome: flow.Outcome{Kind: flow.Refused, Phase: flow.InHead.String(), Text: strconv.Itoa(x.Response.Status) + ": a hook refused the CONNECT"}}) != nil
	}
	switch {
	case host == "" || port == 0:
		return nil, nil, c.refuse(st, x, refusal(400, "CONNECT to %s: it must name a host and a port from 1 to 65535", strconv.Quote(shorten(req.Authority)))) != nil
	case c.p.toItself(host, port):
		return nil, nil, c.refuse(st, x, refusal(403, "CONNECT to %s: this is midstream itself, which does not connect to itself; ask for another host or port", shorten(hostPort(host, port)))) != nil
	}
	t = &tunnel{client: c, host: host, port: port, address: hostPort(host, port), via: x.Request.Via}
	if c.p.dialsFirst(host) {
		t.dial = c.startDial(ctx, t.target())
	}
	if over = t.establish(st, down, x.Response); over == nil {
		t.giveUp()
		return nil, nil, true
	}
	return t, over, true
}

// establish answers 200: with neither Content-Length nor Transfer-Encoding (RFC
// 9110 section 9.3.6), and the fields of a hook's own 2xx otherwise. It returns the
// connection that the tunnel is on, nil where the client has left.
func (t *tunnel) establish(st engine.Stream, down *conn, own *hook.Response) *conn {
	head := &flow.Response{Status: 200, Reason: "Connection established"}
	head.Version = flow.HTTP11
	if own != nil {
		head.Fields = own.Fields.Clone()
		head.Fields.Del("Content-Length")
		head.Fields.Del("Transfer-Encoding")
	}
	sink, err := st.Respond(head, flow.Framing{})
	if err != nil {
		return nil
	}
	if err := sink.Close(nil); err != nil {
		return nil
	}
	raw, err := st.Upgrade()
	if err != nil {
		return nil
	}
	if down == nil {
		stream, ok := raw.(net.Conn)
		if !ok {
			return nil
		}
		return &conn{Conn: transport.New(stream)}
	}
	// What the codec has read beyond the head is the tunnel's first octets.
	var ahead []byte
	for r, ok := raw.(interface{ Ready() bool }); ok && r.Ready(); {
		p := make([]byte, 4<<10)
		n, err := raw.Read(p)
		ahead = append(ahead, p[:n]...)
		if err != nil {
			break
		}
	}
	down.head = append(ahead, down.head...)
	return down
}
