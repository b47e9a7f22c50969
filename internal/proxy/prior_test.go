package proxy

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"midstream/flow"
)

// plainOrigin is Go's server without TLS, that speaks HTTP/1 or HTTP/2.
func plainOrigin(t *testing.T, two bool, handler http.HandlerFunc) uint16 {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(!two)
	s.Protocols.SetUnencryptedHTTP2(two)
	done := make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return portOf(l.Addr())
}

// speak2 makes a client of HTTP/2 of a connection, whatever was agreed on.
func (p *peer) speak2() *xhttp2.ClientConn {
	p.t.Helper()
	cc, err := new(xhttp2.Transport).NewClientConn(p)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { cc.Close() })
	return cc
}

// TestHTTP2ByPriorKnowledge: a client that speaks HTTP/2 unasked is served, and
// an origin that it takes itself to be connected to is spoken to in the same way.
func TestHTTP2ByPriorKnowledge(t *testing.T) {
	for name, c := range map[string]struct {
		secure bool   // the origin has TLS
		two    bool   // the origin speaks HTTP/2
		first  bool   // and begins before the client does
		came   string // the version that the origin is to see
		mode   string // a reverse mode, with the origin for %s
		way    func(r *rig, target string) *peer
	}{
		"to the proxy": {two: false, came: "HTTP/1.1", way: func(r *rig, _ string) *peer { return r.dial() }},
		"to the proxy, in TLS without ALPN": {came: "HTTP/1.1", way: func(r *rig, _ string) *peer {
			return r.dial().mustSecure(&tls.Config{ServerName: "127.0.0.1"})
		}},
		"to the proxy, in TLS with ALPN": {came: "HTTP/1.1", way: func(r *rig, _ string) *peer {
			p := r.dial().mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{h2, http11}})
			if got := p.state().NegotiatedProtocol; got != h2 {
				t.Errorf("the proxy agrees to %q", got)
			}
			return p
		}},
		"in a tunnel":                   {two: true, came: "HTTP/2.0", way: tunnelled},
		"in a tunnel, the server first": {two: true, first: true, came: "HTTP/2.0", way: tunnelled},
		"in a tunnel to HTTP/1":         {two: false, came: "HTTP/1.1", way: tunnelled},
		"reverse":                       {two: true, came: "HTTP/2.0", mode: "reverse:http://%s", way: direct},
		"reverse to HTTP/1":             {two: false, came: "HTTP/1.1", mode: "reverse:http://%s", way: direct},
		"reverse to TLS":                {secure: true, two: true, came: "HTTP/2.0", mode: "reverse:https://%s", way: direct},
		"reverse to TLS and HTTP/1":     {secure: true, two: false, came: "HTTP/1.1", mode: "reverse:https://%s", way: direct},
		"in a tunnel with TLS":          {secure: true, two: true, came: "HTTP/2.0", way: tunnelledTLS},
		"in a tunnel with TLS, to 1":    {secure: true, two: false, came: "HTTP/1.1", way: tunnelledTLS},
		"reverse, in TLS without ALPN": {secure: true, two: true, came: "HTTP/2.0", mode: "reverse:https://%s", way: func(r *rig, _ string) *peer {
			return r.dial().mustSecure(&tls.Config{ServerName: "127.0.0.1"})
		}},
	} {
		for _, strategy := range []Strategy{Eager, Lazy} {
			t.Run(fmt.Sprint(name, strategy), func(t *testing.T) {
				handler := func(w http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					fmt.Fprint(w, r.Proto, " ", r.Host, r.URL.Path, " ", string(b))
				}
				scheme, port := "http", uint16(0)
				if c.secure {
					scheme, port = "https", h2Origin(t, c.two, handler)
				} else if c.first {
					port = rawOrigin(t, func(nc net.Conn) { serveGently(nc, http.HandlerFunc(handler)) })
				} else {
					port = plainOrigin(t, c.two, handler)
				}
				r := newRig(t, func(cfg *Config) {
					cfg.HTTP2, cfg.Strategy = true, strategy
					if c.mode != "" {
						m, err := ParseMode(fmt.Sprintf(c.mode, local(port)))
						if err != nil {
							t.Fatal(err)
						}
						cfg.Modes = []Mode{m}
					}
				})
				rt := c.way(r, local(port)).speak2()
				for i := range 3 {
					req, _ := http.NewRequest("POST", fmt.Sprint(scheme, "://", local(port), "/", i), strings.NewReader("abc"))
					resp, err := rt.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if want := fmt.Sprint(c.came, " ", local(port), "/", i, " abc"); string(b) != want || err != nil {
						t.Errorf("%d %s, want %s, %v", resp.StatusCode, b, want, err)
					}
				}
				for _, f := range r.flows.wait(t, 3) {
					if f.Request.Version != flow.HTTP2 || f.Response.Version.String() != c.came || f.Outcome.Kind != flow.Completed {
						t.Errorf("recorded as %v, %v, %+v", f.Request.Version, f.Response.Version, f.Outcome)
					}
				}
			})
		}
	}
}

func direct(r *rig, _ string) *peer { return r.dial() }

func tunnelled(r *rig, target string) *peer {
	p := r.dial()
	p.connect(target)
	return p
}

func tunnelledTLS(r *rig, target string) *peer {
	return tunnelled(r, target).mustSecure(&tls.Config{ServerName: "127.0.0.1"})
}

// TestAPrefaceThatStopsHalfway: what begins like HTTP/2 and is not stays what it
// was.
func TestAPrefaceThatStopsHalfway(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	for _, c := range []struct{ sent, want string }{
		{"PRI http://h.test/ HTTP/3.0\r\n\r\n", "505"},
		{"PRI * HTTP/2.1\r\n\r\n", "505"},
		{"P\r\n\r\n", "400"},
	} {
		p := r.dial()
		p.send("%s", c.sent)
		if status, _, body := p.response(); fmt.Sprint(status) != c.want {
			t.Errorf("%q: %d %s", c.sent, status, body)
		}
	}
	p := r.dial()
	p.send("PRI * HT")
	p.Conn.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(p); err != nil {
		t.Errorf("a cut preface: %q, %v", b, err)
	}
}

// TestProxyPageOverHTTP2: who takes the proxy for a web server is told, and so is
// who agreed to HTTP/1.1 and speaks HTTP/2 all the same.
func TestProxyPageOverHTTP2(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	req, _ := http.NewRequest("GET", "http://"+r.addr+"/", nil)
	resp, err := r.dial().speak2().RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 400 || !strings.Contains(string(b), "an HTTP proxy, and not a web server") {
		t.Errorf("%d %s", resp.StatusCode, b)
	}
	p := r.dial().mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{http11}})
	io.WriteString(p, preface)
	if resp, err := http.ReadResponse(bufio.NewReader(p), nil); err != nil || resp.StatusCode != 505 {
		t.Errorf("%v, %v", resp, err)
	}
	if f := r.flows.wait(t, 2)[1]; len(f.Findings) != 1 || f.Findings[0].Code != "http2-refused" {
		t.Errorf("findings %v", f.Findings)
	}
}
