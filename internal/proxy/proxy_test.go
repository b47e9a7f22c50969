package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ca"
	"midstream/internal/engine"
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

func TestServerSpeaksFirst(t *testing.T) {
	port := rawOrigin(t, func(c net.Conn) {
		io.WriteString(c, "220 hello\r\n")
		io.Copy(c, c)
	})
	r := newRig(t, nil)
	p := r.dial()
	p.connect(local(port))
	if line, err := p.r.ReadString('\n'); err != nil || line != "220 hello\r\n" {
		t.Fatal(line, err)
	}
	p.send("EHLO me\r\n")
	p.Conn.(*net.TCPConn).CloseWrite()
	if b, err := io.ReadAll(p); err != nil || string(b) != "EHLO me\r\n" {
		t.Fatalf("%q %v", b, err)
	}
	f := r.flows.wait(t, 1)[0]
	if f.Kind != flow.TCP || f.ResponseBody.Sent != 20 || f.RequestBody.Sent != 9 || f.Outcome.Kind != flow.Completed {
		t.Errorf("%+v", f)
	}
}

func TestOtherOctetsAreRaw(t *testing.T) {
	port := rawOrigin(t, func(c net.Conn) { io.Copy(c, c) })
	for _, strategy := range []Strategy{Eager, Lazy} {
		r := newRig(t, func(c *Config) { c.Strategy = strategy })
		p := r.dial()
		p.connect(local(port))
		p.send("\x00\x01SSH")
		b := make([]byte, 5)
		if _, err := io.ReadFull(p, b); err != nil || string(b) != "\x00\x01SSH" {
			t.Fatalf("%q %v", b, err)
		}
		p.Close()
		if f := r.flows.wait(t, 1)[0]; f.Kind != flow.TCP {
			t.Errorf("%+v", f)
		}
	}
}

// TestOctetsBehindConnect sends the ClientHello without waiting for the answer.
func TestOctetsBehindConnect(t *testing.T) {
	port := rawOrigin(t, func(c net.Conn) { io.Copy(c, c) })
	r := newRig(t, nil)
	p := r.dial()
	sent := "\x00" + strings.Repeat("x", 10000)
	p.send("CONNECT %s HTTP/1.1\r\n\r\n%s", local(port), sent)
	p.head()
	b := make([]byte, len(sent))
	if _, err := io.ReadFull(p, b); err != nil || string(b) != sent {
		t.Fatalf("%v, %d octets", err, len(b))
	}
}

func TestRawTunnelToNowhereIsClosed(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial()
	p.connect(local(closedPort(t)))
	p.send("\x00\x01")
	if _, err := p.r.ReadByte(); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("the tunnel stays open")
	}
	if f := r.flows.wait(t, 1)[0]; f.Kind != flow.TCP || f.Outcome.Kind != flow.Failed || f.Outcome.Phase != "dial" {
		t.Errorf("%+v", f)
	}
}

func TestIgnoredPassOctetForOctet(t *testing.T) {
	for name, hosts := range map[string][3][]string{
		"by address":  {{`^127\.0\.0\.1:`}},
		"by SNI":      {{`^Bank\.example:\d+$`}},
		"not BY":      {{`^(?!other\.)b.*example`}},
		"not allowed": {nil, {`^other\.test`}},
	} {
		for _, show := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				got := make(chan string, 1)
				port := rawOrigin(t, func(c net.Conn) {
					b, _ := io.ReadAll(c)
					got <- string(b)
					io.WriteString(c, "bye")
				})
				h, err := NewHosts(hosts[0], hosts[1], hosts[2])
				if err != nil {
					t.Fatal(err)
				}
				r := newRig(t, func(c *Config) { c.Hosts, c.ShowIgnored = h, show })
				p := r.dial()
				p.connect(local(port))
				sent := string(captureHello(t, &tls.Config{ServerName: "bank.example"})) + "rest"
				p.send("%s", sent)
				p.Conn.(*net.TCPConn).CloseWrite()
				if b, err := io.ReadAll(p); err != nil || string(b) != "bye" {
					t.Fatalf("%q %v", b, err)
				}
				if <-got != sent {
					t.Error("the octets were changed")
				}
				if show {
					if f := r.flows.wait(t, 1)[0]; f.Kind != flow.TCP || f.RequestBody.Sent != int64(len(sent)) {
						t.Errorf("%+v", f)
					}
				}
			})
		}
	}
}

