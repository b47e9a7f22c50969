package e2e

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// streamTypes are types of bodies that somebody waits for piece by piece. Lists
// of such types always miss some: none is needed to stream.
var streamTypes = []string{
	"text/event-stream", "text/event-stream; charset=utf-8", "application/x-ndjson", "application/json", "application/json-seq",
	"application/vnd.amazon.eventstream", "application/grpc-web+proto", "application/connect+proto", "multipart/x-mixed-replace; boundary=x",
	"text/plain", "text/html", "video/mp4", "application/octet-stream", "",
}

// The head reaches the client before there is a body, and each small piece
// before the next is made: for every type, framing and way, and without a word
// in the configuration.
func TestCasesPiecesOfEveryType(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	const n = 4
	event := func(i int) string { return fmt.Sprintf("data: {\"token\": \"%030d\"}\n\n", i) }
	for _, w := range ways {
		for _, framing := range []string{"chunked", "length", "close"} {
			// Who takes the proxy for the server gets what lasts until the close as that.
			chunked := framing == "chunked" || framing == "close" && !w.secured
			t.Run(framing+" "+w.name, func(t *testing.T) {
				for _, kind := range streamTypes {
					took := make(chan struct{})
					o := newRawOrigin(t, p, w.secured, func(c *peer) {
						if _, err := headOctets(c.in); err != nil {
							return
						}
						head, begin, end := "HTTP/1.1 200 OK\r\n", "", ""
						if kind != "" {
							head += "Content-Type: " + kind + "\r\n"
						}
						switch framing {
						case "chunked":
							head, begin, end = head+"Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n", len(event(0))), "\r\n"
						case "length":
							head += fmt.Sprintf("Content-Length: %d\r\n", n*len(event(0)))
						}
						io.WriteString(c, head+"\r\n")
						for i := range n {
							if !await(took) {
								return
							}
							io.WriteString(c, begin+event(i)+end)
						}
						if await(took) && framing == "chunked" {
							io.WriteString(c, "0\r\n\r\n")
							headOctets(c.in)
						}
					})
					c := w.reach(t, p, o.Addr)
					c.send(w.spell("GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
					if status, head := c.head(); status != 200 {
						t.Fatalf("%s: %q", kind, head)
					}
					took <- struct{}{}
					for i := range n {
						want := event(i)
						if chunked {
							want = fmt.Sprintf("%x\r\n%s\r\n", len(want), want)
						}
						got := make([]byte, len(want))
						if _, err := io.ReadFull(c.in, got); err != nil || string(got) != want {
							t.Fatalf("%s: piece %d came as %q, %v", kind, i, got, err)
						}
						took <- struct{}{}
					}
					if chunked {
						end := make([]byte, 5)
						if _, err := io.ReadFull(c.in, end); err != nil || string(end) != "0\r\n\r\n" {
							t.Errorf("%s: the end came as %q, %v", kind, end, err)
						}
					}
					if framing == "close" && !chunked {
						c.ended()
					}
					c.conn.Close()
					f := p.told(1, to(o.Addr))[0]
					if f.Outcome.Text != "completed" || f.ResponseBody.Disposition != "tee" || f.ResponseBody.Recorded != int64(n*len(event(0))) {
						t.Errorf("%s: recorded as %+v, %+v", kind, f.ResponseBody, f.Outcome)
					}
				}
			})
		}
	}
}

func await(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-time.After(patience):
		return false
	}
}

