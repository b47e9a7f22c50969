package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
)

func TestAbsoluteForm(t *testing.T) {
	_, port := webOrigin(t, false)
	r := newRig(t, nil)
	p := r.dial()
	for range 2 {
		p.send("GET HTTP://%s/a?b HTTP/1.1\r\nHost: %s\r\n\r\n", local(port), local(port))
		if status, _, body := p.response(); status != 200 || !strings.HasPrefix(body, "GET /a?b host="+local(port)) {
			t.Fatalf("%d %s", status, body)
		}
	}
	list := r.flows.wait(t, 2)
	if list[0].Server.ID != list[1].Server.ID {
		t.Error("the second request did not use the connection of the first")
	}
	if f := list[0]; f.Client.Mode != "regular" || f.Client.Peer != p.LocalAddr().String() || f.Server.Address != local(port) {
		t.Errorf("client %+v, server %+v", f.Client, f.Server)
	}
}

func TestIntercept(t *testing.T) {
	_, port := webOrigin(t, true)
	for _, strategy := range []Strategy{Eager, Lazy} {
		r := newRig(t, func(c *Config) { c.Strategy = strategy })
		p := r.dial()
		p.connect(local(port))
		s := p.mustSecure(&tls.Config{ServerName: "foo_bar.test", NextProtos: []string{"h2", "http/1.1"}})
		if s.state().NegotiatedProtocol != "http/1.1" {
			t.Errorf("protocol %q", s.state().NegotiatedProtocol)
		}
		s.send("GET /x HTTP/1.1\r\nHost: foo_bar.test\r\n\r\n")
		if status, _, body := s.response(); status != 200 || !strings.HasPrefix(body, "GET /x host=foo_bar.test sni=foo_bar.test") {
			t.Fatalf("%d %s", status, body)
		}
		f := r.flows.wait(t, 1)[0]
		if f.Request.Scheme != "https" || f.Request.Host != "127.0.0.1" || f.Request.Port != port || len(f.Findings) != 0 {
			t.Errorf("request %+v, findings %v", f.Request, f.Findings)
		}
		if f.Client.TLS == nil || f.Client.TLS.SNI != "foo_bar.test" || len(f.Client.TLS.Certificates) != 1 || f.Server.TLS == nil || f.Server.TLS.SNI != "foo_bar.test" || f.Server.TLS.ALPN != "http/1.1" {
			t.Errorf("client TLS %+v, server TLS %+v", f.Client.TLS, f.Server.TLS)
		}
		// With the server's certificate known, its names are in the leaf.
		named := s.state().PeerCertificates[0].VerifyHostname("127.0.0.1") == nil
		if !named {
			t.Error("the leaf is not for the address")
		}
	}
}

func TestHTTPInATunnel(t *testing.T) {
	_, port := webOrigin(t, false)
	r := newRig(t, nil)
	p := r.dial()
	p.connect(local(port))
	p.send("GET http://evil.test/x HTTP/1.1\r\nHost: evil.test\r\n\r\n")
	status, _, body := p.response()
	if status != 200 || !strings.HasPrefix(body, "GET /x ") {
		t.Fatalf("%d %s", status, body)
	}
	f := r.flows.wait(t, 1)[0]
	if f.Request.Address() != local(port) || len(f.Findings) != 1 || f.Findings[0].Code != "authority-mismatch" {
		t.Errorf("to %s, findings %v", f.Request.Address(), f.Findings)
	}
}

type connectHook func(x *hook.Exchange) error

func (f connectHook) HTTPConnect(_ context.Context, x *hook.Exchange) error { return f(x) }

func TestRefusedConnectLeavesTheConnectionOpen(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, func(c *Config) {
		c.Hooks = addons(t, connectHook(func(x *hook.Exchange) error {
			if !x.Request.Fields.Has("Proxy-Authorization") {
				x.Response = hook.MakeResponse(407, flow.Fields{{Name: "Proxy-Authenticate", Value: "Basic"}}, []byte("who?"))
			}
			return nil
		}))
	})
	p := r.dial()
	p.send("CONNECT %s HTTP/1.1\r\n\r\n", local(port))
	if status, h, body := p.response(); status != 407 || body != "who?" || h.Get("Proxy-Authenticate") != "Basic" || h.Get("Connection") != "" {
		t.Fatalf("%d %v %q", status, h, body)
	}
	p.send("CONNECT %s HTTP/1.1\r\nProxy-Authorization: x\r\n\r\n", local(port))
	if head := p.head(); !strings.HasPrefix(head, "HTTP/1.1 200 ") {
		t.Fatal(head)
	}
	p.mustSecure(&tls.Config{ServerName: "127.0.0.1"})
	f := r.flows.wait(t, 1)[0]
	if f.Request.URL() != local(port) || f.Response.Status != 407 || f.Outcome.Kind != flow.Refused || f.Outcome.Text != "407: a hook refused the CONNECT" || f.ResponseBody.Sent != 4 {
		t.Errorf("%+v %+v", f.Outcome, f.ResponseBody)
	}
}

