package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
)

func TestServerAnswersPipelinedRequestsInOrder(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	p.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET /3 HTTP/1.1\r\nHost: a\r\n\r\n")
	for i, want := range []string{"/1", "/2", "/3"} {
		st := next(t, s)
		if st.Request().Path != want {
			t.Fatalf("request %d is %q", i, st.Request().Path)
		}
		if b := st.Body(); b != nil {
			if got, err := readAll(b); got != "abc" || err != nil {
				t.Fatalf("body %q, %v", got, err)
			}
		}
		answer(t, st, 200, want)
		p.expect("HTTP/1.1 200 Word\r\nContent-Length: 2\r\n\r\n" + want)
	}
	p.CloseWrite()
	if _, err := s.Next(context.Background()); err != io.EOF {
		t.Fatalf("after the client's end: %v", err)
	}
}

func TestServerPersistence(t *testing.T) {
	const keepsOpen, closes = true, false
	for _, c := range []struct {
		name, request string
		response      []string
		framing       flow.Framing
		line          string
		open          bool
	}{
		{"1.1 stays open", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil, byLength(0), "", keepsOpen},
		{"1.1 asks for close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", nil, byLength(0), "Connection: close\r\n", closes},
		{"response says close", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", []string{"Connection: close"}, byLength(0), "", closes},
		{"until close", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", nil, untilClose, "Connection: close\r\n", closes},
		{"1.0 closes", "GET / HTTP/1.0\r\n\r\n", nil, byLength(0), "", closes},
		{"1.0 asks and gets a length", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", nil, byLength(0), "Connection: keep-alive\r\n", keepsOpen},
		{"1.0 asks without a length", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", nil, untilClose, "Connection: close\r\n", closes},
		{"1.0 asks a proxy", "GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n", nil, byLength(0), "Connection: keep-alive\r\n", keepsOpen},
		{"HEAD stays open whatever the framing", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", nil, untilClose, "", keepsOpen},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := serve(t, ServerConfig{})
			p.send(c.request)
			st := next(t, s)
			sink, err := st.Respond(response(200, c.response...), c.framing)
			if err != nil {
				t.Fatal(err)
			}
			if err := sink.Close(nil); err != nil {
				t.Fatal(err)
			}
			lines := ""
			for _, l := range c.response {
				lines += l + "\r\n"
			}
			p.expect("HTTP/1.1 200 Word\r\n" + lines + c.line + "\r\n")
			if c.open {
				p.send("GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
				if st := next(t, s); st.Request().Path != "/again" {
					t.Fatal("another request came")
				}
				return
			}
			done := make(chan error, 1)
			go func() {
				_, err := s.Next(context.Background())
				done <- err
			}()
			p.expectEnd()
			p.Close()
			if err := <-done; err != io.EOF {
				t.Fatalf("Next: %v", err)
			}
		})
	}
}

func TestServerRejectsAndSaysWhy(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	p.send("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n")
	_, err := s.Next(context.Background())
	wantCause(t, err, flow.AtClient, flow.Malformed, "white space before the colon")
	done := make(chan error, 1)
	go func() { done <- s.Reject(err, []byte("<p>no</p>"), nil) }()
	p.expect("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 9\r\n")
	got, rerr := p.rest()
	if rerr != nil || !strings.HasSuffix(got, "Connection: close\r\n\r\n<p>no</p>") {
		t.Fatalf("got %q, %v", got, rerr)
	}
	p.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestTwoMegabyteFieldGets431WithoutGrowth(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	go func() {
		// The server stops reading: the rest may fail.
		io.WriteString(p, "GET / HTTP/1.1\r\nHost: a\r\nProxy-Authorization: "+strings.Repeat("x", 2<<20)+"\r\n\r\n")
	}()
	_, err := s.Next(context.Background())
	if e, ok := err.(*flow.Error); !ok || e.Status != 431 {
		t.Fatalf("got %v", err)
	}
	if n := cap(s.src.buf); n > 2*DefaultLine {
		t.Errorf("the buffer has grown to %d octets", n)
	}
	go s.Reject(err, nil, nil)
	p.expect("HTTP/1.1 431 ")
}

func TestLargeHeadBlockPasses(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	var b strings.Builder
	b.WriteString("GET / HTTP/1.1\r\nHost: a\r\n")
	for b.Len() < 64<<10 {
		b.WriteString("X-Field: " + strings.Repeat("v", 100) + "\r\n")
	}
	go p.send(b.String() + "\r\n")
	if st := next(t, s); len(st.Request().Fields) < 500 {
		t.Fatalf("%d fields", len(st.Request().Fields))
	}
}

func TestClientLeavingEndsTheContext(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n"
	for _, c := range []struct {
		name, request string
		leave         func(*peer)
		cause         flow.Cause
	}{
		{"end of a connection", get + "\r\n", func(p *peer) { p.Close() }, flow.LeftByClient},
		{"reset", get + "\r\n", func(p *peer) { p.SetLinger(0); p.Close() }, flow.ResetByPeer},
		{"reset after Connection: close", get + "Connection: close\r\n\r\n", func(p *peer) { p.SetLinger(0); p.Close() }, flow.ResetByPeer},
		{"after octets of a next request", get + "\r\nGET /2", func(p *peer) { p.Close() }, flow.LeftByClient},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, p := serve(t, ServerConfig{})
			p.send(c.request)
			st := next(t, s)
			c.leave(p)
			<-st.Context().Done()
			wantCause(t, context.Cause(st.Context()), flow.AtClient, c.cause, "client")
		})
	}
}

func TestHalfCloseIsNotLeaving(t *testing.T) {
	for _, head := range []string{"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"} {
		inBubble(t, func(t *testing.T, s *Server, toServer, toClient net.Conn) {
			go io.WriteString(toServer, head)
			st := next(t, s)
			toServer.Close() // the sending side only
			time.Sleep(time.Second)
			synctest.Wait()
			if s.src.err == nil {
				t.Fatal("nobody watched the connection")
			}
			if st.Context().Err() != nil {
				t.Fatalf("%q: a half-close ended the context", head)
			}
			got := make(chan string, 1)
			go func() {
				all, _ := io.ReadAll(toClient)
				got <- string(all)
			}()
			answer(t, st, 200, "hello")
			s.Next(t.Context())
			if all := <-got; !strings.HasSuffix(all, "\r\n\r\nhello") {
				t.Fatalf("the client got %q", all)
			}
		})
	}
}

func TestReadAheadBecomesTheNextHead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server, toServer, toClient net.Conn) {
		go io.Copy(io.Discard, toClient)
		go io.WriteString(toServer, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
		st := next(t, s)
		time.Sleep(time.Second)
		synctest.Wait()
		if !s.src.watching {
			t.Fatal("nobody watches the connection")
		}
		answer(t, st, 200, "")
		long := strings.Repeat("y", 3*aheadStart)
		go io.WriteString(toServer, "GET /2?"+long+" HTTP/1.1\r\nHost: a\r\n\r\n")
		if st := next(t, s); st.Request().Path != "/2?"+long {
			t.Fatalf("target %q", st.Request().Path)
		}
	})
}

func TestReadAheadIsBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, s *Server, toServer, toClient net.Conn) {
		go io.Copy(io.Discard, toClient)
		go io.WriteString(toServer, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
		st := next(t, s)
		go io.WriteString(toServer, "GET /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"+strings.Repeat("z", 1000000))
		time.Sleep(time.Second)
		synctest.Wait()
		if n := len(s.src.buffered()); n < aheadLimit || len(s.src.buf) > aheadLimit+bufferSize {
			t.Errorf("%d octets read ahead into %d", n, len(s.src.buf))
		}
		answer(t, st, 200, "")
		st = next(t, s)
		if got, err := readAll(st.Body()); len(got) != 1000000 || err != nil {
			t.Fatalf("body of %d octets, %v", len(got), err)
		}
	})
}

