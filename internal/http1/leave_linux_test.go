package http1

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

// A client that goes while nobody takes its upload is noticed, unless all of the
// body may be there.
func TestLeavingDuringAStalledUpload(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		head  string
		sent  int
		leave func(c *net.TCPConn)
		cause flow.Cause // 0 where it is not noticed
	}{
		"closed":             {"Content-Length: 10000000", 100_000, func(c *net.TCPConn) { c.Close() }, flow.LeftByClient},
		"half-closed":        {"Content-Length: 10000000", 100_000, func(c *net.TCPConn) { c.CloseWrite() }, flow.LeftByClient},
		"said close":         {"Connection: close\r\nContent-Length: 10000000", 100_000, func(c *net.TCPConn) { c.Close() }, flow.LeftByClient},
		"reset":              {"Content-Length: 10000000", 100_000, func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, flow.ResetByPeer},
		"reset, chunked":     {"Transfer-Encoding: chunked", 100_000, func(c *net.TCPConn) { c.SetLinger(0); c.Close() }, flow.ResetByPeer},
		"whole and closed":   {"Content-Length: 100000", 100_000, func(c *net.TCPConn) { c.Close() }, 0},
		"chunked and closed": {"Transfer-Encoding: chunked", 100_000, func(c *net.TCPConn) { c.Close() }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			near, far := tcpPair(t)
			s := NewServer(near, ServerConfig{})
			defer s.Close()
			go func() {
				io.WriteString(far, "POST / HTTP/1.1\r\nHost: h\r\n"+c.head+"\r\n\r\n"+strings.Repeat("x", c.sent))
				c.leave(far)
			}()
			st := next(t, s)
			if c.cause == 0 {
				for _, ended, _ := near.Ended(); !ended; _, ended, _ = near.Ended() {
				}
				s.lookForEnd()
				if st.Context().Err() != nil {
					t.Errorf("taken for one that left: %v", context.Cause(st.Context()))
				}
				return
			}
			select {
			case <-st.Context().Done():
			case <-time.After(time.Minute):
				t.Fatal("it was not noticed")
			}
			if e, ok := errors.AsType[*flow.Error](context.Cause(st.Context())); !ok || e.Cause != c.cause {
				t.Errorf("cause %v", context.Cause(st.Context()))
			}
		})
	}
}

// A server may close a connection right behind its response. What must not reach it
// twice is not sent there.
func TestAConnectionThatEndedBehindItsResponse(t *testing.T) {
	for name, leave := range map[string]func(c *net.TCPConn){
		"closed": func(c *net.TCPConn) { c.Close() },
		"reset":  func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		near, far := tcpPair(t)
		c := NewClient(near, ClientConfig{Name: "origin.test:80"})
		defer c.Close()
		c.src.unwatch() // nobody reads meanwhile
		ask := func() (*Call, error) {
			return c.Open(context.Background(), request("POST", "/"), flow.Framing{Kind: flow.ByLength})
		}
		call, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if err := call.Body().Close(nil); err != nil {
			t.Fatal(err)
		}
		io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		final(t, call)
		if _, err := readAll(call.Response()); err != nil {
			t.Fatal(err)
		}
		call.Close()
		c.src.unwatch()
		leave(far)
		for reset, ended := false, false; !reset && !ended; reset, ended, _ = near.Ended() {
		}
		if _, err := ask(); !errors.Is(err, ErrStale) || flow.CauseOf(err) != flow.RefusedRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}