func TestConnectElsewhereAndKilled(t *testing.T) {
	_, port := webOrigin(t, false)
	r := newRig(t, func(c *Config) {
		c.Hooks = addons(t, connectHook(func(x *hook.Exchange) error {
			if x.Request.Host == "kill.test" {
				return x.Kill()
			}
			x.Request.SetHost("127.0.0.1", port)
			return nil
		}))
	})
	p := r.dial()
	p.connect("elsewhere.invalid:1")
	p.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if status, _, _ := p.response(); status != 200 {
		t.Fatal(status)
	}
	q := r.dial()
	q.send("CONNECT kill.test:443 HTTP/1.1\r\n\r\n")
	if b, _ := io.ReadAll(q); len(b) != 0 {
		t.Fatalf("a killed CONNECT is answered %q", b)
	}
	p.Close()
	for _, f := range r.flows.wait(t, 2) {
		if killed := f.Request.Method == "CONNECT"; killed != (f.Outcome.Kind == flow.Killed) || killed && (f.Request.URL() != "kill.test:443" || f.Response != nil) {
			t.Errorf("%s: %+v", f.Request.URL(), f.Outcome)
		}
	}
}

// A guard that fails closes the way: the CONNECT is refused, and says why.
func TestAFailedGuardRefusesTheConnect(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Hooks = addons(t, failingGuard{}) })
	p := r.dial()
	p.send("CONNECT h.test:443 HTTP/1.1\r\n\r\n")
	if status, _, body := p.response(); status != 502 || !strings.Contains(body, "no idea") {
		t.Errorf("%d %s", status, body)
	}
	f := r.flows.wait(t, 1)[0]
	if f.Outcome.Kind != flow.Refused || f.Response.Status != 502 || f.Findings[len(f.Findings)-1].Code != "addon-error" || f.Comment != "asked" {
		t.Errorf("%+v %v %q", f.Outcome, f.Findings, f.Comment)
	}
}

type failingGuard struct{}

func (failingGuard) Required() bool { return true }
func (failingGuard) HTTPConnect(_ context.Context, x *hook.Exchange) error {
	x.Comment = "asked"
	return errors.New("no idea")
}

func TestUnreachableServerGetsAPage(t *testing.T) {
	untrusted := rawOrigin(t, func(c net.Conn) {
		cert, _ := cas.ours.Leaf(context.Background(), ca.LeafRequest{Addr: "127.0.0.1"})
		tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*cert}}).Handshake()
	})
	plain := rawOrigin(t, func(c net.Conn) {
		c.Read(make([]byte, 1000))
		io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
	})
	hangsUp := rawOrigin(t, func(c net.Conn) { c.Read(make([]byte, 64<<10)) })
	resets := rawOrigin(t, func(c net.Conn) { c.Read(make([]byte, 1)); c.(*net.TCPConn).SetLinger(0) })
	for name, c := range map[string]struct {
		port uint16
		text string
	}{
		"refused":   {closedPort(t), "connect to server 127.0.0.1:PORT: connection refused"},
		"untrusted": {untrusted, "TLS handshake with server 127.0.0.1:PORT: certificate is signed by an unknown authority"},
		"plain":     {plain, "does not speak TLS on this port (it answered in plain HTTP)"},
		"hangs up":  {hangsUp, "TLS handshake with server 127.0.0.1:PORT: it closed the connection"},
		"resets":    {resets, "TLS handshake with server 127.0.0.1:PORT: it reset the connection"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, strategy := range []Strategy{Eager, Lazy} {
				r := newRig(t, func(c *Config) { c.Strategy = strategy })
				p := r.dial()
				p.connect(local(c.port))
				s := p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{"http/1.1"}})
				for range 2 { // the connection lives on
					s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
					status, _, body := s.response()
					want := strings.ReplaceAll(c.text, "PORT", strconv.Itoa(int(c.port)))
					if status != 502 || !strings.Contains(body, want) {
						t.Fatalf("%d %s\nwant %s", status, body, want)
					}
				}
			}
		})
	}
}

func TestClientRefusesTheCertificate(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, nil)
	for range 2 {
		p := r.dial()
		p.connect(local(port))
		if _, err := p.secure(&tls.Config{ServerName: "shop.test", RootCAs: pool(cas.theirs)}); err == nil {
			t.Fatal("the certificate is trusted")
		}
		p.Close()
	}
	for _, f := range r.flows.wait(t, 2) {
		if f.Outcome.Kind != flow.Failed || len(f.Findings) != 1 || f.Findings[0].Code != "client-refused-certificate" ||
			!strings.Contains(f.Findings[0].Text, `--ignore-hosts 'shop\.test'`) || f.Request.URL() != local(port) {
			t.Errorf("%+v, %v", f.Outcome, f.Findings)
		}
	}
	if n := strings.Count(r.log.String(), "level=WARN"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, r.log)
	}
}

func TestNotAWebServer(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial()
	for range 2 {
		p.send("GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n")
		if status, h, body := p.response(); status != 400 || !strings.Contains(body, "an HTTP proxy") || !strings.HasPrefix(h.Get("Content-Type"), "text/html") {
			t.Fatalf("%d %v %s", status, h, body)
		}
	}
	for _, f := range r.flows.wait(t, 2) {
		if f.Outcome.Kind != flow.Refused || f.Response.Status != 400 || f.Request.URL() != "http://"+r.addr+"/" {
			t.Errorf("%s %+v", f.Request.URL(), f.Outcome)
		}
	}
}

