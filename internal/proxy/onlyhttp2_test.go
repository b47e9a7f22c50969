package proxy

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"midstream/flow"
)

// onlyHTTP2 are servers that speak nothing but HTTP/2, and how they say so.
var onlyHTTP2 = []struct {
	name  string
	plain bool
	serve func(c net.Conn, handler http.Handler)
}{
	{"refuses other protocols", false, func(c net.Conn, handler http.Handler) {
		cfg := originTLS()
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			own := originTLS()
			own.NextProtos = []string{"none of these"} // Go itself is lenient towards http/1.1
			if slices.Contains(hello.SupportedProtos, h2) {
				own.NextProtos = []string{h2}
			}
			return own, nil
		}
		if s := tls.Server(c, cfg); s.Handshake() == nil && s.ConnectionState().NegotiatedProtocol == h2 {
			new(xhttp2.Server).ServeConn(s, &xhttp2.ServeConnOpts{Handler: handler})
		}
	}},
	{"agrees to none and ends", false, func(c net.Conn, handler http.Handler) {
		cfg := originTLS()
		cfg.NextProtos = []string{h2}
		if s := tls.Server(c, cfg); s.Handshake() == nil && s.ConnectionState().NegotiatedProtocol == h2 {
			new(xhttp2.Server).ServeConn(s, &xhttp2.ServeConnOpts{Handler: handler})
		}
	}},
	{"agrees to none and begins", false, func(c net.Conn, handler http.Handler) {
		if s := tls.Server(c, originTLS()); s.Handshake() == nil {
			serveGently(s, handler)
		}
	}},
	{"agrees to none and waits", false, func(c net.Conn, handler http.Handler) {
		if s := tls.Server(c, originTLS()); s.Handshake() == nil {
			afterPreface(s, handler)
		}
	}},
	{"without TLS begins", true, func(c net.Conn, handler http.Handler) {
		serveGently(c, handler)
	}},
	{"without TLS waits", true, func(c net.Conn, handler http.Handler) { afterPreface(c, handler) }},
}

// serveGently serves HTTP/2, which begins with SETTINGS, and lets the peer read
// that before it ends the connection.
func serveGently(c net.Conn, handler http.Handler) {
	g := &gentle{Conn: c, wrote: make(chan struct{})}
	new(xhttp2.Server).ServeConn(g, &xhttp2.ServeConnOpts{Handler: handler})
	io.Copy(io.Discard, c)
}

// gentle is a connection whose Close ends the writing direction, after the first
// Write.
type gentle struct {
	net.Conn
	once  sync.Once
	wrote chan struct{}
}

func (g *gentle) Write(p []byte) (int, error) {
	n, err := g.Conn.Write(p)
	g.once.Do(func() { close(g.wrote) })
	return n, err
}

func (g *gentle) Close() error {
	<-g.wrote
	return g.Conn.(interface{ CloseWrite() error }).CloseWrite()
}

// afterPreface serves HTTP/2 to a client that has begun with its preface, and
// tells any other in HTTP/2 that it is wrong.
func afterPreface(c net.Conn, handler http.Handler) {
	preface := make([]byte, len(xhttp2.ClientPreface))
	if _, err := io.ReadFull(c, preface); err != nil {
		return
	}
	if string(preface) == xhttp2.ClientPreface {
		new(xhttp2.Server).ServeConn(c, &xhttp2.ServeConnOpts{Handler: handler, SawClientPreface: true})
		return
	}
	fr := xhttp2.NewFramer(c, c)
	fr.WriteSettings(xhttp2.Setting{ID: xhttp2.SettingMaxConcurrentStreams, Val: 100})
	fr.WriteGoAway(0, xhttp2.ErrCodeProtocol, []byte("no preface"))
	io.Copy(io.Discard, c)
}

