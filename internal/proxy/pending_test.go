package proxy

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/engine"
)

// TestNoTimerRunsWhileAnExchangeIsPending has a server take longer than every
// limit that there is: with its head, inside its body, and with the whole upload
// still to come. Only what is idle meets a limit.
func TestNoTimerRunsWhileAnExchangeIsPending(t *testing.T) {
	t.Parallel()
	const limit = 3 * time.Second // a busy machine needs less from a dial to a request
	heads, bodies := make(chan struct{}), make(chan struct{})
	serve := func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			head, body, err := readRequest(r)
			if err != nil || head == "" {
				return
			}
			<-heads
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
			<-bodies
			io.WriteString(c, body+body)
		}
	}
	plain := rawOrigin(t, serve)
	secured := rawOrigin(t, func(c net.Conn) {
		s := tls.Server(c, originTLS())
		if s.Handshake() == nil {
			serve(s)
		}
	})
	r := newRig(t, func(c *Config) {
		c.Engine.SetPolicy(engine.Policy{TCPTimeout: limit})
		c.HTTP.IdleTimeout, c.HTTP.HeadTimeout, c.TLS.HandshakeTimeout = limit, limit, limit
		c.Upstream.DialTimeout, c.Upstream.HandshakeTimeout = limit, limit
	})
	// The limit has passed when a client that came later has been sent away for it.
	longer := func() {
		t.Helper()
		p := r.dial()
		p.send("OPTIONS ") // a head that never ends
		if _, err := io.ReadAll(p); err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	ways := []func() (*peer, string){
		func() (*peer, string) { return r.dial(), "http://" + local(plain) },
		func() (*peer, string) { p := r.dial(); p.connect(local(plain)); return p, "" },
		func() (*peer, string) {
			p := r.dial()
			p.connect(local(secured))
			return p.mustSecure(&tls.Config{ServerName: "h.test"}), ""
		},
	}
	var peers []*peer
	for _, open := range ways {
		p, target := open()
		p.send("PUT %s/slow HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", target)
		peers = append(peers, p)
	}
	longer() // the upload waits
	for _, p := range peers {
		p.send("wait")
	}
	longer() // the response is awaited
	for range peers {
		heads <- struct{}{}
	}
	for _, p := range peers {
		p.head()
	}
	longer() // inside the body
	for range peers {
		bodies <- struct{}{}
	}
	for i, p := range peers {
		b := make([]byte, 8)
		if _, err := io.ReadFull(p, b); err != nil || string(b) != "waitwait" {
			t.Fatalf("way %d: %q %v", i, b, err)
		}
		// Between two requests the client is idle, and goes.
		if b, err := io.ReadAll(p); len(b) > 0 || err != nil {
			t.Errorf("way %d: idle: %q %v", i, b, err)
		}
	}
	done := 0
	for _, f := range r.flows.wait(t, 3) {
		if f.Outcome.Kind == flow.Completed && f.Request.Path == "/slow" {
			done++
		}
	}
	if done != 3 {
		t.Errorf("%d exchanges are completed", done)
	}
}
