package proxy

import (
	"context"
	"time"

	"midstream/flow"
)

// serveRequests serves requests in the protocol that the client speaks: the one
// that it was told in TLS, else what it begins with (RFC 9113 section 3.3). Its
// first octet has come, unless there is TLS.
func (c *client) serveRequests(ctx context.Context, down *conn, r route) {
	protocol, secured := down.protocol()
	switch {
	case protocol == h2:
		c.serveHTTP2(ctx, down, r)
		return
	case secured && protocol == "":
		if _, ok := c.waitFirst(down); !ok {
			return
		}
	}
	if c.beginsHTTP2(down) {
		if !c.p.now().HTTP2 {
			r = switchedOff{}
		}
		c.serveHTTP2(ctx, down, r)
		return
	}
	c.serveHTTP(ctx, down, r)
}

// priorLine is the part of HTTP/2's preface that no request of HTTP/1 begins with
// (RFC 9113 section 3.4).
const priorLine = "PRI * HTTP/2.0\r\n"

// beginsHTTP2 tells whether a client whose first octet has come speaks HTTP/2
// without having been asked. The octets stay to be read.
func (c *client) beginsHTTP2(down *conn) bool {
	if protocol, _ := down.protocol(); protocol != "" {
		return false // it said that it would speak something else
	}
	down.SetReadDeadline(time.Now().Add(c.p.cfg.TLS.HandshakeTimeout))
	defer down.SetReadDeadline(time.Time{})
	for n := 1; ; {
		p, err := down.peek(n)
		m := min(len(p), len(priorLine))
		switch {
		case string(p[:m]) != priorLine[:m], err != nil:
			return false // an error comes again
		case m == len(priorLine):
			return true
		}
		n = len(p) + 1
	}
}

// switchedOff is the route of who speaks HTTP/2 where it is not allowed: it is
// told so in its own language.
type switchedOff struct{}

func (switchedOff) direct(*flow.Request) ([]flow.Finding, *flow.Error) {
	return []flow.Finding{{Code: http2Refused, Text: "the client speaks HTTP/2, which is switched off; make it use HTTP/1.1, or allow it with --http2"}},
		refusal(505, "HTTP/2 is switched off here (option http2); use HTTP/1.1 (with curl: --http1.1)")
}

// http2Refused is the code of the finding about clients that speak HTTP/2 where
// they may not.
const http2Refused = "http2-refused"
