package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"midstream/flow"
)

// upload is the body of the tests of Expect: more than any buffer on the way.
const upload = 5 << 20

// TestExpectContinue is an upload whose client waits for the word (RFC 9110
// section 10.1.1): the server's word is passed on, whatever it is, and a server
// that says none is not waited for.
func TestExpectContinue(t *testing.T) {
	const (
		goOn     = "HTTP/1.1 100 Continue\r\n\r\n"
		thanks   = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"
		refusing = "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno"
		who      = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nwho?"
	)
	body := strings.Repeat("0123456789abcdef", upload/16)
	for _, c := range []struct {
		name     string
		framing  string
		first    string // what the server says behind the head; "" is nothing
		then     string // what it says behind the body
		interim  string // what the client gets before it sends
		status   int
		page     string
		uploaded bool
	}{
		{"the server says 100", "length", goOn, thanks, goOn, 200, "done", true},
		{"the server says 100, chunked", "chunked", goOn, thanks, goOn, 200, "done", true},
		{"417", "length", refusing, "", "", 417, "no", false},
		{"401 without 100", "chunked", who, "", "", 401, "who?", false},
		{"silence, and a late 100", "length", "", goOn + thanks, goOn, 200, "done", true},
		{"silence, chunked", "chunked", "", thanks, goOn, 200, "done", true},
		{"103, then 100", "length", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + goOn, thanks, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + goOn, 200, "done", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan string, 2)
			port := rawOrigin(t, func(nc net.Conn) {
				r := bufio.NewReader(nc)
				head, err := readHead(r)
				if err != nil {
					return
				}
				got <- head
				io.WriteString(nc, c.first)
				if c.then == "" {
					io.Copy(io.Discard, r)
					return
				}
				req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(head), r)))
				if err != nil {
					return
				}
				// http.ReadRequest takes no notice of Expect: the body is read as it comes.
				b, err := io.ReadAll(req.Body)
				got <- fmt.Sprint(len(b), string(b) == body, err)
				io.WriteString(nc, c.then)
				io.Copy(io.Discard, r)
			})
			r := newRig(t, nil)
			p := r.dial()
			fields := "Transfer-Encoding: chunked"
			if c.framing == "length" {
				fields = fmt.Sprintf("Content-Length: %d", len(body))
			}
			p.send("POST http://%s/up HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n%s\r\n\r\n", local(port), fields)
			if head := <-got; !strings.Contains(head, "\r\nExpect: 100-continue\r\n") {
				t.Errorf("the server was asked %q", head)
			}
			for rest := c.interim; rest != ""; {
				head := p.head()
				if !strings.HasPrefix(rest, head) {
					t.Fatalf("the client got %q, want %q", head, rest)
				}
				rest = rest[len(head):]
			}
			if c.uploaded {
				if c.framing == "length" {
					io.WriteString(p, body)
				} else {
					for b := body; len(b) > 0; b = b[1<<20:] {
						fmt.Fprintf(p.Conn, "%x\r\n%s\r\n", 1<<20, b[:1<<20])
					}
					io.WriteString(p, "0\r\n\r\n")
				}
				if s := <-got; s != fmt.Sprint(len(body), true, nil) {
					t.Errorf("the server got %s", s)
				}
			}
			// No second 100 comes: this is the final head.
			status, _, page := p.response()
			if status != c.status || page != c.page {
				t.Errorf("%d %q", status, page)
			}
			if !c.uploaded {
				// The client keeps its body; the connection is of no more use then.
				if b, err := io.ReadAll(p); len(b) > 0 || err != nil {
					t.Errorf("behind the response: %q %v", b, err)
				}
			}
			f := r.flows.wait(t, 1)[0]
			if f.Outcome.Kind != flow.Completed || c.uploaded && (f.RequestBody.Sent != upload || !f.RequestBody.Ended) || !c.uploaded && f.RequestBody.Sent != 0 {
				t.Errorf("%v, %+v", f.Outcome, f.RequestBody)
			}
		})
	}
}
