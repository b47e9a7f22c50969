package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"midstream/hook"
)

// holding wants the whole of requests.
type holding struct{}

func (holding) Request(context.Context, *hook.Exchange) error { return nil }

// The first request of a client of HTTP/1.1 to a server of HTTP/2 alone may have a
// body. It is sent again in HTTP/2: where it is at hand, has not begun, or has gone,
// for a small one is kept until the server is known. The next one is sent in HTTP/2
// at once.
func TestAFirstBodyToAServerOfHTTP2Alone(t *testing.T) {
	for _, o := range onlyHTTP2 {
		for _, c := range []struct {
			name   string
			head   string // behind the target
			body   string
			addons []any
		}{
			{"held, by length", "Content-Length: 3\r\n", "abc", []any{holding{}}},
			{"held, in chunks", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n", []any{holding{}}},
			{"none of its octets", "Content-Length: 0\r\n", "", nil},
			{"as it comes", "Content-Length: 3\r\n", "abc", nil},
			{"as it comes, in chunks", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n", nil},
		} {
			t.Run(o.name+", "+c.name, func(t *testing.T) {
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					b, _ := io.ReadAll(r.Body)
					fmt.Fprintf(w, "%s %s %q", r.Proto, r.Method, b)
				})
				port := rawOrigin(t, func(nc net.Conn) { o.serve(nc, handler) })
				r := newRig(t, func(cfg *Config) {
					cfg.HTTP2, cfg.Strategy = true, Lazy
					if c.addons != nil {
						cfg.Hooks = addons(t, c.addons...)
					}
				})
				p := r.dial()
				target := "/x"
				if o.plain {
					target = "http://" + local(port) + "/x"
				} else {
					p.connect(local(port))
					p = p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{http11}})
				}
				content := ""
				if c.body != "" {
					content = "abc"
				}
				want := fmt.Sprintf("HTTP/2.0 PUT %q", content)
				for try := range 2 {
					p.send("PUT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", target, local(port), c.head, c.body)
					resp, err := http.ReadResponse(p.r, nil)
					if err != nil {
						t.Fatalf("request %d: %v", try, err)
					}
					b, _ := io.ReadAll(resp.Body)
					status, got := resp.StatusCode, string(b)
					if status != 200 || got != want {
						t.Fatalf("request %d: %d %q, want %q", try, status, got, want)
					}
					if resp.Close {
						p.Close()
						p = r.dial()
						if !o.plain {
							p.connect(local(port))
							p = p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{http11}})
						}
					}
				}
			})
		}
	}
}
