package proxy

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	xhttp2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/internal/pattern"
)

// streamConn is a tunnel on a stream of HTTP/2 as its client has it.
type streamConn struct {
	net.Conn // nil: addresses and deadlines are not there
	in       io.ReadCloser
	out      *io.PipeWriter
}

func (s *streamConn) Read(p []byte) (int, error)         { return s.in.Read(p) }
func (s *streamConn) Write(p []byte) (int, error)        { return s.out.Write(p) }
func (s *streamConn) CloseWrite() error                  { return s.out.Close() }
func (s *streamConn) SetDeadline(time.Time) error        { return nil }
func (s *streamConn) SetReadDeadline(t time.Time) error  { return nil }
func (s *streamConn) SetWriteDeadline(t time.Time) error { return nil }
func (s *streamConn) Close() error {
	s.out.Close()
	return s.in.Close()
}

// tunnelOn asks for a tunnel on a stream.
func tunnelOn(t *testing.T, cc *xhttp2.ClientConn, target string) (*peer, *http.Response) {
	t.Helper()
	pr, pw := io.Pipe()
	req := &http.Request{Method: "CONNECT", URL: &url.URL{Scheme: "https", Host: target}, Host: target, Header: http.Header{}, Body: pr}
	resp, err := cc.RoundTrip(req.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		pw.Close()
		return nil, resp
	}
	return newPeer(t, &streamConn{in: resp.Body, out: pw}), resp
}

// ask sends a request of HTTP/1.1 and returns what was answered.
func (p *peer) ask(host string) string {
	p.t.Helper()
	p.send("GET /x HTTP/1.1\r\nHost: %s\r\n\r\n", host)
	status, _, body := p.response()
	return fmt.Sprint(status, " ", body)
}

// waysToSpeak2 are how a client comes to speak HTTP/2 to the proxy.
var waysToSpeak2 = map[string]func(r *rig) *xhttp2.ClientConn{
	"plain": func(r *rig) *xhttp2.ClientConn { return r.dial().speak2() },
	"TLS": func(r *rig) *xhttp2.ClientConn {
		return r.dial().mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{h2, http11}}).speak2()
	},
}

// TestTunnelsOnStreams: a CONNECT on a stream of HTTP/2 is what it is in HTTP/1,
// whatever is spoken inside.
func TestTunnelsOnStreams(t *testing.T) {
	_, plain := webOrigin(t, false)
	secured := h2Origin(t, false, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Method+" "+r.RequestURI+" host="+r.Host)
	})
	two := plainOrigin(t, true, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	two2 := h2Origin(t, true, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) })
	first := rawOrigin(t, func(c net.Conn) {
		io.WriteString(c, "220 ready\r\n")
		io.Copy(c, c)
	})
	ignored := rawOrigin(t, answerOnce(originTLS()))
	for way, speak := range waysToSpeak2 {
		for _, strategy := range []Strategy{Eager, Lazy} {
			t.Run(fmt.Sprint(way, strategy), func(t *testing.T) {
				r := newRig(t, func(cfg *Config) {
					cfg.HTTP2, cfg.Strategy = true, strategy
					cfg.Hosts.Ignore = []*pattern.Pattern{mustPattern(t, fmt.Sprint(":", ignored))}
				})
				cc := speak(r)
				inside := func(port uint16) *peer {
					p, resp := tunnelOn(t, cc, local(port))
					if p == nil {
						t.Fatalf("CONNECT is answered with %s", resp.Status)
					}
					return p
				}
				if got := inside(plain).ask(local(plain)); !strings.HasPrefix(got, "200 GET /x host="+local(plain)) {
					t.Errorf("HTTP/1.1: %s", got)
				}
				p := inside(secured).mustSecure(&tls.Config{ServerName: "127.0.0.1"})
				if got := p.ask(local(secured)); !strings.HasPrefix(got, "200 GET /x host="+local(secured)) {
					t.Errorf("HTTP/1.1 in TLS: %s", got)
				}
				for name, c := range map[string]struct {
					cc   *xhttp2.ClientConn
					base string
				}{
					"plain": {inside(two).speak2(), "http://" + local(two)},
					"TLS":   {inside(two2).mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{h2}}).speak2(), "https://" + local(two2)},
				} {
					resp, err := c.cc.RoundTrip(mustRequest("GET", c.base+"/x"))
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if string(b) != "HTTP/2.0" || err != nil {
						t.Errorf("HTTP/2 inside, %s: %s, %v", name, b, err)
					}
				}
				if strategy == Eager {
					p := inside(first)
					b := make([]byte, 11)
					if _, err := io.ReadFull(p, b); string(b) != "220 ready\r\n" || err != nil {
						t.Errorf("a server that speaks first: %q, %v", b, err)
					}
					p.send("quit")
					p.Conn.(*streamConn).CloseWrite()
					if rest, err := io.ReadAll(p); string(rest) != "quit" || err != nil {
						t.Errorf("behind a half-close: %q, %v", rest, err)
					}
				}
				p = inside(ignored).mustSecure(&tls.Config{ServerName: "127.0.0.1", RootCAs: pool(cas.theirs)})
				p.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if got := p.head(); got != "HTTP/1.1 204 No Content\r\n\r\n" {
					t.Errorf("ignored: %q", got)
				}
			})
		}
	}
}

