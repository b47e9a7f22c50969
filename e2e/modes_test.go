package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// A tap is a connection that keeps what went over it, both ways.
type tap struct {
	net.Conn
	mu        sync.Mutex
	read, out bytes.Buffer
}

func (c *tap) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.read.Write(b[:n])
	c.mu.Unlock()
	return n, err
}

func (c *tap) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.out.Write(b)
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *tap) sent() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.out.String()
}

func (c *tap) received() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read.String()
}

// tunnel asks the proxy for a connection to an address.
func tunnel(t testing.TB, p *proxy, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n", address, address)
	// Byte by byte, so that nothing behind the head is taken.
	var head []byte
	for one := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, one...) {
		if _, err := io.ReadFull(conn, one); err != nil {
			t.Fatalf("answer to CONNECT: %q %v", head, err)
		}
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200")) {
		t.Fatalf("answer to CONNECT: %q", head)
	}
	return conn
}

// An ignored host sees exactly the bytes that the client sent, and the client
// the host's: the TLS between them is their own.
func TestIgnoredHostPassesByteForByte(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	served := make(chan *tap, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		c := &tap{Conn: conn}
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}})
		if req, err := http.ReadRequest(bufio.NewReader(s)); err == nil {
			fmt.Fprintf(s, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.URL.Path), req.URL.Path)
		}
		io.Copy(io.Discard, s)
		s.Close()
		served <- c
	}()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	p := start(t, "--ignore-hosts", `^localhost:`, "--set", "show_ignored_hosts=true")
	c := &tap{Conn: tunnel(t, p, "localhost:"+port)}
	config := trusting(t, authorityFile(t))
	config.ServerName = "localhost"
	s := tls.Client(c, config)
	fmt.Fprintf(s, "GET /private HTTP/1.1\r\nHost: localhost\r\n\r\n")
	r, err := http.ReadResponse(bufio.NewReader(s), nil)
	if err != nil {
		t.Fatalf("through the tunnel: %v (the client trusts the origin's own authority only)", err)
	}
	if body, _ := io.ReadAll(r.Body); string(body) != "/private" {
		t.Errorf("body %q", body)
	}
	s.CloseWrite()
	io.Copy(io.Discard, s)
	s.Close()
	select {
	case o := <-served:
		if o.received() != c.sent() {
			t.Errorf("the origin got %d bytes, the client sent %d: not the same", len(o.received()), len(c.sent()))
		}
		if o.sent() != c.received() {
			t.Errorf("the client got %d bytes, the origin sent %d: not the same", len(c.received()), len(o.sent()))
		}
	case <-time.After(patience):
		t.Fatal("the origin was not told of the end")
	}
	if text := p.recorded().lines; strings.Contains(text, "/private") {
		t.Errorf("the session has what was private:\n%s", text)
	}
}

// A host that is not ignored is opened, by the same rule.
func TestOtherHostsAreOpened(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	p := start(t, "--ignore-hosts", `bank\.example`)
	r := get(t, p.client(), o.HTTPS+"/hello")
	io.Copy(io.Discard, r.Body)
	p.recorded().flow("/hello").completed()
}

func TestReverseMode(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	for _, base := range []string{o.HTTP, o.HTTPS} {
		p := start(t, "--mode", "reverse:"+base)
		c := &http.Client{Timeout: patience}
		defer c.CloseIdleConnections()
		r := get(t, c, "http://"+p.Addr+"/hello")
		if body, _ := io.ReadAll(r.Body); string(body) != "hello\n" {
			t.Errorf("%s: %d %q", base, r.StatusCode, body)
		}
		r = get(t, c, "http://"+p.Addr+"/pieces?n=2&id=reverse"+base[:5])
		for i := range 2 {
			readPiece(t, r.Body, i)
			o.open("reverse" + base[:5])
		}
		io.Copy(io.Discard, r.Body)
		c.CloseIdleConnections()
		s := p.recorded()
		s.flow("/hello").completed()
		f := s.flow("/pieces?n=2&id=reverse" + base[:5])
		f.completed()
		if f.Response.Disposition != "tee" || f.Response.Size != 2000 {
			t.Errorf("recorded as %+v", f)
		}
	}
}
