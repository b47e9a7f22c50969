package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// disconnects tells when a connection to a server has ended.
type disconnects chan struct{}

func (d disconnects) ServerDisconnected(context.Context, *hook.Dial) { d <- struct{}{} }

// scripted is an origin whose first connection serves one request well and ends
// at a moment of the second one; all that come later serve well.
type scripted struct {
	mu        sync.Mutex
	conns     int
	delivered []string // second requests that were read whole, by connection
}

func (s *scripted) serve(end func(net.Conn, *bufio.Reader)) func(net.Conn) {
	return func(c net.Conn) {
		s.mu.Lock()
		s.conns++
		first := s.conns == 1
		s.mu.Unlock()
		r := bufio.NewReader(c)
		for n := 1; ; n++ {
			if first && n == 2 {
				end(c, r)
				return
			}
			head, body, err := readRequest(r)
			if err != nil {
				return
			}
			if !strings.Contains(head, "/first") {
				s.note(body)
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	}
}

func (s *scripted) note(body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delivered = append(s.delivered, body)
}

// readRequest reads a head, and a body by its length.
func readRequest(r *bufio.Reader) (head, body string, err error) {
	if head, err = readHead(r); err != nil {
		return head, "", err
	}
	n := 0
	if _, after, ok := strings.Cut(head, "Content-Length: "); ok {
		fmt.Sscan(after, &n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return head, string(b), err
}

func readHead(r *bufio.Reader) (string, error) {
	var b strings.Builder
	for !strings.HasSuffix(b.String(), "\r\n\r\n") {
		line, err := r.ReadString('\n')
		if err != nil {
			return "", err
		}
		b.WriteString(line)
	}
	return b.String(), nil
}

// TestRetryByMoment has a server end a connection that has served before, by
// a close and by a reset, at each moment of the next request. What is sent again
// and what is not follows from what was heard and what was asked; nothing that is
// not idempotent is ever delivered twice.
func TestRetryByMoment(t *testing.T) {
	type moment struct {
		name string
		// says is what the server does before it ends the connection.
		says func(s *scripted, c net.Conn, r *bufio.Reader)
		// heard tells that some of a response has come, whole that its head has.
		heard, whole bool
		// body tells that the request's body has been taken.
		body bool
	}
	moments := []moment{
		{name: "idle", says: nil},
		{name: "at the first octet", says: func(_ *scripted, _ net.Conn, r *bufio.Reader) { r.ReadByte() }},
		{name: "behind the head", says: func(_ *scripted, _ net.Conn, r *bufio.Reader) { readHead(r) }},
		{name: "behind the body", body: true, says: func(s *scripted, _ net.Conn, r *bufio.Reader) {
			if _, b, err := readRequest(r); err == nil {
				s.note(b)
			}
		}},
		{name: "inside the status line", heard: true, body: true, says: func(s *scripted, c net.Conn, r *bufio.Reader) {
			if _, b, err := readRequest(r); err == nil {
				s.note(b)
			}
			io.WriteString(c, "HTTP/1.1 2")
		}},
		{name: "behind an interim response", heard: true, body: true, says: func(s *scripted, c net.Conn, r *bufio.Reader) {
			if _, b, err := readRequest(r); err == nil {
				s.note(b)
			}
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n")
		}},
		{name: "inside the response", heard: true, whole: true, body: true, says: func(s *scripted, c net.Conn, r *bufio.Reader) {
			if _, b, err := readRequest(r); err == nil {
				s.note(b)
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbeg")
		}},
	}
	requests := []struct {
		method, body string
		idempotent   bool
	}{{"GET", "", true}, {"DELETE", "", true}, {"PUT", "data", true}, {"POST", "", false}, {"POST", "data", false}}
	for _, m := range moments {
		for _, q := range requests {
			for _, how := range []string{"close", "reset"} {
				t.Run(fmt.Sprintf("%s %s %s %s", how, m.name, q.method, q.body), func(t *testing.T) {
					t.Parallel()
					s := &scripted{}
					// A reset destroys what the proxy has not read yet: it must have
					// heard what was said before.
					heard := make(chan struct{})
					port := rawOrigin(t, s.serve(func(c net.Conn, r *bufio.Reader) {
						if m.says != nil {
							m.says(s, c, r)
						}
						if how == "reset" {
							if m.heard {
								<-heard
							}
							c.(*net.TCPConn).SetLinger(0)
						}
					}))
					gone := make(disconnects, 4)
					set := addons(t, gone)
					r := newRig(t, func(c *Config) { c.Hooks = set })
					p := r.dial()
					target := "http://" + local(port)
					p.send("GET %s/first HTTP/1.1\r\nHost: h\r\n\r\n", target)
					if status, _, _ := p.response(); status != 200 {
						t.Fatal(status)
					}
					if m.says == nil {
						waitFor(t, gone)
					}
					p.send("%s %s/second HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", q.method, target, len(q.body), q.body)
					switch {
					case !m.heard:
						close(heard)
					case how == "reset" && m.whole:
						head := p.head()
						b := make([]byte, 3)
						if _, err := io.ReadFull(p, b); err != nil || string(b) != "beg" {
							t.Fatalf("%q %q %v", head, b, err)
						}
						close(heard)
					case how == "reset" && m.name == "behind an interim response":
						if head := p.head(); !strings.HasPrefix(head, "HTTP/1.1 103 ") {
							t.Fatalf("%q", head)
						}
						close(heard)
					default:
						// A part of a head shows nowhere: let it come or not.
						close(heard)
					}
					// A body that has begun to flow is not sent again. One that has not
					// been read when the server went may or may not have begun.
					unsure := q.body != "" && q.idempotent && !m.body && m.says != nil
					again := q.idempotent && !m.heard && (q.body == "" || !m.body)
					if m.name == "inside the status line" && how == "reset" {
						unsure = q.idempotent && q.body == "" // the reset may have overtaken it
					}
					if m.whole {
						// A length ends short.
						b, _ := io.ReadAll(p)
						if how == "close" && !strings.HasSuffix(string(b), "\r\n\r\nbeg") || how == "reset" && len(b) > 0 {
							t.Errorf("a response that broke off ended as %q", b)
						}
					} else {
						status, page := final(p)
						ok := status == 200 && page == "ok"
						bad := status == 502 && strings.Contains(page, local(port))
						switch {
						case m.says == nil && !ok, // a new connection, and no try was lost
							m.says != nil && !unsure && again != ok,
							!ok && !bad:
							t.Errorf("%d %q, want it sent again: %v", status, page, again)
						case bad && !q.idempotent && !m.heard && !strings.Contains(page, "not sent again, because POST is not idempotent"):
							t.Errorf("it does not say why it was not sent again: %s", page)
						}
					}
					f := r.flows.wait(t, 2)[1]
					if n := len(f.Tries); n > 2 || n == 2 && (f.Tries[0].Error == "" || !f.Tries[0].Reused || f.Tries[1].Reused) || n == 2 && m.heard && !unsure {
						t.Errorf("tries %+v", f.Tries)
					}
					s.mu.Lock()
					defer s.mu.Unlock()
					if n := len(s.delivered); n > 2 || n > 1 && !q.idempotent {
						t.Errorf("delivered %d times", n)
					}
					for _, b := range s.delivered {
						if b != q.body {
							t.Errorf("delivered %q", b)
						}
					}
					if f.Outcome.Kind == flow.Completed && len(s.delivered) == 0 {
						t.Error("completed without having been delivered")
					}
				})
			}
		}
	}
}

func waitFor(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal("it does not happen")
	}
}

// final reads a response, past interim ones.
func final(p *peer) (status int, body string) {
	p.t.Helper()
	for {
		if status, _, body = p.response(); status/100 != 1 {
			return status, body
		}
	}
}

// TestRetryOfAnUntouchedBody: the server goes behind the head, before a byte of
// the body has come from the client.
func TestRetryOfAnUntouchedBody(t *testing.T) {
	for method, status := range map[string]int{"PUT": 200, "POST": 502} {
		s := &scripted{}
		reached := make(chan struct{}, 1)
		port := rawOrigin(t, func(c net.Conn) {
			s.mu.Lock()
			s.conns++
			n := s.conns
			s.mu.Unlock()
			r := bufio.NewReader(c)
			if n == 1 {
				readRequest(r)
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
				readHead(r)
				return
			}
			readHead(r)
			reached <- struct{}{}
			b := make([]byte, 4)
			io.ReadFull(r, b)
			s.note(string(b))
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		})
		r := newRig(t, nil)
		p := r.dial()
		target := "http://" + local(port)
		p.send("GET %s/first HTTP/1.1\r\nHost: h\r\n\r\n", target)
		p.response()
		p.send("%s %s/second HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\n", method, target)
		if status == 200 {
			waitFor(t, reached)
			p.send("data")
		}
		if got, page := final(p); got != status {
			t.Errorf("%s: %d %s", method, got, page)
		}
		p.Close()
		if f := r.flows.wait(t, 2)[1]; status == 200 && (len(f.Tries) != 2 || len(s.delivered) != 1 || s.delivered[0] != "data") || status != 200 && len(f.Tries) != 1 {
			t.Errorf("%s: tries %+v, delivered %q", method, f.Tries, s.delivered)
		}
	}
}
