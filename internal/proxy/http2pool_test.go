package proxy

//lint:file-ignore SA1019 the counterparts of these tests are x/net's own client and server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"midstream/flow"
	"midstream/hook"
)

// streamsOn answers with a head and one octet, and then with nothing until the client
// leaves.
func streamsOn(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, "x")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

// Endless streams do not stop another one: more connections are made when, and only
// when, the server's limit is reached.
func TestEndlessStreamsDoNotBlockTheNext(t *testing.T) {
	for _, c := range []struct {
		limit, streams, conns int // limit 0 is a server of HTTP/1.1
	}{{100, 7, 1}, {7, 7, 1}, {6, 7, 2}, {2, 7, 4}, {0, 7, 7}} {
		t.Run(fmt.Sprintf("%d of %d", c.streams, c.limit), func(t *testing.T) {
			var mu sync.Mutex
			conns := make(map[string]int)
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				conns[r.RemoteAddr]++
				mu.Unlock()
				streamsOn(w, r)
			})
			var port uint16
			if c.limit == 0 {
				port = h2Origin(t, false, handler)
			} else {
				port = rawOrigin(t, func(nc net.Conn) {
					cfg := originTLS()
					cfg.NextProtos = []string{h2}
					if s := tls.Server(nc, cfg); s.Handshake() == nil {
						(&xhttp2.Server{MaxConcurrentStreams: uint32(c.limit)}).ServeConn(s, &xhttp2.ServeConnOpts{Handler: handler})
					}
				})
			}
			r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
			rt, _ := r.inside(local(port), h2)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for i := range c.streams {
				req, _ := http.NewRequestWithContext(ctx, "GET", "https://"+local(port)+"/", nil)
				resp, err := rt.RoundTrip(req)
				if err != nil {
					t.Fatalf("stream %d: %v", i, err)
				}
				defer resp.Body.Close()
				if _, err := resp.Body.Read(make([]byte, 1)); err != nil || resp.StatusCode != 200 {
					t.Fatalf("stream %d: %d, %v", i, resp.StatusCode, err)
				}
			}
			mu.Lock()
			defer mu.Unlock()
			if len(conns) != c.conns {
				t.Errorf("%d connections, want %d: %v", len(conns), c.conns, conns)
			}
			for _, n := range conns {
				if c.limit > 0 && n > c.limit {
					t.Errorf("%d streams on a connection for %d", n, c.limit)
				}
			}
		})
	}
}

// wantsWhole is a hook for which request bodies are held.
type wantsWhole struct{}

func (wantsWhole) Request(context.Context, *hook.Exchange) error { return nil }

// What an HTTP/2 server says that it has not processed is sent again, on another
// connection, where the body is absent, at hand, or not begun.
func TestWhatAServerDidNotProcessIsSentAgain(t *testing.T) {
	type signal struct {
		name string
		say  func(fr *xhttp2.Framer, id uint32)
		not  bool // it was, or may have been, processed
	}
	signals := []signal{
		{name: "REFUSED_STREAM", say: func(fr *xhttp2.Framer, id uint32) { fr.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream) }},
		{name: "GOAWAY below it", say: func(fr *xhttp2.Framer, id uint32) { fr.WriteGoAway(id-1, xhttp2.ErrCodeNo, nil) }},
		{name: "GOAWAY below it, with an error", say: func(fr *xhttp2.Framer, id uint32) { fr.WriteGoAway(0, xhttp2.ErrCodeEnhanceYourCalm, []byte("calm")) }},
		{name: "CANCEL", not: true, say: func(fr *xhttp2.Framer, id uint32) { fr.WriteRSTStream(id, xhttp2.ErrCodeCancel) }},
		{name: "INTERNAL_ERROR", not: true, say: func(fr *xhttp2.Framer, id uint32) { fr.WriteRSTStream(id, xhttp2.ErrCodeInternal) }},
		{name: "GOAWAY above it, then an end", not: true, say: func(fr *xhttp2.Framer, id uint32) {
			fr.WriteGoAway(id, xhttp2.ErrCodeNo, nil)
			fr.WriteRSTStream(id, xhttp2.ErrCodeInternal)
		}},
		{name: "REFUSED_STREAM behind an interim response", not: true, say: func(fr *xhttp2.Framer, id uint32) {
			fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: id, BlockFragment: []byte{0x08, 3, '1', '0', '3'}, EndHeaders: true})
			fr.WriteRSTStream(id, xhttp2.ErrCodeRefusedStream)
		}},
	}
	type upload struct {
		name         string
		none         bool
		hold         bool
		first        bool // its first octets reach the server before that says anything
		cannotRepeat bool
	}
	uploads := []upload{
		{name: "no body", none: true},
		{name: "held", hold: true},
		{name: "not begun"},
		{name: "begun", first: true, cannotRepeat: true},
	}
	for _, s := range signals {
		for _, u := range uploads {
			t.Run(s.name+", "+u.name, func(t *testing.T) {
				again := make(chan struct{})
				port := frameOrigin(t, func(fr *xhttp2.Framer, nth int) {
					h := nextHead(fr)
					if h == nil {
						return
					}
					body, end := "", h.StreamEnded()
					read := func(whole bool) {
						for !end && (whole || body == "") {
							f, err := fr.ReadFrame()
							if err != nil {
								return
							}
							if d, ok := f.(*xhttp2.DataFrame); ok {
								body, end = body+string(d.Data()), d.StreamEnded()
							}
						}
					}
					if nth == 0 {
						if u.first {
							read(false)
						}
						s.say(fr, h.StreamID)
						return
					}
					close(again)
					read(true)
					fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: h.StreamID, BlockFragment: []byte{0x88}, EndHeaders: true}) // 200
					fr.WriteData(h.StreamID, true, []byte("got "+body))
				})
				r := newRig(t, func(cfg *Config) {
					cfg.HTTP2 = true
					if u.hold {
						cfg.Hooks = addons(t, wantsWhole{})
					}
				})
				rt, _ := r.inside(local(port), h2)
				var content io.Reader
				pr, pw := io.Pipe()
				defer pw.Close()
				if !u.none {
					content = pr
				}
				if u.hold || u.first {
					go func() {
						io.WriteString(pw, "upload")
						if u.hold {
							pw.Close()
						}
					}()
				} else {
					go func() {
						select {
						case <-again:
						case <-t.Context().Done():
						}
						io.WriteString(pw, "upload")
						pw.Close()
					}()
				}
				req, _ := http.NewRequest("POST", "https://"+local(port)+"/", content)
				resp, err := rt.RoundTrip(req)
				want := "got upload"
				if u.none {
					want = "got "
				}
				if s.not || u.cannotRepeat {
					pw.CloseWithError(errors.New("over"))
					if err == nil {
						b, _ := io.ReadAll(resp.Body)
						resp.Body.Close()
						if resp.StatusCode != 502 {
							t.Errorf("%d %q", resp.StatusCode, b)
						}
						if u.cannotRepeat && !s.not && !strings.Contains(string(b), "a part of its body had been sent") {
							t.Errorf("%q does not say why", b)
						}
					}
					if f := r.flows.wait(t, 1)[0]; len(f.Tries) != 1 {
						t.Errorf("tries %+v", f.Tries)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				f := r.flows.wait(t, 1)[0]
				if resp.StatusCode != 200 || string(b) != want || err != nil || len(f.Tries) != 2 || f.Tries[0].Error == "" || f.Outcome.Kind != flow.Completed {
					t.Errorf("%d %q, %v, tries %+v, %v", resp.StatusCode, b, err, f.Tries, f.Outcome)
				}
			})
		}
	}
}