func TestReverse(t *testing.T) {
	_, plain := webOrigin(t, false)
	_, secure := webOrigin(t, true)
	for _, c := range []struct {
		scheme string
		port   uint16
		keep   bool
		tls    bool // towards the client
		want   string
	}{
		{"http", plain, false, false, "host=localhost:PORT sni= "},
		{"http", plain, true, false, "host=public.test sni= "},
		{"http", plain, false, true, "host=localhost:PORT sni= "},
		{"https", secure, false, false, "host=localhost:PORT sni=localhost "},
		{"https", secure, false, true, "host=localhost:PORT sni=localhost "},
		{"https", secure, true, true, "host=public.test sni=public.test "},
	} {
		m, err := ParseMode("reverse:" + c.scheme + "://localhost:" + strconv.Itoa(int(c.port)) + "@0")
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, func(cfg *Config) { cfg.Modes, cfg.KeepHost = []Mode{m}, c.keep })
		p := r.dial()
		if c.tls {
			p = p.mustSecure(&tls.Config{ServerName: "public.test", NextProtos: []string{"http/1.1"}})
		}
		p.send("GET /r HTTP/1.1\r\nHost: public.test\r\n\r\n")
		status, _, body := p.response()
		if want := strings.ReplaceAll(c.want, "PORT", strconv.Itoa(int(c.port))); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%+v: %d %s", c, status, body)
		}
	}
}

func TestOddServerNames(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, func(c *Config) { c.Upstream.TLS.Insecure = true })
	label := strings.Repeat("a", 63)
	for _, name := range []string{
		"x", "foo_bar.test", "xn--bcher-kva.test", label + ".test",
		strings.Repeat("abcdefg.", 31) + "test", // 252
		"-dash.test", "UPPER.test", "1.2.3", "a..b", "*.test",
		"b\u00fccher.test", "\U0001f600.test", "x\xff.test",
	} {
		p := r.dial()
		p.connect(local(port))
		s, err := p.secure(&tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		s.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		if status, _, body := s.response(); status != 200 {
			t.Errorf("%q: %d %s", name, status, body)
		}
	}
}

func TestIPv6Literal(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s := tls.Server(c, &tls.Config{GetCertificate: func(chi *tls.ClientHelloInfo) (*tls.Certificate, error) {
				return cas.theirs.Leaf(chi.Context(), ca.LeafRequest{Addr: "::1"})
			}})
			s.Read(make([]byte, 1000))
			io.WriteString(s, "HTTP/1.1 204 No Content\r\n\r\n")
			s.Close()
		}
	}()
	defer func() { l.Close(); <-done }()
	r := newRig(t, nil)
	p := r.dial()
	p.connect(l.Addr().String())
	s := p.mustSecure(&tls.Config{ServerName: "::1"})
	s.send("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n")
	if status, _, body := s.response(); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
}

func TestBadConnects(t *testing.T) {
	r := newRig(t, nil)
	targets := []string{":", ":443", "h", "h:", "h:0", "h:99999", "h:-1", "[::1]", "[::1:443"}
	for i, target := range append(targets, "a b:443", strings.Repeat("h", 70<<10)+":443") {
		p := r.dial()
		p.send("CONNECT %s HTTP/1.1\r\n\r\n", target)
		if status, _, _ := p.response(); status < 400 || status > 499 {
			t.Errorf("CONNECT %.20s: %d", target, status)
		}
		if i >= len(targets) {
			continue // not a request line, or none that is read to its end
		}
		if f := r.flows.wait(t, i+1)[i]; f.Outcome.Kind != flow.Refused || f.Request.URL() != target || f.Request.Method != "CONNECT" ||
			f.Response == nil || f.Response.Status != 400 || !strings.HasPrefix(f.Outcome.Text, "400: ") {
			t.Errorf("CONNECT %s: %+v %+v", target, f.Outcome, f.Request)
		}
	}
	// A name that no resolver takes is a matter of the dial.
	p := r.dial()
	p.connect(strings.Repeat("h", 4000) + ":443")
	p.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
	if status, _, body := p.response(); status != 502 {
		t.Errorf("%d %s", status, body)
	}
}

func TestCustomTimeouts(t *testing.T) {
	port := rawOrigin(t, func(c net.Conn) { io.Copy(io.Discard, c) })
	r := newRig(t, func(c *Config) { c.Upstream.HandshakeTimeout = time.Millisecond })
	p := r.dial()
	p.connect(local(port))
	s := p.mustSecure(&tls.Config{ServerName: "h.test"})
	s.send("GET / HTTP/1.1\r\nHost: h.test\r\n\r\n")
	if status, _, body := s.response(); status != 504 || !strings.Contains(body, "not done within 1ms") {
		t.Errorf("%d %s", status, body)
	}
}

// silent: the server must learn of it long before the handshake's limit.