func mustPattern(t *testing.T, text string) *pattern.Pattern {
	p, err := pattern.Compile(text, pattern.IgnoreCase)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestConnectOnAStreamIsRefusedAsInHTTP1: odd authorities, midstream itself, and
// CONNECT where it is no proxy.
func TestConnectOnAStreamIsRefusedAsInHTTP1(t *testing.T) {
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	cc := r.dial().speak2()
	for target, want := range map[string]int{
		"h.test": 400, "h.test:0": 400, "h.test:99999": 400, "h.test:x": 400, ":443": 400, "h.test:": 400, "[::1]": 400, "h.test:+1": 400,
		r.addr: 403, "localhost:" + r.addr[strings.LastIndexByte(r.addr, ':')+1:]: 403,
	} {
		p, resp := tunnelOn(t, cc, target)
		if p != nil {
			t.Errorf("%s: accepted", target)
			continue
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || !strings.Contains(string(b), "CONNECT to") || err != nil {
			t.Errorf("%s: %d %s, %v", target, resp.StatusCode, b, err)
		}
	}
	for _, f := range r.flows.wait(t, 10) {
		if f.Request.Method != "CONNECT" || f.Request.Version != flow.HTTP2 || f.Outcome.Kind != flow.Refused {
			t.Errorf("recorded as %s %+v", f.Request.Method, f.Outcome)
		}
	}
}

// TestManyTunnelsOnOneConnection: one that is not read holds up its own server
// only.
func TestManyTunnelsOnOneConnection(t *testing.T) {
	var sent atomic.Int64
	const flood = 64 << 20
	endless := rawOrigin(t, func(c net.Conn) {
		p := make([]byte, 64<<10)
		for sent.Load() < flood {
			n, err := c.Write(p)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	echo := rawOrigin(t, func(c net.Conn) { io.Copy(c, c) })
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	cc := r.dial().speak2()
	stuck, _ := tunnelOn(t, cc, local(endless))
	var wg sync.WaitGroup
	for i := range 50 {
		p, _ := tunnelOn(t, cc, local(echo))
		wg.Go(func() {
			want := strings.Repeat(fmt.Sprintf("\x00%d.", i), 50_000)
			go func() {
				io.WriteString(p.Conn, want)
				p.Conn.(*streamConn).CloseWrite()
			}()
			got, err := io.ReadAll(p)
			if string(got) != want || err != nil {
				t.Errorf("tunnel %d: %d octets of %d, %v", i, len(got), len(want), err)
			}
		})
	}
	wg.Wait()
	if n := sent.Load(); n >= flood {
		t.Errorf("the server of the tunnel that is not read has sent all of %d octets", n)
	}
	stuck.Close()
}

// TestBrokenTunnelsOnStreams: a failure of one end is one at the other: a TCP
// reset is CONNECT_ERROR, and a reset of the stream a TCP reset.
func TestBrokenTunnelsOnStreams(t *testing.T) {
	ended := make(chan error, 1)
	port := rawOrigin(t, func(c net.Conn) {
		p := make([]byte, 10)
		n, err := c.Read(p)
		if string(p[:n]) == "\x00reset" {
			c.(*net.TCPConn).SetLinger(0)
			return
		}
		if err == nil {
			_, err = c.Read(p)
		}
		ended <- err
	})
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	cc := r.dial().speak2()
	p, _ := tunnelOn(t, cc, local(port))
	p.send("\x00reset")
	_, err := io.ReadAll(p)
	if se, ok := errors.AsType[xhttp2.StreamError](err); !ok || se.Code != xhttp2.ErrCodeConnect {
		t.Errorf("after a TCP reset: %v", err)
	}
	r.flows.wait(t, 1)
	p, _ = tunnelOn(t, cc, local(port))
	p.send("\x00go on")
	p.Conn.(*streamConn).out.CloseWithError(errors.New("given up"))
	if err := <-ended; !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("after a reset of the stream the server reads %v", err)
	}
	if fs := r.flows.wait(t, 2); fs[0].Outcome.Kind != flow.WasReset || fs[1].Outcome.Kind != flow.ClientLeft {
		t.Errorf("outcomes %+v, %+v", fs[0].Outcome, fs[1].Outcome)
	}
}
