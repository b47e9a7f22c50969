package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peak returns the most memory that the proxy has had, in octets, or 0 where
// that cannot be known.
func (p *proxy) peak() int64 {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		return 0
	}
	n, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return n << 10
}

// pour writes text again and again until the peer takes no more, and returns
// how many octets it took; most is where it gives up.
func pour(c net.Conn, text string, most int) int {
	sent := 0
	for sent < most {
		n, err := io.WriteString(c, text)
		sent += n
		if err != nil {
			break
		}
	}
	return sent
}

// What a client sends without an end is refused after what a head may have, and
// costs no memory beyond that.
func TestCasesEndlessRequests(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	// Something has been through, so that what is measured is growth.
	o := newWitness(t, p, false)
	plain := ways[0]
	c := plain.reach(t, p, o.Addr)
	c.send(plain.spell(get1("Connection: close"), o.Addr))
	c.head()
	c.conn.Close()
	base := p.peak()
	const most = 64 << 20
	for _, x := range []struct {
		name, begin, more string
		status            int
	}{
		{"method", "", fill(64<<10, "M"), 414},
		{"target", "GET {T}/", fill(64<<10, "x"), 414},
		{"Proxy-Authorization", "GET {T}/x HTTP/1.1\r\nHost: {H}\r\nProxy-Authorization: Digest ", fill(64<<10, "a=\"b\","), 431},
		{"list", "GET {T}/x HTTP/1.1\r\nHost: {H}\r\nX-Forwarded-For: ", fill(64<<10, "1.2.3.4, "), 431},
		{"field name", "GET {T}/x HTTP/1.1\r\nHost: {H}\r\n", fill(64<<10, "x"), 431},
		{"fields", "GET {T}/x HTTP/1.1\r\nHost: {H}\r\n", strings.Repeat("A: b\r\n", 10000), 431},
		{"folds", "GET {T}/x HTTP/1.1\r\nHost: {H}\r\nA: b", strings.Repeat("\r\n c", 10000), 431},
		{"blank lines", "", strings.Repeat("\r\n", 30000), 400},
		{"blank lines of LF", "", strings.Repeat("\n", 60000), 400},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := dial(t, p)
			c.send(plain.spell(x.begin, o.Addr))
			if n := pour(c.conn, x.more, most); n >= most {
				t.Errorf("all of %d octets were taken", n)
			}
			// A reset may destroy the answer of a server to one who never stops; what
			// has come of it is right.
			if head, _ := headOctets(c.in); head != "" && !strings.HasPrefix(head, fmt.Sprintf("HTTP/1.1 %d ", x.status)) {
				t.Errorf("answered with %q", head)
			}
			c.conn.Close()
		})
		// The same, stopping where a head would be long refused: the answer arrives.
		t.Run(x.name+" of 2 MB", func(t *testing.T) {
			c := dial(t, p)
			go c.send(plain.spell(x.begin, o.Addr) + fill(2<<20, x.more))
			if status, head := c.head(); status != x.status {
				t.Errorf("answered with %q", head)
			}
			c.conn.Close()
		})
	}
	if grown := p.peak() - base; grown > 32<<20 {
		t.Errorf("memory has grown by %d octets", grown)
	}
}

