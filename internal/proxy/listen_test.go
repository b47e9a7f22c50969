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

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
)

func TestOwnListenersAreRefused(t *testing.T) {
	r := newRig(t, nil)
	_, port, _ := net.SplitHostPort(r.addr)
	hosts := []string{"127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "0x7f.1"}
	if len(r.p.Listening()[0].Addresses) > 1 {
		hosts = append(hosts, "[::1]", "[::]")
	}
	for _, host := range hosts {
		p := r.dial()
		p.send("GET http://%s:%s/ HTTP/1.1\r\nHost: x\r\n\r\n", host, port)
		if status, _, body := p.response(); status != 403 || !strings.Contains(body, "midstream itself") {
			t.Errorf("%s: %d %s", host, status, body)
		}
		q := r.dial()
		q.send("CONNECT %s:%s HTTP/1.1\r\nHost: x\r\n\r\n", host, port)
		if status, _, body := q.response(); status != 403 || !strings.Contains(body, "midstream itself") {
			t.Errorf("CONNECT %s: %d %s", host, status, body)
		}
	}
	for _, f := range r.flows.wait(t, 2*len(hosts)) {
		if f.Outcome.Kind != flow.Refused || f.Response != nil && f.Response.Status != 403 || !strings.HasPrefix(f.Outcome.Text, "403: ") {
			t.Errorf("%s %s: %+v", f.Request.Method, f.Request.URL(), f.Outcome)
		}
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

// A tunnel in which nothing was said yet is idle, before TLS and inside it.
func TestShutdownLetsSilentTunnelsGo(t *testing.T) {
	_, port := webOrigin(t, true)
	r := newRig(t, nil)
	plain, secured := r.dial(), r.dial()
	plain.connect(local(port))
	secured.connect(local(port))
	inside := secured.mustSecure(&tls.Config{ServerName: "127.0.0.1"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	for _, p := range []*peer{plain, inside} {
		if _, err := p.r.ReadByte(); err == nil {
			t.Error("a silent client is told something")
		}
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
	p.entrance.open = []*way{{sockets: []*socket{newSocket(&failingListener{l, []error{syscall.EMFILE, syscall.ECONNABORTED, syscall.ENFILE}}, Mode{})}}}
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
