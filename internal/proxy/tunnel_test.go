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
)

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
				sent := string(firstFlight(t, &tls.Config{ServerName: "bank.example"})) + "rest"
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

// TestLeavingEndsTheServersHandshake has a client leave while its server is
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
	p.Write(firstFlight(t, &tls.Config{ServerName: "h.test"}))
	<-got
	p.Close()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Fatal("the server was not told")
	}
}
