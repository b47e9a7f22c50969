package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// The answer to CONNECT has neither length nor coding, and one that is refused
// leaves the connection to the next try.
func TestCasesConnectAnswers(t *testing.T) {
	t.Parallel()
	p := startCases(t, "-s", script(t, `
function http_connect(flow) {
  if (!flow.request.headers["Proxy-Authorization"]) {
    flow.response = Response.make(407, "who are you?", {"Proxy-Authenticate": 'Basic realm="x"'});
  }
}
`))
	o := newWitness(t, p, false)
	c := dial(t, p)
	c.send(fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", o.Addr))
	status, head := c.head()
	if status != 407 || !strings.Contains(head, "Content-Length: 12\r\n") || strings.Contains(strings.ToLower(head), "close") {
		t.Fatalf("the first CONNECT is answered with %q", head)
	}
	c.body("GET", head)
	c.send(fmt.Sprintf("CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\nProxy-Authorization: Basic eDp5\r\n\r\n", o.Addr))
	if _, head := c.head(); head != "HTTP/1.1 200 Connection established\r\n\r\n" {
		t.Fatalf("the second CONNECT is answered with %q", head)
	}
	c.send(arrives("GET /x HTTP/1.1\r\nHost: {H}\r\nConnection: close\r\n\r\n", o.Addr))
	if status, head := c.head(); status != 200 {
		t.Errorf("in the tunnel: %q", head)
	} else {
		c.body("GET", head)
	}
	c.conn.Close()
	if got := strings.Join(o.received(), ""); strings.Contains(got, "Proxy-Authorization") || !strings.HasPrefix(got, "GET /x ") {
		t.Errorf("the origin got %q", got)
	}
}

// Whatever follows CONNECT, the proxy answers with a plain refusal and lives.
func TestCasesOddConnects(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, x := range []struct {
		name, in string
		status   int
	}{
		{"no host, no port", "CONNECT : HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"no host", "CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"no port", "CONNECT x.test HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"empty port", "CONNECT x.test: HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"port 0", "CONNECT x.test:0 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"port 99999", "CONNECT x.test:99999 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"port 65536", "CONNECT x.test:65536 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"negative port", "CONNECT x.test:-1 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"port with a plus", "CONNECT x.test:+443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"named port", "CONNECT x.test:https HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"two ports", "CONNECT x.test:1:2 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"host of 60 KB", "CONNECT " + fill(60<<10, "x") + ":443 HTTP/1.1\r\nHost: x\r\n\r\n", 502},
		{"host of 70 KB", "CONNECT " + fill(70<<10, "x") + ":443 HTTP/1.1\r\nHost: x\r\n\r\n", 414},
		{"label of 64", "CONNECT " + fill(64, "x") + ".test:443 HTTP/1.1\r\nHost: x\r\n\r\n", 502},
		{"path", "CONNECT x.test:443/y HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"URL", "CONNECT https://x.test/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"slash", "CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"asterisk", "CONNECT * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"user information", "CONNECT a:b@x.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"IPv6 without brackets", "CONNECT ::1:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"open bracket", "CONNECT [::1:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"name in brackets", "CONNECT [x.test]:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"NUL in the host", "CONNECT x\x00y.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"quote in the host", "CONNECT x\"y.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"script in the host", "CONNECT <script>:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"body", "CONNECT x.test:443 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", 400},
		{"chunked body", "CONNECT x.test:443 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
		{"no target", "CONNECT HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"two spaces", "CONNECT  x.test:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := dial(t, p)
			c.send(x.in)
			status, head := c.head()
			if status == 200 && x.status == 502 {
				// The tunnel is there before its server: the answer comes inside it.
				c.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				status, head = c.head()
			}
			if status != x.status {
				t.Errorf("answered with %q", head)
			}
			if content, _, err := c.body("GET", head); err != nil || strings.Contains(content, "<script>") {
				t.Errorf("the page is %q, %v", content, err)
			}
			c.conn.Close()
		})
	}
	// It lives.
	o := newWitness(t, p, false)
	c := dial(t, p)
	c.send(ways[0].spell(get1("X: y"), o.Addr))
	if status, head := c.head(); status != 200 {
		t.Errorf("afterwards: %q", head)
	}
	c.conn.Close()
}

// No spelling of its own address leads back into the proxy: neither a loop, nor
// a way to what listens on the machine through it.
func TestCasesNeverItself(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	_, port, _ := net.SplitHostPort(p.Addr)
	hosts := []string{"127.0.0.1", "localhost", "LOCALHOST", "localhost.", "[::1]", "0.0.0.0", "[::]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]", "127.1", "2130706433", "0x7f000001", "0177.0.0.1"}
	for _, host := range hosts {
		address := host + ":" + port
		t.Run("GET "+host, func(t *testing.T) {
			c := dial(t, p)
			c.conn.SetDeadline(time.Now().Add(patience))
			c.send("GET http://" + address + "/itself HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
			if status, head := c.head(); status < 400 {
				t.Errorf("answered with %q", head)
			}
			c.conn.Close()
		})
		t.Run("CONNECT "+host, func(t *testing.T) {
			c := dial(t, p)
			c.conn.SetDeadline(time.Now().Add(patience))
			c.send("CONNECT " + address + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
			if status, head := c.head(); status == 200 {
				c.send("GET http://" + address + "/itself HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
				if status, head := c.head(); status < 400 {
					t.Errorf("answered with %q", head)
				}
			} else if status < 400 {
				t.Errorf("answered with %q", head)
			}
			c.conn.Close()
		})
	}
	// Each asked once: had one come back in, it would have been recorded again.
	flows := p.told(2*len(hosts), func(f *told) bool { return f.Kind == "http" })
	if len(flows) != 2*len(hosts) {
		t.Errorf("%d flows of %d requests", len(flows), 2*len(hosts))
	}
}

// A server that resets, whenever it does, is a gateway error or a body that
// breaks off; never a whole response, never the end of the proxy.
func TestCasesServerResets(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, x := range []struct {
		name, out string
		at        int // 0: accepted; 1: handshake done; 2: request read
		status    int
	}{
		{"when it accepts", "", 0, 502},
		{"before the request", "", 1, 502},
		{"behind the request", "", 2, 502},
		{"inside the head", "HTTP/1.1 200 OK\r\nContent-", 2, 502},
		{"behind an interim response", "HTTP/1.1 103 Early Hints\r\n\r\n", 2, 502},
		{"behind the head", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 2, 200},
		{"inside a body by length", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", 2, 200},
		{"inside a chunk", chunkedHead + "a\r\nhello", 2, 200},
		{"between chunks", chunkedHead + "5\r\nhello\r\n", 2, 200},
		{"inside a body that lasts until the end", "HTTP/1.1 200 OK\r\nX: y\r\n\r\nhello", 2, 200},
	} {
		for _, w := range ways {
			t.Run(x.name+" "+w.name, func(t *testing.T) {
				taken := make(chan struct{})
				o := newRawOrigin(t, p, w.secured && x.at > 0, func(c *peer) {
					if x.at == 2 {
						if _, err := headOctets(c.in); err != nil {
							return
						}
						io.WriteString(c, x.out)
						if x.status == 200 {
							<-taken // or the reset may destroy what was sent
						}
					}
					c.tcp.SetLinger(0)
					c.tcp.Close()
				})
				c := w.reach(t, p, o.Addr)
				c.send(w.spell("GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
				status, head := c.head()
				for status == 103 {
					status, head = c.head()
				}
				close(taken)
				_, _, err := c.body("GET", head)
				if status != x.status || status == 200 && err == nil || status == 502 && err != nil {
					t.Errorf("the client got %q, %v", head, err)
				}
				c.conn.Close()
				f := p.told(1, func(f *told) bool { return to(o.Addr)(f) && f.Request.Path == "/x" })[0]
				if f.Outcome.Text == "completed" || f.Outcome.Error == "" {
					t.Errorf("the outcome is %+v", f.Outcome)
				}
			})
		}
	}
}

// In a tunnel that does not begin with HTTP, octets pass as they are, and are
// recorded as what they are.
func TestCasesRawOctetsInATunnel(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, secured := range []bool{false, true} {
		t.Run(fmt.Sprint("secured ", secured), func(t *testing.T) {
			o := newRawOrigin(t, p, secured, func(c *peer) {
				b := make([]byte, 6)
				io.ReadFull(c.in, b)
				fmt.Fprintf(c, "%q", b)
			})
			var conn net.Conn
			if secured {
				conn = secure(t, p, o.Addr, "127.0.0.1")
			} else {
				conn = tunnel(t, p, o.Addr)
			}
			io.WriteString(conn, "\x00\x01\xffabc")
			got, err := io.ReadAll(conn)
			if string(got) != `"\x00\x01\xffabc"` || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
			conn.Close()
			if got := o.received(); len(got) != 1 || got[0] != "\x00\x01\xffabc" {
				t.Errorf("the origin got %q", got)
			}
			p.told(1, func(f *told) bool {
				return f.Kind == "tcp" && f.RequestBody.Sent == 6 && strings.Contains(f.URL, o.Addr)
			})
		})
	}
}