// What an origin sends without an end is given up, and the client learns it.
func TestCasesEndlessResponses(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	const most = 64 << 20
	for _, x := range []struct {
		name, begin, more string
		broken            bool // the head has gone; the body breaks
	}{
		{"status line", "HTTP/1.1 200 ", fill(64<<10, "OK "), false},
		{"field", "HTTP/1.1 200 OK\r\nX: ", fill(64<<10, "y"), false},
		{"fields", "HTTP/1.1 200 OK\r\n", strings.Repeat("A: b\r\n", 10000), false},
		{"folds", "HTTP/1.1 200 OK\r\nA: b", strings.Repeat("\r\n c", 10000), false},
		{"blank lines", "", strings.Repeat("\r\n", 30000), false},
		{"interim responses", "", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 1000), false},
		{"chunk size", chunkedHead, fill(64<<10, "0"), true},
		{"chunk extension", chunkedHead + "5;", fill(64<<10, "a"), true},
		{"chunk extensions", chunkedHead, strings.Repeat("1;abcdefghijklmnopqrstuvwxyz=0123456789\r\nx\r\n", 2000), true},
		{"trailers", chunkedHead + "0\r\n", strings.Repeat("A: b\r\n", 10000), true},
		{"trailer", chunkedHead + "0\r\nA: ", fill(64<<10, "b"), true},
	} {
		for _, w := range ways {
			t.Run(x.name+" "+w.name, func(t *testing.T) {
				sent := make(chan int, 1)
				o := newRawOrigin(t, p, w.secured, func(c *peer) {
					if _, err := headOctets(c.in); err != nil {
						return
					}
					io.WriteString(c, x.begin)
					sent <- pour(c, x.more, most)
				})
				c := w.reach(t, p, o.Addr)
				c.send(w.spell("GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
				status, head := c.head()
				for status == 102 {
					status, head = c.head()
				}
				_, _, err := c.body("GET", head)
				if x.broken && (status != 200 || err == nil) || !x.broken && (status != 502 || err != nil) {
					t.Errorf("the client got %q, %v", head, err)
				}
				c.conn.Close()
				select {
				case n := <-sent:
					if n >= most {
						t.Errorf("all of %d octets were taken", n)
					}
				case <-time.After(patience):
					t.Error("the origin still sends")
				}
			})
		}
	}
	if peak := p.peak(); peak > 128<<20 {
		t.Errorf("%d octets of memory", peak)
	}
}

// A malformed request behind a good one: the good one is answered first, then
// the other refused, and what follows it is not read.
func TestCasesMalformedBehindGood(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, w := range ways {
		for name, bad := range map[string]string{
			"field":   "GET {T}/bad HTTP/1.1\r\nHost: {H}\r\nX A: b\r\n\r\n",
			"line":    "GET {T}/bad\r\n\r\n",
			"framing": "POST {T}/bad HTTP/1.1\r\nHost: {H}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		} {
			t.Run(w.name+" "+name, func(t *testing.T) {
				o := newWitness(t, p, w.secured)
				c := w.reach(t, p, o.Addr)
				c.send(w.spell(get1("X: y")+bad+smuggled, o.Addr))
				if status, head := c.head(); status != 200 {
					t.Fatalf("the good request is answered with %q", head)
				} else if content, _, err := c.body("GET", head); content != "ok" || err != nil {
					t.Errorf("content %q, %v", content, err)
				}
				if status, head := c.head(); status != 400 {
					t.Errorf("the bad request is answered with %q", head)
				} else {
					c.body("GET", head)
				}
				c.ended()
				c.conn.Close()
				if got := o.received(); len(got) != 1 || got[0] != arrives(get1("X: y"), o.Addr) {
					t.Errorf("the origin got %q", got)
				}
			})
		}
	}
}

// Octets that do not stop coming fill the kernel's buffers and no memory: what
// the client does not take, the origin cannot send, and the other way round.
func TestCasesBackpressure(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	const most, bound = 256 << 20, 48 << 20
	// Who writes finds out by writing: a second in which nothing is taken is the
	// stop that is wanted. It is no measure: on a slow machine more is taken.
	stuck := func(c net.Conn, text string) int {
		sent := 0
		for sent < most {
			c.SetWriteDeadline(time.Now().Add(time.Second))
			n, err := io.WriteString(c, text)
			sent += n
			if err != nil {
				break
			}
		}
		return sent
	}
	block := fill(64<<10, "0123456789abcdef")
	for _, w := range ways {
		t.Run("download "+w.name, func(t *testing.T) {
			t.Parallel()
			sent := make(chan int, 1)
			o := newRawOrigin(t, p, w.secured, func(c *peer) {
				if _, err := headOctets(c.in); err != nil {
					return
				}
				io.WriteString(c, fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", most))
				sent <- stuck(c.Conn, block)
			})
			c := w.reach(t, p, o.Addr)
			c.conn.SetDeadline(time.Now().Add(patience))
			c.send(w.spell("GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
			if n := <-sent; n > bound {
				t.Errorf("the origin could send %d octets that nobody reads", n)
			}
			c.conn.Close()
		})
		t.Run("upload "+w.name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			o := newRawOrigin(t, p, w.secured, func(c *peer) {
				headOctets(c.in)
				<-done
			})
			c := w.reach(t, p, o.Addr)
			c.conn.SetDeadline(time.Now().Add(patience))
			c.send(w.spell(fmt.Sprintf("PUT {T}/x HTTP/1.1\r\nHost: {H}\r\nContent-Length: %d\r\n\r\n", most), o.Addr))
			if n := stuck(c.conn, block); n > bound {
				t.Errorf("the client could send %d octets that nobody reads", n)
			}
			close(done)
			c.conn.Close()
		})
	}
	t.Cleanup(func() {
		if peak := p.peak(); peak > 128<<20 {
			t.Errorf("%d octets of memory", peak)
		}
	})
}
