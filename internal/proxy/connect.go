package proxy

import (
	"context"
	"errors"
	"strconv"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
)

// connect answers a CONNECT and, unless it is refused, serves the tunnel to its
// end. It tells whether the connection was used up by that.
func (c *client) connect(ctx context.Context, st engine.Stream, down *conn) (done bool) {
	req := st.Request()
	set := c.p.cfg.Hooks()
	x, control := hook.NewExchange(*req, c.facts, set, func() {
		st.Abort(&flow.Error{Cause: flow.WasKilled, Err: errors.New("killed by a hook or a person")})
	})
	for _, f := range st.Findings() {
		x.Find(f.Code, f.Text)
	}
	err := set.HTTPConnect(st.Context(), x)
	control.Finish()
	set.Finished(x)
	switch {
	case x.Killed():
		return true
	case err != nil:
		return c.refuse(st, &flow.Error{Phase: flow.InHead, Status: 502, Err: err}) != nil
	case x.Response != nil && x.Response.Status/100 != 2:
		content, _ := control.Replaced(&x.Response.Body)
		return answer(st, &x.Response.Response, content) != nil
	}
	host, port := x.Request.Host, x.Request.Port
	if host == "" || port == 0 {
		return c.refuse(st, refusal(400, "CONNECT to %s: it must name a host and a port from 1 to 65535", strconv.Quote(shorten(req.Authority)))) != nil
	}
	t := &tunnel{client: c, host: host, port: port, address: hostPort(host, port)}
	if c.p.cfg.Strategy == Eager {
		t.dial = c.startDial(ctx, t.address)
	}
	if !t.establish(st, down, x.Response) {
		t.giveUp()
		return true
	}
	t.serve(ctx, down)
	return true
}

// establish answers 200: with neither Content-Length nor Transfer-Encoding (RFC
// 9110 section 9.3.6), and the fields of a hook's own 2xx otherwise.
func (t *tunnel) establish(st engine.Stream, down *conn, own *hook.Response) bool {
	head := &flow.Response{Status: 200, Reason: "Connection established"}
	head.Version = flow.HTTP11
	if own != nil {
		head.Fields = own.Fields.Clone()
		head.Fields.Del("Content-Length")
		head.Fields.Del("Transfer-Encoding")
	}
	sink, err := st.Respond(head, flow.Framing{})
	if err != nil {
		return false
	}
	if err := sink.Close(nil); err != nil {
		return false
	}
	raw, err := st.Upgrade()
	if err != nil {
		return false
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
	return true
}

// refuse answers with the page for err.
func (c *client) refuse(st engine.Stream, err *flow.Error) error {
	c.p.log.Info("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
	head, content := engine.ErrorPage(err, engine.AcceptsHTML(st.Request().Fields))
	return answer(st, head, content)
}

// answer sends a response that no server made. An error means that the
// connection is of no more use.
func answer(st engine.Stream, head *flow.Response, content []byte) error {
	head.Version = flow.HTTP11
	head.Fields.Del("Transfer-Encoding")
	head.Fields.Set("Content-Length", strconv.Itoa(len(content)))
	length := flow.Framing{Kind: flow.ByLength, Length: int64(len(content))}
	sink, err := st.Respond(head, length)
	if err != nil {
		return err
	}
	if len(content) > 0 && st.Request().Method != "HEAD" {
		if _, err := sink.Write(content); err != nil {
			sink.Abort(err)
			return err
		}
	}
	return sink.Close(nil)
}
