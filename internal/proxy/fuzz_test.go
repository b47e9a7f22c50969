package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"midstream/hook"
	"midstream/internal/engine"
)

// redirect sends every dial to one address, so that a fuzzer reaches nobody.
type redirect string

func (r redirect) ServerConnect(_ context.Context, d *hook.Dial) error {
	d.Address = string(r)
	return nil
}

// FuzzClient is a client that sends anything at all and half-closes. The proxy
// must end the connection and live.
func FuzzClient(f *testing.F) {
	hello := string(firstFlight(f, &tls.Config{ServerName: "h.test"}))
	for _, s := range []string{
		"GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:443 HTTP/1.1\r\n\r\n" + hello, "CONNECT : HTTP/1.1\r\n\r\n",
		"CONNECT h:80 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:1 HTTP/1.1\r\n\r\n\x00\x01", hello,
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x00\x00", "CONNECT [::1]:1 HTTP/1.0\r\n\r\n\x16\x03",
	} {
		f.Add([]byte(s))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
				c.SetDeadline(time.Now().Add(patience))
				io.Copy(io.Discard, c)
				// A reset leaves no port waiting after thousands of runs.
				c.(*net.TCPConn).SetLinger(0)
				c.Close()
			}()
		}
	}()
	set, err := hook.NewSet(nil, redirect(l.Addr().String()))
	if err != nil {
		f.Fatal(err)
	}
	p := New(Config{Engine: engine.New(engine.Config{}), CA: cas.ours, Hooks: func() *hook.Set { return set }})
	// Clients come over a Unix socket: it half-closes as TCP does and uses up no ports.
	in, err := net.Listen("unix", filepath.Join(f.TempDir(), "s"))
	if err != nil {
		f.Fatal(err)
	}
	p.entrance.open = []*way{{sockets: []*socket{newSocket(in, Mode{})}}}
	done := make(chan error)
	go func() { done <- p.Serve(context.Background()) }()
	f.Cleanup(func() {
		l.Close()
		p.Shutdown(context.Background())
		<-done
	})
	f.Fuzz(func(t *testing.T, octets []byte) {
		c, err := net.Dial("unix", in.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		c.Write(octets)
		c.(*net.UnixConn).CloseWrite()
		if _, err := io.Copy(io.Discard, c); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the connection stays open")
			}
		}
	})
}

// firstFlight is what a crypto/tls client says first.
func firstFlight(t testing.TB, cfg *tls.Config) []byte {
	near, far := net.Pipe()
	go func() {
		tls.Client(near, cfg).Handshake()
		near.Close()
	}()
	p := make([]byte, 16<<10)
	n, err := far.Read(p)
	if err != nil {
		t.Fatal(err)
	}
	far.Close()
	return p[:n]
}