// inBubble runs test with a Server whose client can close its sending side, on
// a clock of its own.
func inBubble(t *testing.T, test func(t *testing.T, s *Server, toServer, toClient net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		in, toServer := net.Pipe()
		out, toClient := net.Pipe()
		s := NewServer(pipeConn{&twoPipes{Conn: in, out: out}}, ServerConfig{})
		test(t, s, toServer, toClient)
		toServer.Close()
		toClient.Close()
		s.Close()
	})
}

// twoPipes is a connection with a pipe for each direction.
type twoPipes struct {
	net.Conn
	out net.Conn
}

func (c *twoPipes) Write(p []byte) (int, error)        { return c.out.Write(p) }
func (c *twoPipes) SetWriteDeadline(t time.Time) error { return c.out.SetWriteDeadline(t) }
func (c *twoPipes) Close() error                       { c.out.Close(); return c.Conn.Close() }

func TestEarlyResponseSurvivesAnUpload(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
	st := next(t, s)
	answer(t, st, 403, "no")
	done := make(chan error, 1)
	go func() {
		_, err := s.Next(context.Background())
		done <- err
	}()
	if err := <-done; err == nil {
		t.Fatal("the connection goes on inside a body")
	}
	p.expect("HTTP/1.1 403 Word\r\nContent-Length: 2\r\n\r\nno")
	p.expectEnd()
}

