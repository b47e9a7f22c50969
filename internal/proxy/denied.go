package proxy

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
	"midstream/internal/http1"
	"midstream/internal/upstream"
)

// denial is a request that got its answer here and never became an exchange.
type denial struct {
	request  *flow.Request
	findings []flow.Finding
	live     *hook.Exchange // nil where no hook has seen it
	head     *flow.Response // of the answer; nil where there is none
	content  []byte
	reason   string // of the disposition of the answer
	outcome  flow.Outcome
}

// keep records a denial as a flow, so that it is seen where people look.
func (c *client) keep(d denial) {
	req := d.request.Clone()
	c.complete(req)
	f := &flow.Flow{Kind: flow.HTTP, Request: req, Response: d.head.Clone(), Findings: d.findings, Outcome: d.outcome, Start: req.Start}
	if f.Response != nil {
		f.Outcome.Bytes = int64(len(d.content))
		n := int64(len(d.content))
		f.ResponseBody = flow.Body{Disposition: flow.Hold, Reason: d.reason, Declared: n, Received: n, Sent: n, Ended: true}
		if n == 0 {
			f.ResponseBody.Disposition, f.ResponseBody.Reason = flow.NoBody, ""
		}
	}
	if x := d.live; x != nil {
		f.ID, f.Findings = x.ID, x.Findings()
		f.Marker, f.Comment, f.Metadata = x.Marker, x.Comment, x.Metadata
	}
	c.recordFailure(f, d.content)
}

// complete says where a request went that does not say it, or not in a way that
// is understood: to us.
func (c *client) complete(r *flow.Request) {
	if r.Version == 0 {
		r.Version = flow.HTTP11
	}
	if r.End.IsZero() {
		r.End = r.Start // of its body nothing was wanted
	}
	if r.Scheme == "" && r.Form != flow.AuthorityForm {
		r.Scheme = "http"
		if c.facts.TLS != nil {
			r.Scheme = "https"
		}
	}
	if r.Host != "" || r.Form == flow.AuthorityForm {
		return
	}
	if ap, err := netip.ParseAddrPort(c.facts.Local); err == nil {
		r.Host, r.Port = ap.Addr().String(), ap.Port()
	}
	if r.Path == "" {
		// The target was not understood.
		_, target, _ := strings.Cut(r.Wire, " ")
		target, _, _ = strings.Cut(target, " ")
		r.Path = target
		if !strings.HasPrefix(target, "/") && target != "*" {
			r.Path = "/" + target
		}
	}
}

// refuse answers with the page for err, and keeps the request as a flow. An error
// means that the connection is of no more use.
func (c *client) refuse(st engine.Stream, x *hook.Exchange, err *flow.Error) error {
	c.p.log.Info("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
	head, content := engine.ErrorPage(err, engine.AcceptsHTML(st.Request().Fields))
	return c.deny(st, denial{live: x, head: head, content: content, reason: "made by midstream", outcome: refusedFor(err)})
}

// refusedFor is the outcome of what was refused because of err.
func refusedFor(err *flow.Error) flow.Outcome {
	return flow.Outcome{Kind: flow.Refused, Phase: err.Phase.String(), Text: strconv.Itoa(engine.StatusOf(err)) + ": " + err.Error()}
}

// deny sends an answer that no server made, and keeps the request as a flow.
func (c *client) deny(st engine.Stream, d denial) error {
	d.request, d.findings = st.Request(), st.Findings()
	if d.live != nil {
		d.request = &d.live.Request.Request
	}
	d.head.Start = time.Now()
	sent, err := answer(st, d.head, d.content)
	d.head.End = time.Now()
	if d.content = d.content[:sent]; err != nil {
		d.outcome = flow.Outcome{Kind: flow.ClientLeft, Phase: flow.InBody.String(), Text: err.Error()}
	}
	c.keep(d)
	return err
}

// answer sends a response that no server made, and tells how much of its content
// was sent.
func answer(st engine.Stream, head *flow.Response, content []byte) (sent int, _ error) {
	head.Version = flow.HTTP11
	head.Fields.Del("Transfer-Encoding")
	head.Fields.Set("Content-Length", strconv.Itoa(len(content)))
	length := flow.Framing{Kind: flow.ByLength, Length: int64(len(content))}
	sink, err := st.Respond(head, length)
	if err != nil {
		return 0, err
	}
	if len(content) > 0 && st.Request().Method != "HEAD" {
		if sent, err = sink.Write(content); err != nil {
			sink.Abort(err)
			return sent, err
		}
	}
	return sent, sink.Close(nil)
}

// headFailed answers what was no request, as far as it can be answered.
func (c *client) headFailed(srv *http1.Server, err error) {
	e, ok := errors.AsType[*flow.Error](err)
	if !ok || e.Status == 0 {
		c.p.log.Debug("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
		return
	}
	c.p.log.Info("client "+c.facts.Peer+": "+err.Error(), "client", c.facts.Peer)
	head, page := engine.ErrorPage(e, true)
	srv.Reject(err, page, func(sent error) { c.keepPartial(srv.Partial(), e, head, page, sent) })
}

// keepPartial keeps a request whose head was not understood as far as it was,
// unless that is nothing at all.
func (c *client) keepPartial(req *flow.Request, err *flow.Error, head *flow.Response, page []byte, sent error) {
	if req.Method == "" {
		return
	}
	d := denial{request: req, head: head, content: page, reason: "made by midstream", outcome: refusedFor(err)}
	if sent != nil {
		d.head, d.content = nil, nil
	}
	if errors.Is(err, http1.ErrHTTP2) {
		d.request.Version = flow.HTTP2
		d.findings = []flow.Finding{{Code: http2Refused, Text: "the client speaks HTTP/2 where HTTP/1.1 was agreed on, and was answered with 505; make it use HTTP/1.1"}}
	}
	c.keep(d)
}

// Owns tells whether a host and port are certain to be one of our own listeners.
func (p *Proxy) Owns(host string, port uint16) bool { return p.toItself(host, port) }

// toItself tells whether a host and port are certain to be one of our own
// listeners; other names are found out when they are dialled.
func (p *Proxy) toItself(host string, port uint16) bool {
	if at, ok := upstream.Literal(strings.Trim(host, "[]")); ok {
		return p.own.is(netip.AddrPortFrom(at.WithZone(""), port))
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name != "localhost" && !strings.HasSuffix(name, ".localhost") {
		return false
	}
	return p.own.is(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)) || p.own.is(netip.AddrPortFrom(netip.IPv6Loopback(), port))
}
