package upstream

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute

// events collects the server events.
type events struct {
	mu     sync.Mutex
	list   []string
	change func(*hook.Dial) error
	gone   chan *flow.Conn
}

func newEvents() *events { return &events{gone: make(chan *flow.Conn, 100)} }

func (e *events) note(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, s)
}

func (e *events) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.Join(e.list, " ")
}

func (e *events) ServerConnect(_ context.Context, d *hook.Dial) error {
	e.note("connect")
	if e.change != nil {
		return e.change(d)
	}
	return nil
}
func (e *events) ServerConnected(context.Context, *hook.Dial)    { e.note("connected") }
func (e *events) ServerConnectError(context.Context, *hook.Dial) { e.note("error") }
func (e *events) ServerDisconnected(_ context.Context, d *hook.Dial) {
	e.note("disconnected")
	e.gone <- d.Server
}

func hooks(t *testing.T, e *events) func() *hook.Set {
	set, err := hook.NewSet(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return func() *hook.Set { return set }
}

// serveEach serves connections with serve and returns the address.
func serveEach(t *testing.T, serve func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				c.SetDeadline(time.Now().Add(patience))
				serve(c)
				c.Close()
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// answering answers every request on a connection, up to max (0 = all).
func answering(max int) func(net.Conn) {
	return func(c net.Conn) {
		r := bufio.NewReader(c)
		for n := 1; ; n++ {
			if _, err := http.ReadRequest(r); err != nil {
				return
			}
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n%02d", n)
			if n == max {
				return
			}
		}
	}
}

func request(scheme, address string) *flow.Request {
	host, port, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(port)
	r := &flow.Request{Method: "GET", Scheme: scheme, Host: host, Port: uint16(n), Path: "/"}
	r.Version = flow.HTTP11
	r.Fields.Add("Host", address)
	return r
}

// exchange sends one request and reads its response.
func exchange(t *testing.T, p *Pool, req *flow.Request, reuse engine.Reuse) (body string, server *flow.Conn, reused bool) {
	t.Helper()
	c, err := p.Open(t.Context(), req, flow.Framing{}, reuse)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	head, _, err := c.Head(t.Context())
	if err != nil || head.Status != 200 {
		t.Fatal(head, err)
	}
	var b bytes.Buffer
	for buf := make([]byte, 100); ; {
		n, err := c.Response().Read(buf)
		b.Write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String(), c.Server(), c.Reused()
}

func TestReuse(t *testing.T) {
	addr := serveEach(t, answering(0))
	ev := newEvents()
	d := New(Config{Hooks: hooks(t, ev)})
	p := d.Pool(nil)
	body, first, reused := exchange(t, p, request("http", addr), engine.AnyConnection)
	if body != "01" || reused {
		t.Error(body, reused)
	}
	body, second, reused := exchange(t, p, request("http", addr), engine.AnyConnection)
	if body != "02" || !reused || second.ID != first.ID {
		t.Error(body, reused)
	}
	if body, _, reused = exchange(t, p, request("http", addr), engine.FreshOnly); body != "01" || reused {
		t.Error("fresh:", body, reused)
	}
	other := d.Pool(nil)
	if body, _, reused = exchange(t, other, request("http", addr), engine.AnyConnection); body != "01" || reused {
		t.Error("another client has used the connection:", body, reused)
	}
	p.Close()
	other.Close()
	if got := ev.String(); got != "connect connected connect connected connect connected disconnected disconnected disconnected" {
		t.Error(got)
	}
	if len(p.slots) != 0 || len(other.slots) != 0 {
		t.Error("slots are not given back")
	}
}

func TestStaleConnectionsAreNotUsed(t *testing.T) {
	addr := serveEach(t, answering(1))
	ev := newEvents()
	p := New(Config{Hooks: hooks(t, ev)}).Pool(nil)
	defer p.Close()
	for range 3 {
		if body, _, reused := exchange(t, p, request("http", addr), engine.AnyConnection); body != "01" || reused {
			t.Fatal(body, reused)
		}
		select {
		case c := <-ev.gone:
			if c.End.IsZero() || c.Connected.IsZero() {
				t.Errorf("%+v", c)
			}
		case <-time.After(patience):
			t.Fatal("the closed connection is not noticed")
		}
	}
}

func TestIdleIsBounded(t *testing.T) {
	p := New(Config{}).Pool(nil)
	defer p.Close()
	for range maxIdle + 3 {
		exchange(t, p, request("http", serveEach(t, answering(0))), engine.AnyConnection)
	}
	if len(p.idle) != maxIdle || len(p.slots) != maxIdle {
		t.Errorf("%d idle, %d slots", len(p.idle), len(p.slots))
	}
}

func TestOpenIsBounded(t *testing.T) {
	addr := serveEach(t, answering(0))
	p := New(Config{}).Pool(nil)
	defer p.Close()
	var calls []engine.Call
	for range maxOpen {
		c, err := p.Open(t.Context(), request("http", addr), flow.Framing{}, engine.AnyConnection)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Open(ctx, request("http", addr), flow.Framing{}, engine.AnyConnection); err == nil {
		t.Error("one more is opened")
	}
	for _, c := range calls {
		c.Cancel(errors.New("enough"))
		c.Close()
	}
	if len(p.slots) != 0 {
		t.Errorf("%d slots are not given back", len(p.slots))
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory[string, string]
	for i := range 3 * maxMemory {
		m.put(strconv.Itoa(i), "h2")
	}
	if len(m.known) != maxMemory {
		t.Error(len(m.known))
	}
	if p, ok := m.get(strconv.Itoa(3*maxMemory - 1)); !ok || p != "h2" {
		t.Error("the newest is forgotten")
	}
}

func TestUnknownScheme(t *testing.T) {
	p := New(Config{}).Pool(nil)
	defer p.Close()
	if _, err := p.Open(t.Context(), request("gopher", "h:70"), flow.Framing{}, engine.AnyConnection); err == nil {
		t.Error("gopher is dialled")
	}
}