func TestAllowedIsIntercepted(t *testing.T) {
	_, port := webOrigin(t, true)
	h, err := NewHosts(nil, []string{`^api\.test:`}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) { c.Hosts = h })
	p := r.dial()
	p.connect(local(port))
	p.mustSecure(&tls.Config{ServerName: "api.test"}) // fails when it is the origin's certificate
}

func TestTCPHostsAreDecrypted(t *testing.T) {
	port := rawOrigin(t, func(c net.Conn) {
		s := tls.Server(c, originTLS())
		io.Copy(s, s)
		s.CloseWrite()
	})
	h, err := NewHosts(nil, nil, []string{`^raw\.test:`})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *Config) { c.Hosts = h })
	p := r.dial()
	p.connect(local(port))
	s := p.mustSecure(&tls.Config{ServerName: "raw.test", NextProtos: []string{"http/1.1"}})
	s.send("GET / HTTP/1.1\r\n\r\n")
	s.Conn.(*tls.Conn).CloseWrite()
	if b, err := io.ReadAll(s); err != nil || string(b) != "GET / HTTP/1.1\r\n\r\n" {
		t.Fatalf("%q %v", b, err)
	}
	if f := r.flows.wait(t, 1)[0]; f.Kind != flow.TCP || f.RequestBody.Sent != 18 || f.Server.TLS == nil {
		t.Errorf("%+v", f)
	}
}

// TestServerFirstInsideTLS is a mail server that greets, behind TLS.
func TestServerFirstInsideTLS(t *testing.T) {
	port := rawOrigin(t, func(c net.Conn) {
		s := tls.Server(c, originTLS())
		io.WriteString(s, "* OK ready\r\n")
		io.Copy(s, s)
		s.CloseWrite()
	})
	r := newRig(t, nil)
	p := r.dial()
	p.connect(local(port))
	s := p.mustSecure(&tls.Config{ServerName: "mail.test"})
	if line, err := s.r.ReadString('\n'); err != nil || line != "* OK ready\r\n" {
		t.Fatal(line, err)
	}
	s.send("a LOGOUT\r\n")
	if line, err := s.r.ReadString('\n'); err != nil || line != "a LOGOUT\r\n" {
		t.Fatal(line, err)
	}
}

