package proxy

import (
	"crypto/tls"
	"io"
	"strings"
	"testing"

	"midstream/flow"
)

// preface is what a client of HTTP/2 begins with (RFC 9113 section 3.4), with an
// empty SETTINGS frame.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// TestHTTP2Preface: a client that speaks HTTP/2 unasked is told so, whichever way
// it comes in, and its flow says why.
func TestHTTP2Preface(t *testing.T) {
	_, plain := webOrigin(t, false)
	_, secured := webOrigin(t, true)
	for name, way := range map[string]func(r *rig) *peer{
		"to the proxy":      func(r *rig) *peer { return r.dial() },
		"to the proxy, TLS": func(r *rig) *peer { return r.dial().mustSecure(&tls.Config{ServerName: "127.0.0.1"}) },
		"in a plain tunnel": func(r *rig) *peer { p := r.dial(); p.connect(local(plain)); return p },
		"in TLS, ALPN of h2": func(r *rig) *peer {
			p := r.dial()
			p.connect(local(secured))
			return p.mustSecure(&tls.Config{ServerName: "h.test", NextProtos: []string{"h2"}})
		},
		"in TLS, no ALPN": func(r *rig) *peer {
			p := r.dial()
			p.connect(local(secured))
			return p.mustSecure(&tls.Config{ServerName: "h.test"})
		},
	} {
		for _, strategy := range []Strategy{Eager, Lazy} {
			r := newRig(t, func(c *Config) { c.Strategy = strategy })
			p := way(r)
			io.WriteString(p, preface)
			if status, _, body := p.response(); status != 505 || !strings.Contains(body, "HTTP/2 is not there yet; use HTTP/1.1") {
				t.Errorf("%s: %d %s", name, status, body)
			}
			if b, err := io.ReadAll(p); len(b) > 0 || err != nil {
				t.Errorf("%s: behind the answer: %q %v", name, b, err)
			}
			p.Close()
			f := r.flows.wait(t, 1)[0]
			if f.Kind != flow.HTTP || f.Request.Method != "PRI" || f.Request.Version != flow.HTTP2 || f.Response.Status != 505 || f.Outcome.Kind != flow.Refused ||
				len(f.Findings) != 1 || f.Findings[0].Code != "http2-not-there" {
				t.Errorf("%s: %+v %v", name, f.Outcome, f.Findings)
			}
		}
	}
}
