package http1

import (
	"context"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
)

func open(t testing.TB, c *Client, req *flow.Request, f flow.Framing) *Call {
	t.Helper()
	call, err := c.Open(context.Background(), req, f)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	return call
}

func final(t testing.TB, call *Call) *flow.Response {
	t.Helper()
	r, _, err := call.Head(context.Background())
	if err != nil {
		t.Fatalf("Head: %v", err)
	}
	return r
}

// A connection that has switched protocols carries no further request, also where
// whoever asked for it did not take it.
func TestAConnectionThatHasSwitchedIsNotReused(t *testing.T) {
	for _, method := range []string{"GET", "CONNECT"} {
		var released []bool
		c, p := dial(t, ClientConfig{Release: func(_ *Client, ok bool) { released = append(released, ok) }})
		req := request(method, "/")
		answer := "101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket"
		if method == "CONNECT" {
			req.Form, req.Authority, req.Path, answer = flow.AuthorityForm, "origin.test:443", "", "200 OK"
		}
		call := open(t, c, req, flow.Framing{})
		go p.send("HTTP/1.1 " + answer + "\r\n\r\n")
		final(t, call)
		call.Cancel(errors.New("not what was meant"))
		call.Close()
		if c.Alive() || len(released) != 1 || released[0] {
			t.Errorf("%s: alive %v, released %v", method, c.Alive(), released)
		}
	}
}

