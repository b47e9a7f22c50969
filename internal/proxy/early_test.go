package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// TestEarlyResponseToAClientThatKeepsSending: the answer comes while the upload
// runs, and nobody wants the rest of it, which is far more than is read away. The
// client gets the answer and not a reset: all of it where it reads beside its
// writing, and what its system takes unread where it reads behind it.
func TestEarlyResponseToAClientThatKeepsSending(t *testing.T) {
	const (
		little = 4 << 10
		much   = 200 << 10 // more than a system takes for one who does not read
	)
	refusal := func(n int) string {
		return fmt.Sprintf("HTTP/1.1 413 Content Too Large\r\nContent-Length: %d\r\n\r\n%s", n, strings.Repeat("x", n))
	}
	// The abrupt server closes with the upload unread, and so resets; the gentle
	// one leaves its answer the time to arrive.
	abrupt := func(c net.Conn, _ <-chan struct{}) {
		readHead(bufio.NewReader(c))
		io.WriteString(c, refusal(little))
	}
	gentle := func(c net.Conn, arrived <-chan struct{}) {
		readHead(bufio.NewReader(c))
		io.WriteString(c, refusal(much))
		c.(*net.TCPConn).CloseWrite()
		io.CopyN(io.Discard, c, 300<<10)
		<-arrived
	}
	var all sync.WaitGroup
	defer all.Wait()
	for _, c := range []struct {
		name  string
		serve func(c net.Conn, arrived <-chan struct{}) // nil where a hook answers
		page  int
		read  string
	}{
		{"from an abrupt server", abrupt, little, "beside"},
		{"from an abrupt server", abrupt, little, "behind"},
		{"from a gentle server", gentle, much, "beside"},
		{"from a hook", nil, much, "beside"},
		{"from a hook", nil, little, "behind"},
	} {
		for framing, size := range map[string]int64{"length": 1 << 20, "chunked": 64 << 20} {
			// All at once: each may wait for its client for two seconds.
			all.Go(func() {
				t.Run(fmt.Sprint(c.name, ", ", size>>20, " MiB ", framing, ", read ", c.read), func(t *testing.T) {
					arrived := make(chan struct{})
					set, port := addons(t, answering{c.page}), uint16(1)
					if c.serve != nil {
						set, port = nil, rawOrigin(t, func(nc net.Conn) { c.serve(nc, arrived) })
					}
					r := newRig(t, func(cfg *Config) { cfg.Hooks = set })
					p := r.dial()
					fields := fmt.Sprintf("Content-Length: %d", size)
					if framing == "chunked" {
						fields = "Transfer-Encoding: chunked"
					}
					p.send("POST http://%s/up HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n", local(port), fields)
					wrote := make(chan struct{})
					go func() {
						defer close(wrote)
						piece := strings.Repeat("u", 64<<10)
						if framing == "chunked" {
							piece = fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece)
						}
						for n := int64(0); n < size; n += 64 << 10 {
							if _, err := io.WriteString(p, piece); err != nil {
								return // nobody reads any more
							}
						}
					}()
					if c.read == "behind" {
						<-wrote
					}
					resp, err := http.ReadResponse(p.r, nil)
					if err != nil {
						t.Fatal(err)
					}
					b, err := io.ReadAll(resp.Body)
					close(arrived)
					if err != nil || resp.StatusCode != 413 || len(b) != c.page {
						t.Errorf("%d, %d octets, %v", resp.StatusCode, len(b), err)
					}
					p.Close()
					<-wrote
					f := r.flows.wait(t, 1)[0]
					if f.ResponseBody.Sent != int64(c.page) || !f.ResponseBody.Ended || f.Response.Status != 413 {
						t.Errorf("%+v %+v", f.Outcome, f.ResponseBody)
					}
					// It has left with a part of its request unsent, or all was read away.
					if k := f.Outcome.Kind; k != flow.Completed && k != flow.ClientLeft {
						t.Errorf("%+v", f.Outcome)
					}
				})
			})
		}
	}
}

// answering answers in the head hook with a page of that size.
type answering struct{ page int }

func (a answering) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	x.Response = hook.MakeResponse(413, nil, make([]byte, a.page))
	return nil
}