// Both directions of one exchange run at once: a chunk up, its answer down, and
// the next only then.
func TestCasesPingPong(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			o := newRawOrigin(t, p, w.secured, func(c *peer) {
				if _, err := headOctets(c.in); err != nil {
					return
				}
				io.WriteString(c, chunkedHead)
				for range 10 {
					chunk := make([]byte, len("4\r\nping\r\n"))
					if _, err := io.ReadFull(c.in, chunk); err != nil || string(chunk) != "4\r\nping\r\n" {
						t.Errorf("the origin got %q, %v", chunk, err)
						return
					}
					io.WriteString(c, "4\r\npong\r\n")
				}
				headOctets(c.in) // the last chunk
				io.WriteString(c, "0\r\n\r\n")
			})
			c := w.reach(t, p, o.Addr)
			c.send(w.spell("POST {T}/x HTTP/1.1\r\nHost: {H}\r\nContent-Type: application/connect+proto\r\nTransfer-Encoding: chunked\r\n\r\n", o.Addr))
			if _, head := c.head(); head != chunkedHead {
				t.Fatalf("head %q", head)
			}
			for i := range 10 {
				c.send("4\r\nping\r\n")
				got := make([]byte, len("4\r\npong\r\n"))
				if _, err := io.ReadFull(c.in, got); err != nil || string(got) != "4\r\npong\r\n" {
					t.Fatalf("answer %d: %q, %v", i, got, err)
				}
			}
			c.send("0\r\n\r\n")
			if rest, err := headOctets(c.in); err != nil || rest != "0\r\n"+"\r\n" {
				t.Errorf("the end came as %q, %v", rest, err)
			}
			c.conn.Close()
			if f := p.told(1, to(o.Addr))[0]; f.Outcome.Text != "completed" || f.RequestBody.Recorded != 40 || f.ResponseBody.Recorded != 40 {
				t.Errorf("recorded as %+v %+v %+v", f.RequestBody, f.ResponseBody, f.Outcome)
			}
		})
	}
}

// Interim responses arrive while the final one is not there yet.
func TestCasesInterimAtOnce(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			took := make(chan struct{})
			o := newRawOrigin(t, p, w.secured, func(c *peer) {
				if _, err := headOctets(c.in); err != nil {
					return
				}
				for _, status := range []string{"103 Early Hints", "102 Processing", "103 Early Hints"} {
					io.WriteString(c, "HTTP/1.1 "+status+"\r\nLink: </a>\r\n\r\n")
					if !await(took) {
						return
					}
				}
				io.WriteString(c, okResponse)
			})
			c := w.reach(t, p, o.Addr)
			c.send(w.spell("GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
			for _, want := range []int{103, 102, 103, 200} {
				status, head := c.head()
				if status != want {
					t.Fatalf("got %q, not %d", head, want)
				}
				if want < 200 {
					took <- struct{}{}
				}
			}
			c.conn.Close()
			if f := p.told(1, to(o.Addr))[0]; len(f.Interim) != 3 {
				t.Errorf("recorded with %+v", f.Interim)
			}
		})
	}
}