func TestClientReusesItsConnection(t *testing.T) {
	var released []bool
	c, p := dial(t, ClientConfig{Release: func(_ *Client, ok bool) { released = append(released, ok) }})
	for i, answer := range []string{
		"Content-Length: 5\r\n\r\nhello", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	} {
		if !c.Alive() {
			t.Fatal("it is dead")
		}
		call := open(t, c, request("GET", "/"), flow.Framing{})
		if c.Alive() {
			t.Error("alive while busy")
		}
		p.expect("GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
		if call.Heard() {
			t.Error("heard before anything came")
		}
		p.send("HTTP/1.1 200 OK\r\n" + answer)
		if r := final(t, call); r.Status != 200 || r.Start.IsZero() {
			t.Fatalf("%+v", r)
		}
		if got, err := readAll(call.Response()); got != "hello" || err != nil {
			t.Fatal(got, err)
		}
		if call.Reused() != (i > 0) || !call.Heard() {
			t.Errorf("reused %v, heard %v", call.Reused(), call.Heard())
		}
		call.Cancel(errors.New("too late")) // does nothing
		call.Close()
	}
	if len(released) != 2 || !released[0] || !released[1] {
		t.Errorf("released %v", released)
	}
}

func TestClientReuse(t *testing.T) {
	for _, c := range []struct {
		name     string
		req      *flow.Request
		response string
		reused   bool
	}{
		{"length", request("GET", "/"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
		{"HEAD", request("HEAD", "/"), "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", true},
		{"304", request("GET", "/"), "HTTP/1.1 304 Not Modified\r\n\r\n", true},
		{"keep-alive in HTTP/1.0", request("GET", "/"), "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", true},
		{"HTTP/1.0", request("GET", "/"), "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
		{"server closes", request("GET", "/"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false},
		{"request closes", request("GET", "/", "Connection: close"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false},
		{"both framings", request("GET", "/"), "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false},
		{"204 with a length", request("GET", "/"), "HTTP/1.1 204 OK\r\nContent-Length: 7\r\n\r\n", false},
		{"octets behind the body", request("GET", "/"), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			reusable := false
			client, p := dial(t, ClientConfig{Release: func(_ *Client, ok bool) { reusable = ok }})
			call := open(t, client, c.req, flow.Framing{})
			go p.send(c.response)
			final(t, call)
			if b := call.Response(); b != nil {
				if _, err := readAll(b); err != nil {
					t.Fatal(err)
				}
			}
			call.Close()
			if reusable != c.reused || client.Alive() != c.reused {
				t.Errorf("reusable %v, alive %v; want %v", reusable, client.Alive(), c.reused)
			}
		})
	}
}

func TestRequestBodies(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("POST", "/", "Content-Length: 3"), byLength(3))
	call.Body().Write([]byte("abc"))
	if err := call.Body().Close(nil); err != nil {
		t.Fatal(err)
	}
	p.expect("POST / HTTP/1.1\r\nHost: origin.test\r\nContent-Length: 3\r\n\r\nabc")
	p.send("HTTP/1.1 204 No\r\n\r\n")
	final(t, call)
	call.Close()
	call = open(t, c, request("POST", "/", "Transfer-Encoding: chunked"), chunkedBody)
	call.Body().Write([]byte("abc"))
	call.Body().Close(flow.Fields{{Name: "T", Value: "v"}})
	p.expect("POST / HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nT: v\r\n\r\n")
	p.send("HTTP/1.1 204 No\r\n\r\n")
	final(t, call)
	call.Close()
	if !c.Alive() {
		t.Error("it is dead")
	}
}

func TestEarlyResponseWhileTheUploadRuns(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("POST", "/", "Transfer-Encoding: chunked"), chunkedBody)
	call.Body().Write([]byte("a"))
	p.send("HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n")
	final(t, call)
	call.Close() // the request is not through
	if c.Alive() {
		t.Error("a connection with half a request on it would be used again")
	}
	if got, _ := p.rest(); strings.Contains(got, "0\r\n\r\n") {
		t.Error("the request looks ended")
	}
}

func TestInterimHeadsComeOneByOne(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("GET", "/"), flow.Framing{})
	p.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
	for _, want := range []int{100, 103, 200} {
		if r := final(t, call); r.Status != want {
			t.Fatalf("status %d, want %d", r.Status, want)
		}
		if (call.Response() != nil) != (want == 200) {
			t.Error("a body before the final head")
		}
	}
	if _, _, err := call.Head(context.Background()); err == nil {
		t.Error("a head after the final one")
	}
	call.Cancel(nil)
	call.Close()
}

func TestHeadErrorsSayWhatHappened(t *testing.T) {
	for _, c := range []struct {
		name  string
		act   func(*peer)
		cause flow.Cause
		text  string
	}{
		{"closed", func(p *peer) { p.Close() }, flow.ClosedEarly, "read response head from origin.test:80: server closed the connection before sending a response"},
		{"closed inside", func(p *peer) { p.send("HTTP/1.1 200 OK\r\n"); p.Close() }, flow.ClosedEarly, "after 17 octets of it"},
		{"closed behind something else", func(p *peer) { p.send("<html>hello"); p.Close() }, flow.ClosedEarly, "server closed the connection after 11 octets that do not begin like an HTTP response: \"<html>hello\""},
		{"reset", func(p *peer) { p.SetLinger(0); p.Close() }, flow.ResetByPeer, "server reset the connection before sending a response"},
		{"no HTTP", func(p *peer) { p.send("hello there\r\n\r\n") }, flow.Malformed, "read response head from origin.test:80: it does not begin like an HTTP response: \"hello there\""},
		{"ambiguous", func(p *peer) { p.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n") }, flow.Malformed, "from origin.test:80: Content-Length says 1 and 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, p := dial(t, ClientConfig{})
			call := open(t, client, request("GET", "/"), flow.Framing{})
			p.expect("GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
			c.act(p)
			_, _, err := call.Head(context.Background())
			wantCause(t, err, flow.AtServer, c.cause, c.text)
			if e := err.(*flow.Error); e.Phase != flow.InHead || e.Status != 502 && c.cause != flow.ResetByPeer {
				t.Errorf("%+v", e)
			}
			call.Close()
			if client.Alive() {
				t.Error("it lives")
			}
		})
	}
}

func TestContextInterruptsTheWaitForAHead(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("GET", "/"), flow.Framing{})
	ctx, cancel := context.WithCancelCause(context.Background())
	cause := &flow.Error{Peer: flow.AtClient, Cause: flow.LeftByClient, Err: errors.New("client left")}
	go cancel(cause)
	if _, _, err := call.Head(ctx); err != cause {
		t.Fatalf("Head: %v", err)
	}
	call.Close()
	p.expect("GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
	p.expectEnd() // the server is told
}

func TestCancelInterruptsWhatWaits(t *testing.T) {
	cause := &flow.Error{Peer: flow.AtClient, Cause: flow.LeftByClient, Err: errors.New("client left")}
	for _, c := range []struct {
		name string
		send string
		wait func(*Call) error
	}{
		{"Head", "", func(call *Call) error { _, _, err := call.Head(context.Background()); return err }},
		{"Read", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", func(call *Call) error {
			if _, _, err := call.Head(context.Background()); err != nil {
				return err
			}
			_, err := readAll(call.Response())
			return err
		}},
		{"Write", "", func(call *Call) error {
			for {
				if _, err := call.Body().Write(make([]byte, 64<<10)); err != nil {
					return err
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, p := dial(t, ClientConfig{})
			call := open(t, client, request("POST", "/", "Transfer-Encoding: chunked"), chunkedBody)
			p.send(c.send)
			done := make(chan error, 1)
			go func() { done <- c.wait(call) }()
			p.expect("POST / HTTP/1.1\r\nHost: origin.test\r\nTransfer-Encoding: chunked\r\n\r\n")
			call.Cancel(cause)
			if err := <-done; err != cause {
				t.Errorf("%v, want the cause", err)
			}
			call.Close()
			if client.Alive() {
				t.Error("it lives")
			}
			if got, _ := p.rest(); strings.HasSuffix(got, "0\r\n\r\n") {
				t.Error("the request looks ended")
			}
		})
	}
}

func TestCancelOfTheResponseBodyTellsTheServer(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("GET", "/"), flow.Framing{})
	p.expect("GET / HTTP/1.1\r\nHost: origin.test\r\n\r\n")
	p.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	final(t, call)
	cause := &flow.Error{Peer: flow.AtClient, Cause: flow.LeftByClient, Err: errors.New("client left")}
	call.Response().Cancel(cause)
	if _, err := call.Response().Read(make([]byte, 1)); err != cause {
		t.Errorf("Read: %v", err)
	}
	p.expectEnd()
	call.Close()
}

func TestIdleConnectionThatEndsIsFoundDead(t *testing.T) {
	for _, say := range []string{"", "HTTP/1.1 408 Too Late\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			near, far := pipe()
			dead := 0
			c := NewClient(near, ClientConfig{OnDead: func(c *Client) { dead++; c.Close() }})
			time.Sleep(time.Hour)
			if !c.Alive() {
				t.Fatal("dead before the server did anything")
			}
			if say != "" {
				go io.WriteString(far, say)
			} else {
				far.Close()
			}
			synctest.Wait()
			if c.Alive() || dead != 1 {
				t.Errorf("alive %v, OnDead called %d times", c.Alive(), dead)
			}
			if _, err := c.Open(context.Background(), request("GET", "/"), flow.Framing{}); flow.CauseOf(err) != flow.RefusedRequest || !errors.Is(err, ErrStale) {
				t.Errorf("Open: %v", err)
			}
			far.Close()
			c.Close()
		})
	}
}

func TestPendingReadBecomesTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe()
		c := NewClient(near, ClientConfig{OnDead: func(*Client) { t.Error("dead") }})
		for range 3 {
			time.Sleep(time.Hour) // the watcher reads
			go func() {
				p := make([]byte, 1000)
				far.Read(p)
				io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-")
				io.WriteString(far, "Length: 2\r\n\r\nok")
			}()
			call := open(t, c, request("GET", "/"), flow.Framing{})
			final(t, call)
			if got, err := readAll(call.Response()); got != "ok" || err != nil {
				t.Fatal(got, err)
			}
			call.Close()
		}
		c.Close()
		far.Close()
	})
}