func TestTLSWithinTLS(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, nil)
	outer := r.dial().mustSecure(&tls.Config{ServerName: "127.0.0.1"})
	outer.connect(local(port))
	inner := outer.mustSecure(&tls.Config{ServerName: "inner.test"})
	inner.send("GET /in HTTP/1.1\r\nHost: inner.test\r\n\r\n")
	if status, _, body := inner.response(); status != 200 || !strings.Contains(body, "sni=inner.test") {
		t.Fatalf("%d %s", status, body)
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

func TestOwnListenersAreRefused(t *testing.T) {
	r := newRig(t, nil)
	_, port, _ := net.SplitHostPort(r.addr)
	hosts := []string{"127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "0x7f.1"}
	if len(r.p.listeners) > 1 {
		hosts = append(hosts, "[::1]", "[::]")
	}
	for _, host := range hosts {
		p := r.dial()
		p.send("GET http://%s:%s/ HTTP/1.1\r\nHost: x\r\n\r\n", host, port)
		if status, _, body := p.response(); status != 403 || !strings.Contains(body, "midstream itself") {
			t.Errorf("%s: %d %s", host, status, body)
		}
		q := r.dial()
		q.connect(host + ":" + port)
		q.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if status, _, body := q.response(); status != 403 {
			t.Errorf("CONNECT %s: %d %s", host, status, body)
		}
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

func TestLargeHello(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, nil)
	p := r.dial()
	p.connect(local(port))
	protocols := []string{"http/1.1"}
	for i := range 200 {
		protocols = append(protocols, strings.Repeat("p", 200)+strconv.Itoa(i))
	}
	s := p.mustSecure(&tls.Config{ServerName: "big.test", NextProtos: protocols})
	s.send("GET / HTTP/1.1\r\nHost: big.test\r\n\r\n")
	if status, _, body := s.response(); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
}

func TestBadConnects(t *testing.T) {
	r := newRig(t, nil)
	for _, target := range []string{":", ":443", "h", "h:", "h:0", "h:99999", "h:-1", "[::1]", "[::1:443", "a b:443", strings.Repeat("h", 70<<10) + ":443"} {
		p := r.dial()
		p.send("CONNECT %s HTTP/1.1\r\n\r\n", target)
		if status, _, _ := p.response(); status < 400 || status > 499 {
			t.Errorf("CONNECT %.20s: %d", target, status)
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

func TestHTTP2Preface(t *testing.T) {
	r := newRig(t, nil)
	p := r.dial()
	p.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if status, _, body := p.response(); status < 400 || !strings.Contains(body, "HTTP/2") {
		t.Errorf("answered %d %s", status, body)
	}
}

func TestTakenPortNamesItsOwner(t *testing.T) {
	r := newRig(t, nil)
	_, port, _ := net.SplitHostPort(r.addr)
	n, _ := strconv.Atoi(port)
	_, err := New(Config{ListenPort: n, CA: cas.ours, Engine: engine.New(engine.Config{})}).Listen(t.Context())
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "use -p 0") && !strings.Contains(err.Error(), "-p 0 for a free one") {
		t.Fatal(err)
	}
	if portOwner(uint16(n)) != "" && !strings.Contains(err.Error(), "(process ") {
		t.Fatal(err)
	}
}

// TestDrain lets an exchange end that began before the shutdown.
func TestDrain(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	port := rawOrigin(t, func(c net.Conn) {
		c.Read(make([]byte, 1000))
		close(asked)
		<-answer
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		c.Read(make([]byte, 1))
	})
	r := newRig(t, nil)
	idle := r.dial()
	p := r.dial()
	p.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\n\r\n", local(port))
	<-asked
	done := make(chan error)
	go func() { done <- r.p.Shutdown(context.Background()) }()
	if _, err := idle.r.ReadByte(); err == nil {
		t.Error("an idle client stays")
	}
	close(answer)
	if status, _, body := p.response(); status != 200 || body != "ok" {
		t.Errorf("%d %s", status, body)
	}
	p.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestShutdownCuts ends what does not end by itself.
func TestShutdownCuts(t *testing.T) {
	asked := make(chan struct{})
	port := rawOrigin(t, func(c net.Conn) {
		c.Read(make([]byte, 1000))
		close(asked)
		io.Copy(io.Discard, c)
	})
	r := newRig(t, nil)
	p := r.dial()
	p.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\n\r\n", local(port))
	<-asked
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("now"))
	if err := r.p.Shutdown(ctx); err == nil || err.Error() != "now" {
		t.Error(err)
	}
	if f := r.flows.wait(t, 1)[0]; f.Outcome.Kind == flow.Completed {
		t.Errorf("%+v", f.Outcome)
	}
}

type failingListener struct {
	net.Listener
	errs []error
}

func (l *failingListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.Listener.Accept()
}

func TestAcceptSurvives(t *testing.T) {
	_, port := webOrigin(t, false)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := New(Config{CA: cas.ours, Engine: engine.New(engine.Config{})})
	p.listeners = []listener{{&failingListener{l, []error{syscall.EMFILE, syscall.ECONNABORTED, syscall.ENFILE}}, Mode{}}}
	done := make(chan error)
	go func() { done <- p.Serve(t.Context()) }()
	r := &rig{t: t, p: p, addr: l.Addr().String()}
	c := r.dial()
	c.send("GET http://%s/ HTTP/1.1\r\nHost: x\r\n\r\n", local(port))
	if status, _, _ := c.response(); status != 200 {
		t.Error(status)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type clientHook struct{ refuse bool }

func (h clientHook) ClientConnected(context.Context, *flow.Conn) error {
	if h.refuse {
		return &hook.Refusal{Reason: "not you"}
	}
	return nil
}

func TestRefusedClient(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Hooks = addons(t, clientHook{true}) })
	p := r.dial()
	p.Write([]byte("GET http://x/ HTTP/1.1\r\n\r\n")) // it may be reset already
	if _, err := p.r.ReadByte(); err == nil {
		t.Error("a refused client is served")
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

// TestLeavingEndsTheServersHandshake has a client leave while its server is
// silent: the server must learn of it long before the handshake's limit.
func TestLeavingEndsTheServersHandshake(t *testing.T) {
	got, gone := make(chan struct{}), make(chan struct{})
	port := rawOrigin(t, func(c net.Conn) {
		c.Read(make([]byte, 64<<10))
		close(got)
		io.Copy(io.Discard, c)
		close(gone)
	})
	r := newRig(t, func(c *Config) { c.Upstream.HandshakeTimeout = time.Hour })
	p := r.dial()
	p.connect(local(port))
	p.Write(captureHello(t, &tls.Config{ServerName: "h.test"}))
	<-got
	p.Close()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the server was not told")
	}
}