func TestSmallUnreadBodyIsDrainedAndTheConnectionGoesOn(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	p.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
	st := next(t, s)
	st.Body().Cancel(errors.New("not wanted"))
	if _, err := st.Body().Read(make([]byte, 10)); err == nil || !strings.Contains(err.Error(), "not wanted") {
		t.Fatalf("read after Cancel: %v", err)
	}
	answer(t, st, 403, "")
	if st := next(t, s); st.Request().Path != "/2" {
		t.Fatal("another request came")
	}
}

func TestCancelInterruptsARead(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	p.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
	st := next(t, s)
	read := make(chan error, 1)
	go func() {
		_, err := st.Body().Read(make([]byte, 10))
		read <- err
	}()
	cause := &flow.Error{Peer: flow.AtServer, Cause: flow.NotNeeded, Err: errors.New("answered")}
	st.Body().Cancel(cause)
	if err := <-read; err != cause {
		t.Fatalf("read returned %v", err)
	}
	answer(t, st, 200, "")
	p.expect("HTTP/1.1 200 ")
}

func TestInterimResponses(t *testing.T) {
	for version, want := range map[string]string{"1.1": "HTTP/1.1 103 Word\r\nLink: x\r\n\r\nHTTP/1.1 200 ", "1.0": "HTTP/1.1 200 "} {
		s, p := serve(t, ServerConfig{})
		p.send("GET / HTTP/" + version + "\r\nHost: a\r\n\r\n")
		st := next(t, s)
		if err := st.Inform(response(103, "Link: x")); err != nil {
			t.Fatal(err)
		}
		answer(t, st, 200, "")
		p.expect(want)
	}
}

func TestUpgradeGivesTheOctetsThatWereReadAhead(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	p.send("CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n\r\nearly")
	st := next(t, s)
	if _, err := st.Upgrade(); err == nil {
		t.Fatal("upgrade before a response")
	}
	sink, err := st.Respond(response(200), flow.Framing{})
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.Close(nil); err != nil {
		t.Fatal(err)
	}
	p.expect("HTTP/1.1 200 Word\r\n\r\n") // neither framing nor Connection
	raw, err := st.Upgrade()
	if err != nil {
		t.Fatal(err)
	}
	p.send(" late")
	got := make([]byte, 10)
	if n, err := io.ReadFull(raw, got); string(got[:n]) != "early late" {
		t.Fatalf("read %q, %v", got[:n], err)
	}
	raw.Write([]byte("back"))
	p.expect("back")
	if _, err := s.Next(context.Background()); err != io.EOF {
		t.Fatalf("Next after an upgrade: %v", err)
	}
	s.Close()
	raw.Write([]byte("!")) // the Server no longer owns it
	p.expect("!")
	raw.Close()
	p.expectEnd()
}