// A client of HTTP/1.1 reaches a server that speaks nothing but HTTP/2, whichever
// way it says so, from the first request on.
func TestAClientOfHTTP1ReachesAServerOfHTTP2Alone(t *testing.T) {
	for _, o := range onlyHTTP2 {
		for _, c := range []struct {
			name     string
			offer    []string
			strategy Strategy
		}{
			{"offers http/1.1", []string{http11}, Eager},
			{"offers nothing", nil, Eager},
			{"offers http/1.1, lazy", []string{http11}, Lazy},
			{"offers nothing, lazy", nil, Lazy},
		} {
			// Who offers nothing to a server that insists on an offer gets what the
			// server makes of that.
			if c.offer == nil && (o.plain || o.name == "refuses other protocols" || o.name == "agrees to none and ends") {
				continue
			}
			t.Run(o.name+", client "+c.name, func(t *testing.T) {
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					w.Header().Set("Trailer", "X-Sum")
					fmt.Fprintf(w, "%s %s %s te=%q cookie=%q %s", r.Proto, r.Host, r.URL, r.Header["Te"], r.Header["Cookie"], b)
					w.(http.Flusher).Flush() // or Go gives the body a length
					w.Header().Set("X-Sum", "7")
				})
				port := rawOrigin(t, func(nc net.Conn) { o.serve(nc, handler) })
				r := newRig(t, func(cfg *Config) { cfg.HTTP2, cfg.Strategy = true, c.strategy })
				p := r.dial()
				target := "/x"
				if o.plain {
					target = "http://" + local(port) + "/x"
				} else {
					p.connect(local(port))
					p = p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: c.offer})
					if got := p.state().NegotiatedProtocol; c.offer != nil && got != "" && got != http11 {
						t.Fatalf("the client speaks %q", got)
					}
				}
				p.send("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: TE\r\nTE: trailers\r\nCookie: a=1; b=2\r\n\r\n", target, local(port))
				p.wants(t, 200, fmt.Sprintf("HTTP/2.0 %s /x te=%q cookie=%q ", local(port), []string{"trailers"}, []string{"a=1; b=2"}))
				p.send("POST %s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", target, local(port))
				p.wants(t, 200, fmt.Sprintf("HTTP/2.0 %s /x te=%q cookie=%q abc", local(port), []string(nil), []string(nil)))
				for i, f := range r.flows.wait(t, 2) {
					if f.Response == nil || f.Response.Version != flow.HTTP2 {
						t.Errorf("%d: %+v, tries %+v", i, f.Outcome, f.Tries)
					}
				}
				// Others know it then.
				if !o.plain {
					rt, _ := r.inside(local(port), http11)
					resp, err := rt.RoundTrip(mustRequest("GET", "https://"+local(port)+"/y"))
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
					if tries := r.flows.wait(t, 3)[2].Tries; resp.StatusCode != 200 || len(tries) != 1 {
						t.Errorf("another client: %d, tries %+v", resp.StatusCode, tries)
					}
				}
			})
		}
	}
}

func mustRequest(method, url string) *http.Request {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		panic(err)
	}
	return req
}

// wants reads a chunked response whose trailer section has X-Sum.
func (p *peer) wants(t *testing.T, status int, body string) {
	t.Helper()
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if resp.StatusCode != status || string(b) != body || err != nil || resp.Trailer.Get("X-Sum") != "7" {
		t.Errorf("%d %q, trailers %v, %v\nwant %d %q", resp.StatusCode, b, resp.Trailer, err, status, body)
	}
}

// Without the option a server of HTTP/2 alone is told as what it is.
func TestWithoutHTTP2AServerThatSpeaksNothingElseIsSaidSo(t *testing.T) {
	for _, o := range onlyHTTP2 {
		if o.plain {
			continue
		}
		t.Run(o.name, func(t *testing.T) {
			port := rawOrigin(t, func(nc net.Conn) { o.serve(nc, http.NotFoundHandler()) })
			r := newRig(t, func(cfg *Config) { cfg.Strategy = Lazy })
			p := r.dial()
			p.connect(local(port))
			p = p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{http11}})
			p.send("GET / HTTP/1.1\r\nHost: %s\r\n\r\n", local(port))
			resp, err := http.ReadResponse(bufio.NewReader(p), nil)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, resp.Body)
			if f := r.flows.wait(t, 1)[0]; resp.StatusCode != 502 || len(f.Tries) == 0 || f.Tries[0].Error == "" {
				t.Errorf("%d, tries %+v", resp.StatusCode, f.Tries)
			} else {
				t.Log(f.Tries[0].Error)
			}
		})
	}
}
