package proxy

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"midstream/flow"
)

// preface is what a client of HTTP/2 begins with (RFC 9113 section 3.4), with an
// empty SETTINGS frame.
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// TestHTTP2Preface: where HTTP/2 is switched off, a client that speaks it unasked
// is told so, whichever way it comes in, and its flow says why.
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
			req, _ := http.NewRequest("GET", "http://h.test/", nil)
			resp, err := p.speak2().RoundTrip(req)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 505 || !strings.Contains(string(body), "HTTP/2 is switched off here (option http2); use HTTP/1.1") || err != nil {
				t.Errorf("%s: %d %s, %v", name, resp.StatusCode, body, err)
			}
			p.Close()
			f := r.flows.wait(t, 1)[0]
			if f.Kind != flow.HTTP || f.Request.Path != "/" || f.Request.Version != flow.HTTP2 || f.Response.Status != 505 || f.Outcome.Kind != flow.Refused ||
				len(f.Findings) != 1 || f.Findings[0].Code != "http2-refused" {
				t.Errorf("%s: %+v %v", name, f.Outcome, f.Findings)
			}
		}
	}
}
