package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// contested are octets that parsers disagree about.
var contested = []string{" ", "\t", "\r", "\n", "\r\n", "\r\n\r\n", "\x00", "\v", "\f", "\x7f", "\x80", "\xa0", "\xff", ":", ",", ";", "=", "\"", "\\", "0", "1", "5", "f", "-", "+", "_", "x", "chunked", "Transfer-Encoding: chunked\r\n", "Content-Length: 3\r\n", "Host: x\r\n", "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"}

// mutate changes a message in one to three places.
func mutate(r *rand.Rand, s string) string {
	for range 1 + r.IntN(3) {
		at := r.IntN(len(s))
		piece := contested[r.IntN(len(contested))]
		switch r.IntN(4) {
		case 0: // delete
			s = s[:at] + s[min(len(s), at+1+r.IntN(3)):]
		case 1: // replace
			s = s[:at] + piece + s[min(len(s), at+len(piece)):]
		case 2: // repeat
			end := min(len(s), at+1+r.IntN(30))
			s = s[:end] + s[at:]
		default:
			s = s[:at] + piece + s[at:]
		}
		if s == "" {
			return " "
		}
	}
	return s
}

// However a request is mangled: each message that the origin's parser sees is one
// that was recorded, with this method, this target and this much of a body.
func TestCasesMutations(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			o := newWitness(t, &proxy{t: t}, false)
			p := startCases(t, "--set", "http_profile="+profile, "--mode", "reverse:http://"+o.Addr)
			r := rand.New(rand.NewPCG(1, uint64(len(profile))))
			for i := range 600 {
				base := fmt.Sprintf("POST /n%d HTTP/1.1\r\nHost: x\r\nX-A: b\r\n", i)
				switch i % 4 {
				case 0:
					base += "Content-Length: 12\r\n\r\nhello, world"
				case 1:
					base += "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;a=b\r\n, world\r\n0\r\nX-T: y\r\n\r\n"
				case 2:
					base += "Transfer-Encoding: chunked\r\n\r\n" + "34\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\nA: bbbbbbbbbbbbb\r\n\r\n\r\n0\r\n\r\n"
				default:
					base = strings.Replace(base, "POST", "GET", 1) + "Connection: keep-alive, X-A\r\n\r\n"
				}
				sent := mutate(r, base) + "GET /end HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
				c := dial(t, p)
				c.send(sent)
				c.tcp.CloseWrite()
				io.Copy(io.Discard, c.in)
				c.conn.Close()
			}
			p.stop()
			o.received()
			if len(o.faults) > 0 {
				t.Errorf("the origin does not understand: %.2000q", o.faults)
			}
			recorded := make(map[string]int)
			for line := range strings.Lines(p.stdout.String()) {
				var f told
				if json.Unmarshal([]byte(line), &f) == nil && f.Kind == "http" {
					// JSON has U+FFFD for octets that are no UTF-8.
					path := strings.ReplaceAll(f.Request.Path, "\ufffd", "")
					recorded[fmt.Sprint(f.Request.Method, " ", path, " ", f.RequestBody.Sent)]++
				}
			}
			passed := 0
			for _, m := range o.messages {
				key := fmt.Sprint(m.Method, " ", strings.ToValidUTF8(m.Target, ""), " ", len(m.Body))
				if recorded[key]--; recorded[key] < 0 {
					t.Errorf("the origin understood %+v, which is not recorded", m)
				}
				if !slices.Contains([]string{"/end", "/smuggled"}, m.Target) {
					passed++
				}
			}
			if passed < 50 {
				t.Errorf("only %d of the mangled requests came through: that shows nothing", passed)
			}
		})
	}
}

// However a response is mangled: what the client's parser sees is what was
// recorded, and the next response on the connection is the next one.
func TestCasesMutatedResponses(t *testing.T) {
	t.Parallel()
	for _, profile := range profiles {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			var out atomic.Pointer[string]
			o := newRawOrigin(t, &proxy{t: t}, false, func(c *peer) {
				for {
					r, err := http.ReadRequest(c.in)
					if err != nil {
						return
					}
					if r.URL.Path == "/after" {
						io.WriteString(c, okResponse)
						continue
					}
					io.WriteString(c, *out.Load())
					return // and closes
				}
			})
			p := startCases(t, "--set", "http_profile="+profile, "--mode", "reverse:http://"+o.Addr)
			r := rand.New(rand.NewPCG(2, uint64(len(profile))))
			type seen struct {
				status int
				size   int64
				whole  bool
			}
			understood := make(map[string]seen)
			odd := 0
			for i := range 600 {
				text := [...]string{
					"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nX-A: b\r\n\r\nhello, world",
					"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n5\r\nhello\r\n7;a=b\r\n, world\r\n0\r\nX-T: y\r\n\r\n",
					"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil the end",
					"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello" + injected,
				}[i%4]
				text = mutate(r, text)
				out.Store(&text)
				c := dial(t, p)
				path := fmt.Sprintf("/n%d", i)
				c.send("GET " + path + " HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n")
				got, err := http.ReadResponse(c.in, nil)
				for err == nil && got.StatusCode/100 == 1 && got.StatusCode != 101 {
					got, err = http.ReadResponse(c.in, nil)
				}
				if err != nil && profile == "tolerant" && strings.Contains(err.Error(), "malformed MIME header line") {
					// Names that are no tokens, and control characters, pass as they came:
					// browsers take them, net/http does not.
					c.conn.Close()
					odd++
					continue
				}
				if err != nil {
					t.Fatalf("of %q, the client does not understand %v", text, err)
				}
				n, err := io.Copy(io.Discard, got.Body)
				understood[path] = seen{got.StatusCode, n, err == nil}
				if err == nil && !got.Close {
					c.send("GET /after HTTP/1.1\r\nHost: x\r\n\r\n")
					if status, head := c.head(); status != 200 {
						t.Errorf("behind %q, another request is answered with %q", text, head)
					} else if content, _, _ := c.body("GET", head); content != "ok" {
						t.Errorf("behind %q, another request is answered with %q", text, content)
					}
				}
				c.conn.Close()
			}
			p.stop()
			fine := 0
			for line := range strings.Lines(p.stdout.String()) {
				var f told
				if json.Unmarshal([]byte(line), &f) != nil || f.Kind != "http" || f.Request.Path == "/after" {
					continue
				}
				u, ok := understood[f.Request.Path]
				switch {
				case !ok && (f.has("field-name-odd") || f.has("field-control-character")):
					odd--
				case f.Response != nil && u.size == f.ResponseBody.Sent && !u.whole && (f.has("field-name-odd") || f.has("field-control-character")):
					// The same in its trailers.
				case f.Response == nil:
					if u.status != 502 {
						t.Errorf("%s: the client understood %+v, and recorded is %+v", f.Request.Path, u, f.Outcome)
					}
				case u.status != f.Response.Status || u.size != f.ResponseBody.Sent || u.whole != (f.Outcome.Text == "completed"):
					t.Errorf("%s: the client understood %+v, and recorded is %+v %+v %+v", f.Request.Path, u, f.Response, f.ResponseBody, f.Outcome)
				default:
					fine++
				}
			}
			if odd != 0 {
				t.Errorf("%d responses that the client does not understand lack their finding", odd)
			}
			if fine < 50 {
				t.Errorf("only %d of the mangled responses came through: that shows nothing", fine)
			}
		})
	}
}
