package proxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"testing"

	"midstream/internal/engine"
)

// BenchmarkNewConnection is what a client pays that makes a connection for one
// request: CONNECT, TLS to both sides, one exchange. Client and origin run in
// the same process; origin/op is the same without the proxy.
func BenchmarkNewConnection(b *testing.B) {
	l, err := tls.Listen("tcp", "127.0.0.1:0", originTLS())
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })}
	go srv.Serve(l)
	defer srv.Close()
	origin := l.Addr().String()
	cfg := Config{Engine: engine.New(engine.Config{}), CA: cas.ours}
	cfg.Upstream.TLS.Insecure = true
	p := New(cfg)
	addrs, err := p.Listen(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	go p.Serve(context.Background())
	defer p.Shutdown(context.Background())
	exchange := func(c net.Conn) {
		t := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
		fmt.Fprintf(t, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(t), nil)
		if err != nil || resp.StatusCode != 200 {
			b.Fatal(err, resp)
		}
		t.Close()
	}
	b.Run("direct", func(b *testing.B) {
		for b.Loop() {
			c, err := net.Dial("tcp", origin)
			if err != nil {
				b.Fatal(err)
			}
			exchange(c)
		}
	})
	b.Run("proxied", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c, err := net.Dial("tcp", addrs[0].String())
			if err != nil {
				b.Fatal(err)
			}
			fmt.Fprintf(c, "CONNECT %s HTTP/1.1\r\n\r\n", origin)
			head := make([]byte, len("HTTP/1.1 200 Connection established\r\n\r\n"))
			if _, err := c.Read(head); err != nil {
				b.Fatal(err)
			}
			exchange(c)
		}
	})
}