func TestRefusedConnectCanBeTriedAgainOnTheSameConnection(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	const connect = "CONNECT h.test:443 HTTP/1.1\r\nHost: h.test:443\r\n"
	p.send(connect + "\r\n")
	answer(t, next(t, s), 407, "who?")
	p.expect("HTTP/1.1 407 Word\r\nContent-Length: 4\r\n\r\nwho?")
	p.send(connect + "Proxy-Authorization: Basic eDp5\r\n\r\n")
	if st := next(t, s); !st.Request().Fields.Has("Proxy-Authorization") || st.Request().Port != 443 {
		t.Fatalf("%+v", st.Request())
	}
}

func TestRespondMoreLeavesWithTheBody(t *testing.T) {
	near, far := tcpPair(t)
	count := &countedConn{Conn: near}
	s := NewServer(count, ServerConfig{})
	defer s.Close()
	p := newPeer(t, far)
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	sink, err := next(t, s).RespondMore(response(200), byLength(5))
	if err != nil {
		t.Fatal(err)
	}
	sink.Write([]byte("hello"))
	if err := sink.Close(nil); err != nil {
		t.Fatal(err)
	}
	p.expect("HTTP/1.1 200 Word\r\n\r\nhello")
	if count.corks != 1 || count.uncorks != 1 {
		t.Errorf("%d corks, %d uncorks", count.corks, count.uncorks)
	}
}

type countedConn struct {
	Conn
	corks, uncorks int
}

func (c *countedConn) Cork()         { c.corks++; c.Conn.Cork() }
func (c *countedConn) Uncork() error { c.uncorks++; return c.Conn.Uncork() }

func TestAbortBeforeAResponseClosesWithoutOne(t *testing.T) {
	s, p := serve(t, ServerConfig{})
	p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	st := next(t, s)
	st.Abort(errors.New("killed"))
	p.expectEnd()
	if _, err := st.Respond(response(200), byLength(0)); err == nil {
		t.Error("a response after Abort")
	}
	if _, err := s.Next(context.Background()); err != io.EOF {
		t.Fatalf("Next: %v", err)
	}
}

func TestResponseThatWouldSplitIsRefused(t *testing.T) {
	for _, head := range []*flow.Response{
		response(200, "X: a\r\nSet-Cookie: b=c"), response(200, "X: a\nb"), response(200, "X: \x00"), response(200, "X y: z"), response(200, ": z"), {Status: 7},
	} {
		s, p := serve(t, ServerConfig{})
		p.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		st := next(t, s)
		if _, err := st.Respond(head, byLength(0)); err == nil {
			t.Errorf("%+v was sent", head)
		}
		go s.Next(context.Background())
		p.expectEnd()
	}
}

func TestServerTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe()
		s := NewServer(near, ServerConfig{})
		start := time.Now()
		if _, err := s.Next(context.Background()); err != io.EOF || time.Since(start) != DefaultIdleTimeout {
			t.Errorf("idle: %v after %v", err, time.Since(start))
		}
		s.Close()
		far.Close()

		near, far = pipe()
		s = NewServer(near, ServerConfig{})
		go io.WriteString(far, "GET / HT")
		start = time.Now()
		_, err := s.Next(context.Background())
		if e, ok := err.(*flow.Error); !ok || e.Status != 408 || time.Since(start) != DefaultHeadTimeout {
			t.Errorf("slow head: %v after %v", err, time.Since(start))
		}
		s.Close()
		far.Close()

		near, far = pipe()
		s = NewServer(near, ServerConfig{})
		go io.WriteString(far, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		st, err := s.Next(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour) // no timer runs while an exchange is pending
		if st.Context().Err() != nil {
			t.Error("the context ended by itself")
		}
		start = time.Now()
		far.Close()
		<-st.Context().Done()
		if d := time.Since(start); d > time.Second {
			t.Errorf("the client's end was seen after %v", d)
		}
		s.Close()
	})
}

func TestStopEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := pipe()
		s := NewServer(near, ServerConfig{})
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() {
			_, err := s.Next(ctx)
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		cancel()
		if err := <-done; err != io.EOF || time.Since(start) > 0 {
			t.Errorf("Next: %v after %v", err, time.Since(start))
		}
		s.Close()
		far.Close()
	})
}
