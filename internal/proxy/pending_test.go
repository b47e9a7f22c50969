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
	const limit = 40 * time.Millisecond
	step := make(chan struct{})
	serve := func(c net.Conn) {
		r := bufio.NewReader(c)
		for {
			head, body, err := readRequest(r)
			if err != nil || head == "" {
				return
			}
			<-step
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n")
			<-step
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
		c.HTTP.IdleTimeout, c.HTTP.HeadTimeout = limit, limit
		c.TLS.HandshakeTimeout = time.Second // a handshake is work, and this machine may have other
		c.Upstream.DialTimeout, c.Upstream.HandshakeTimeout = time.Second, time.Second
	})
	// The limit has passed three times when three idle clients, one after the
	// other, have been sent away for it.
	longer := func() {
		t.Helper()
		for range 3 {
			p := r.dial()
			p.send("OPTIONS ") // a head that never ends
			if _, err := io.ReadAll(p); err != nil {
				t.Fatal(err)
			}
			p.Close()
		}
	}
	for name, open := range map[string]func() (*peer, string){
		"plain":         func() (*peer, string) { return r.dial(), "http://" + local(plain) },
		"plain, tunnel": func() (*peer, string) { p := r.dial(); p.connect(local(plain)); return p, "" },
		"TLS": func() (*peer, string) {
			p := r.dial()
			p.connect(local(secured))
			return p.mustSecure(&tls.Config{ServerName: "h.test"}), ""
		},
	} {
		p, target := open()
		p.send("PUT %s/slow HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", target)
		longer() // the upload waits
		p.send("wait")
		longer() // the response is awaited
		step <- struct{}{}
		p.head()
		longer() // inside the body
		step <- struct{}{}
		b := make([]byte, 8)
		if _, err := io.ReadFull(p, b); err != nil || string(b) != "waitwait" {
			t.Fatalf("%s: %q %v", name, b, err)
		}
		// Between two requests the client is idle, and goes.
		if b, err := io.ReadAll(p); len(b) > 0 || err != nil {
			t.Errorf("%s: idle: %q %v", name, b, err)
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