func TestUpgradeGivesTheConnection(t *testing.T) {
	c, p := dial(t, ClientConfig{})
	call := open(t, c, request("GET", "/", "Connection: Upgrade", "Upgrade: x"), flow.Framing{})
	p.expect("GET / HTTP/1.1\r\nHost: origin.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
	p.send("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\nfirst")
	if r := final(t, call); r.Status != 101 || call.Framing().Kind != flow.Unframed {
		t.Fatalf("%+v", r)
	}
	raw, err := call.Upgrade()
	if err != nil {
		t.Fatal(err)
	}
	call.Cancel(errors.New("no")) // the connection is not the call's any more
	call.Close()
	got := make([]byte, 5)
	if _, err := io.ReadFull(raw, got); string(got) != "first" {
		t.Fatalf("%q, %v", got, err)
	}
	raw.Write([]byte("back"))
	p.expect("back")
	if c.Alive() {
		t.Error("an upgraded connection would be used again")
	}
	raw.Close()
	p.expectEnd()
}

func TestRequestsThatWouldSplitAreRefused(t *testing.T) {
	for _, req := range []*flow.Request{
		request("GET", "/ HTTP/1.1\r\nX: y"), request("GET", "/a b"), request("GET", "/\x00"), request("G T", "/"), request("", "/"),
		request("GET", "/", "X: a\r\nContent-Length: 5"), request("GET", "/", "X y: a"), request("GET", "/", "X\n: a"),
	} {
		c, p := dial(t, ClientConfig{})
		if _, err := c.Open(context.Background(), req, flow.Framing{}); err == nil {
			t.Errorf("%q %q %+v was sent", req.Method, req.Path, req.Fields)
		}
		if !c.Alive() {
			t.Error("nothing was sent, and yet it is dead")
		}
		c.Close()
		p.expectEnd()
	}
}

// takesOnly is a connection that fails when n octets have been written.
type takesOnly struct {
	pipeConn
	n int
}

func (c takesOnly) Write(p []byte) (int, error) { return c.n, syscall.ECONNRESET }

// Only where nothing of the head was taken can the server not have seen it.
func TestAHeadThatIsNotWrittenMayBeSentAgain(t *testing.T) {
	for n, want := range map[int]flow.Cause{0: flow.RefusedRequest, 1: flow.ResetByPeer, 20: flow.ResetByPeer} {
		near, far := pipe()
		c := NewClient(takesOnly{near, n}, ClientConfig{Name: "origin.test:80"})
		_, err := c.Open(context.Background(), request("POST", "/"), flow.Framing{})
		if flow.CauseOf(err) != want || errors.Is(err, ErrStale) || err.Error() != "send request head to origin.test:80: server reset the connection" {
			t.Errorf("after %d octets: %v, cause %d", n, err, flow.CauseOf(err))
		}
		c.Close()
		far.Close()
	}
}