// An expectation is the origin's to answer; where it says nothing, the body
// goes without its leave.
func TestCasesExpectContinue(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	const head = "POST {T}/x HTTP/1.1\r\nHost: {H}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
	for _, x := range []struct {
		name, first string
		takes       bool // the origin reads the body and answers then
		want        []int
	}{
		{"the origin says go on", "HTTP/1.1 100 Continue\r\n\r\n", true, []int{100, 200}},
		{"the origin refuses the expectation", "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\n\r\n", false, []int{417}},
		{"the origin has its answer already", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", false, []int{401}},
		{"the origin says nothing", "", true, []int{100, 200}},
	} {
		for _, w := range ways {
			t.Run(x.name+" "+w.name, func(t *testing.T) {
				t.Parallel()
				o := newRawOrigin(t, p, w.secured, func(c *peer) {
					got, err := headOctets(c.in)
					if err != nil || !strings.Contains(got, "\r\nExpect: 100-continue\r\n") {
						t.Errorf("the origin got %q, %v", got, err)
						return
					}
					io.WriteString(c, x.first)
					if x.takes {
						body := make([]byte, 5)
						if _, err := io.ReadFull(c.in, body); err != nil || string(body) != "hello" {
							t.Errorf("the origin got the body %q, %v", body, err)
						}
						io.WriteString(c, okResponse)
					}
				})
				c := w.reach(t, p, o.Addr)
				c.conn.SetDeadline(time.Now().Add(patience))
				c.send(w.spell(head, o.Addr))
				for _, want := range x.want {
					status, head := c.head()
					if status != want {
						t.Fatalf("got %q, not %d", head, want)
					}
					if status == 100 {
						c.send("hello")
					}
				}
				c.conn.Close()
			})
		}
	}
}

// What is held and what streams is decided for each direction.
func TestCasesDirectionsApart(t *testing.T) {
	t.Parallel()
	p := startCases(t, "-s", script(t, `
function request(flow) { flow.request.text = flow.request.text.toUpperCase(); }
function responseheaders(flow) { flow.response.stream = true; }
`))
	o := newWitness(t, p, false)
	c := dial(t, p)
	c.send(ways[0].spell(post("Content-Length: 5\r\nConnection: close", "hello"), o.Addr))
	if status, head := c.head(); status != 200 {
		t.Fatalf("head %q", head)
	}
	c.conn.Close()
	f := p.told(1, to(o.Addr))[0]
	if f.RequestBody.Disposition != "hold" || f.ResponseBody.Disposition != "pass" || o.messages[0].Body != "HELLO" {
		t.Errorf("%+v %+v %+v", f.RequestBody, f.ResponseBody, o.messages)
	}
}

// A body above body_size_limit is refused where its length is known, and cut
// where it is not.
func TestCasesBodySizeLimit(t *testing.T) {
	t.Parallel()
	p := startCases(t, "--set", "body_size_limit=10")
	for _, w := range ways {
		for _, x := range []struct {
			name, request, out string
			status             int
			broken             bool
		}{
			{"request that says so", post("Content-Length: 11", "hello world"), okResponse, 413, false},
			{"request of the limit", post("Content-Length: 10", "0123456789"), okResponse, 200, false},
			{"response that says so", get1("X: y"), "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", 502, false},
			{"response of the limit", get1("X: y"), "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", 200, false},
			{"response that grows", get1("X: y"), chunks("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"), 200, true},
			{"answer to HEAD, which has no body", "HEAD {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 200, false},
		} {
			t.Run(x.name+" "+w.name, func(t *testing.T) {
				r := responseCase{out: x.out}
				o := newRawOrigin(t, p, w.secured, r.serve)
				c := w.reach(t, p, o.Addr)
				c.send(w.spell(x.request, o.Addr))
				status, head := c.head()
				method, _, _ := strings.Cut(x.request, " ")
				_, _, err := c.body(method, head)
				if status != x.status || (err != nil) != x.broken {
					t.Errorf("the client got %q, %v", head, err)
				}
				c.conn.Close()
			})
		}
	}
}

// A hook that waits holds its own flow and no other.
func TestCasesWaitingHook(t *testing.T) {
	t.Parallel()
	p := startCases(t, "-s", script(t, `
let release;
const released = new Promise((ok) => { release = ok; });
async function request(flow) {
  if (flow.request.path === "/wait") await released;
  if (flow.request.path === "/release") release();
}
`))
	o := newWitness(t, p, false)
	waiting := dial(t, p)
	waiting.conn.SetDeadline(time.Now().Add(patience))
	waiting.send(ways[0].spell("GET {T}/wait HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
	c := dial(t, p)
	c.conn.SetDeadline(time.Now().Add(patience))
	for i := range 50 {
		path := "/x"
		if i == 49 {
			path = "/release"
		}
		c.send(ways[0].spell("GET {T}"+path+" HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
		status, head := c.head()
		if content, _, err := c.body("GET", head); status != 200 || content != "ok" || err != nil {
			t.Fatalf("request %d: %q %v", i, head, err)
		}
	}
	if status, head := waiting.head(); status != 200 {
		t.Errorf("the one that waited: %q", head)
	}
	waiting.conn.Close()
	c.conn.Close()
}

// A client that leaves a stream is not a fault of the server, and the flow says
// after how many octets it left.
func TestCasesLeavingAStream(t *testing.T) {
	t.Parallel()
	p := startCases(t)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			left := make(chan error, 1)
			o := newRawOrigin(t, p, w.secured, func(c *peer) {
				if _, err := headOctets(c.in); err != nil {
					return
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
				_, err := c.in.ReadByte()
				left <- err
			})
			c := w.reach(t, p, o.Addr)
			c.send(w.spell("GET {T}/x HTTP/1.1\r\nHost: {H}\r\n\r\n", o.Addr))
			c.head()
			io.ReadFull(c.in, make([]byte, len("9\r\ndata: 1\n\n\r\n")))
			c.conn.Close()
			select {
			case err := <-left:
				if t, ok := err.(net.Error); ok && t.Timeout() {
					o.t.Errorf("the origin was not told: %v", err)
				}
			case <-time.After(patience):
				t.Fatal("the origin was not told")
			}
			if f := p.told(1, to(o.Addr))[0]; f.Outcome.Text != "client left after 9 bytes" || f.ResponseBody.Recorded != 9 {
				t.Errorf("the outcome is %+v, %+v", f.Outcome, f.ResponseBody)
			}
		})
	}
}
