package upstream

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/http1"
	"midstream/internal/transport"
)

// unwritable is a socket whose reader sees nothing of its end, and whose next
// write fails after some octets: how a stale connection looks when its reset has
// come and the watcher has not seen it yet.
type unwritable struct {
	net.Conn
	takes  int
	closed atomic.Bool
	ended  chan struct{}
}

func (u *unwritable) Read([]byte) (int, error) { <-u.ended; return 0, net.ErrClosed }
func (u *unwritable) Write(p []byte) (int, error) {
	return min(u.takes, len(p)), &net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}
}
func (u *unwritable) Close() error {
	if !u.closed.Swap(true) {
		close(u.ended)
	}
	return u.Conn.Close()
}

// stale puts such a connection into the pool, as one that has served or not.
func (p *Pool) stale(t *testing.T, addr string, takes int, served bool) {
	t.Helper()
	c, err := p.dialer.Dial(t.Context(), nil, Target{Address: addr})
	if err != nil {
		t.Fatal(err)
	}
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	c.Conn.Close()
	c.Conn = transport.New(&unwritable{Conn: nc, takes: takes, ended: make(chan struct{})})
	p.slots <- struct{}{}
	s := p.newSession(c, p.place(addr, false, nil))
	s.served = served
	p.park(s)
}

// ends collects the flows that have ended.
type ends chan *flow.Flow

func (e ends) Watch(f *flow.Flow) {
	if !f.Live() {
		e <- f
	}
}

// serveOne runs one request through an engine and p, as a client sends it, and
// returns the response.
func serveOne(t *testing.T, p *Pool, request string) (int, string, *flow.Flow) {
	t.Helper()
	e := make(ends, 1)
	addr := serveEach(t, func(c net.Conn) {
		srv := http1.NewServer(transport.New(c), http1.ServerConfig{})
		defer srv.Close()
		if st, err := srv.Next(t.Context()); err == nil {
			engine.New(engine.Config{Watchers: []engine.Watcher{e}}).Serve(t.Context(), st, p, engine.Origin{})
		}
	})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), <-e
}

// A request is sent a second time when nothing of it was written on a connection
// that had served before, whatever its method; else only when its method is
// idempotent; and never on a connection that had not served.
func TestOneRetryOnAStaleConnection(t *testing.T) {
	for _, c := range []struct {
		rule   string
		method string
		body   string
		takes  int
		served bool
		tries  int
		text   string // of the page, where there is no retry
	}{
		{"POST, nothing written", "POST", "abc", 0, true, 2, ""},
		{"POST without a body, nothing written", "POST", "", 0, true, 2, ""},
		{"GET, nothing written", "GET", "", 0, true, 2, ""},
		{"POST, a part written", "POST", "abc", 5, true, 1, "not sent again, because POST is not idempotent"},
		{"PATCH, all written but the last octet", "PATCH", "", 1 << 20, true, 1, "not sent again, because PATCH is not idempotent"},
		{"GET, a part written", "GET", "", 5, true, 2, ""},
		{"PUT with an untouched body, a part written", "PUT", "abc", 5, true, 2, ""},
		{"POST, nothing written, a fresh connection", "POST", "abc", 0, false, 1, "server reset the connection"},
		{"GET, a part written, a fresh connection", "GET", "", 5, false, 1, "server reset the connection"},
	} {
		var delivered atomic.Int64
		addr := serveEach(t, func(nc net.Conn) {
			req, err := http.ReadRequest(bufio.NewReader(nc))
			if err != nil {
				return
			}
			b, _ := io.ReadAll(req.Body)
			delivered.Add(1)
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"+req.Method+" "+string(b))
		})
		p := New(Config{}).Pool(nil)
		p.stale(t, addr, c.takes, c.served)
		request := c.method + " http://" + addr + "/ HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
		if c.body != "" {
			request += "Content-Length: 3\r\n"
		}
		status, page, f := serveOne(t, p, request+"\r\n"+c.body)
		if len(f.Tries) != c.tries || !f.Tries[0].Reused && c.served || f.Tries[0].Error == "" {
			t.Errorf("%s: tries %+v", c.rule, f.Tries)
		}
		switch {
		case c.tries == 2:
			if status != 200 || page != c.method+" "+c.body || delivered.Load() != 1 || f.Outcome.Kind != flow.Completed {
				t.Errorf("%s: %d %q, %d delivered, %v", c.rule, status, page, delivered.Load(), f.Outcome)
			}
		case status != 502 || !strings.Contains(page, c.text) || !strings.Contains(page, "send request head to server "+addr) || delivered.Load() != 0 || f.Outcome.Kind == flow.Completed:
			t.Errorf("%s: %d %q, %d delivered, %v", c.rule, status, page, delivered.Load(), f.Outcome)
		}
		p.Close()
		if len(p.slots) != 0 {
			t.Errorf("%s: %d slots are not given back", c.rule, len(p.slots))
		}
	}
}

// A connection that is found dead before anything was tried on it costs no try,
// and many of them are no reason to fail.
func TestDeadConnectionsAreNoTries(t *testing.T) {
	addr := serveEach(t, answering(0))
	p := New(Config{}).Pool(nil)
	defer p.Close()
	for range 3 {
		p.stale(t, addr, 0, true)
	}
	for _, s := range p.idle {
		s.client.Close() // dead, and still in the list
	}
	if body, _, reused := exchange(t, p, request("http", addr), engine.AnyConnection); body != "01" || reused {
		t.Error(body, reused)
	}
}
