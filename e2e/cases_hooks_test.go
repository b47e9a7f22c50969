package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// What a script writes into heads cannot become another message: framing stays
// what the body is, and what would split a head is refused where it is set.
func TestCasesScriptsCannotSplit(t *testing.T) {
	t.Parallel()
	p := startCases(t, "-s", script(t, `
const set = (message, header) => {
  const [name, value] = JSON.parse(header);
  message.headers[name] = value;
};
function requestheaders(flow) {
  const header = flow.request.headers.get("X-Request");
  if (header) set(flow.request, header);
}
function responseheaders(flow) {
  const header = flow.request.headers.get("X-Response");
  if (header) set(flow.response, header);
}
`))
	for _, x := range []struct {
		name, field, value string
	}{
		{"line break", "X-Evil", `a\r\nContent-Length: 0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x`},
		{"LF alone", "X-Evil", `a\nX: y`},
		{"CR alone", "X-Evil", `a\rX: y`},
		{"NUL", "X-Evil", `a\u0000b`},
		{"line break in a name", `X\r\nEvil`, `a`},
		{"space in a name", `X Evil`, `a`},
		{"colon in a name", `X:Evil`, `a`},
		{"empty name", ``, `a`},
		{"a smaller length", "Content-Length", "1"},
		{"a larger length", "Content-Length", "1000"},
		{"a length that is none", "Content-Length", "many"},
		{"a coding", "Transfer-Encoding", "chunked"},
		{"a coding that is none", "Transfer-Encoding", "gzip, identity"},
		{"upgrade", "Connection", "Upgrade, X"},
	} {
		for _, w := range ways {
			for _, at := range []string{"X-Request", "X-Response"} {
				t.Run(x.name+" "+at+" "+w.name, func(t *testing.T) {
					o := newWitness(t, p, w.secured)
					c := w.reach(t, p, o.Addr)
					c.send(w.spell("POST {T}/x HTTP/1.1\r\nHost: {H}\r\n"+at+": [\""+x.field+"\", \""+x.value+"\"]\r\nContent-Length: 5\r\n\r\nhello", o.Addr))
					status, head := c.head()
					content, _, err := c.body("POST", head)
					if err != nil {
						t.Errorf("body of the response: %v", err)
					}
					if status != 200 || content != "ok" || strings.Contains(head, "Evil") {
						t.Errorf("answered with %q %q", head, content)
					}
					c.conn.Close()
					o.received()
					if len(o.faults) > 0 || len(o.messages) != 1 {
						t.Errorf("the origin understood %+v, and did not %v", o.messages, o.faults)
					}
					for _, m := range o.messages {
						if m.Body != "hello" || m.Target != "/x" || m.Header.Get("X-Evil") != "" || m.Header.Get("Y") != "" {
							t.Errorf("the origin understood %+v", m)
						}
					}
				})
			}
		}
	}
}

// Where an origin answers before it has read a request, the rest of the body is
// no request to anybody.
func TestCasesEarlyAnswers(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, w := range ways {
		for _, coding := range []string{"length", "chunked"} {
			for _, hangsUp := range []bool{false, true} {
				t.Run(fmt.Sprint(w.name, " ", coding, " closes ", hangsUp), func(t *testing.T) {
					var answered atomic.Int32
					o := newRawOrigin(t, p, w.secured, func(c *peer) {
						for {
							r, err := http.ReadRequest(c.in)
							if err != nil {
								return
							}
							if r.URL.Path == "/smuggled" {
								t.Errorf("the origin was asked for %s", r.URL)
							}
							answered.Add(1)
							io.WriteString(c, okResponse)
							if hangsUp {
								return
							}
							io.Copy(io.Discard, r.Body)
						}
					})
					c := w.reach(t, p, o.Addr)
					body := strings.Repeat(w.spell(smuggled, o.Addr), 100)
					first, rest := body[:1000], body[1000:]
					if coding == "length" {
						c.send(w.spell(fmt.Sprintf("POST {T}/x HTTP/1.1\r\nHost: {H}\r\nContent-Length: %d\r\n\r\n", len(body)), o.Addr) + first)
					} else {
						c.send(w.spell("POST {T}/x HTTP/1.1\r\nHost: {H}\r\nTransfer-Encoding: chunked\r\n\r\n", o.Addr) + fmt.Sprintf("%x\r\n%s\r\n", len(first), first))
						rest = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(rest), rest)
					}
					if status, head := c.head(); status != 200 {
						t.Fatalf("head %q", head)
					} else {
						c.body("POST", head)
					}
					c.send(rest)
					c.send(w.spell("GET {T}/after HTTP/1.1\r\nHost: {H}\r\nConnection: close\r\n\r\n", o.Addr))
					// The connection may go on or be closed; either way nothing of the body
					// is a request.
					if head, err := headOctets(c.in); err == nil && !strings.HasPrefix(head, "HTTP/1.1 200") {
						t.Errorf("another request is answered with %q", head)
					}
					c.conn.Close()
					o.received()
					if n := answered.Load(); n > 2 {
						t.Errorf("the origin answered %d requests", n)
					}
					for _, f := range p.told(1, to(o.Addr)) {
						if strings.Contains(f.URL, "smuggled") {
							t.Errorf("a part of the body became the request %q", f.Request.Line)
						}
					}
				})
			}
		}
	}
}
