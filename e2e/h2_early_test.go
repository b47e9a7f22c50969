package e2e

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// h2Through is a connection of HTTP/2 through a tunnel to the origin at base, frame
// by frame, and the origin's authority.
func h2Through(t *testing.T, p *proxy, base string) (f *frames, authority string) {
	t.Helper()
	authority = strings.TrimPrefix(base, "https://")
	config := trusting(t, p.CA)
	config.ServerName, config.NextProtos = "localhost", []string{"h2"}
	conn := tls.Client(tunnel(t, p, authority), config)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	io.WriteString(conn, http2.ClientPreface)
	f = newFrames(conn)
	f.WriteSettings()
	return f, authority
}

// A response that is whole before its request has ended is whole: a client that then
// resets its stream has not left, whether there was a body or only a head, and
// whatever the server said behind it. Other streams go on.
func TestHTTP2EarlyResponses(t *testing.T) {
	t.Parallel()
	answers := map[string]func(f *frames, id uint32){
		"/head": func(f *frames, id uint32) {
			f.head(id, true, ":status", "200", "content-type", "application/grpc", "grpc-status", "12")
		},
		"/length": func(f *frames, id uint32) {
			f.head(id, false, ":status", "413", "content-length", "3")
			f.WriteData(id, true, []byte("big"))
		},
		"/data": func(f *frames, id uint32) {
			f.head(id, false, ":status", "413")
			f.WriteData(id, false, []byte("too "))
			f.WriteData(id, true, []byte("big"))
		},
		"/trailers": func(f *frames, id uint32) {
			f.head(id, false, ":status", "200", "content-type", "application/grpc")
			f.WriteData(id, false, []byte("\x00\x00\x00\x00\x02ok"))
			f.head(id, true, "grpc-status", "8")
		},
	}
	for _, two := range []bool{true, false} {
		t.Run(fmt.Sprint("to HTTP/2 ", two), func(t *testing.T) {
			t.Parallel()
			p := start(t, "--set", "connection_strategy=lazy")
			var base string
			if two {
				base = newFrameOrigin(t, p, func(f *frames) {
					for {
						frame, err := f.next()
						if err != nil {
							return
						}
						if r, ok := frame.(*http2.MetaHeadersFrame); ok {
							path := r.PseudoValue("path")
							answers["/"+strings.Split(path, "/")[1]](f, r.StreamID)
							if strings.HasSuffix(path, "RESET") {
								f.WriteRSTStream(r.StreamID, http2.ErrCodeNo)
							}
						}
					}
				})
			} else {
				base = h2Server(t, onlyHTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					http.NewResponseController(w).EnableFullDuplex()
					switch {
					case strings.HasPrefix(r.URL.Path, "/head"):
						w.Header().Set("Content-Length", "0")
					case strings.HasPrefix(r.URL.Path, "/length"):
						w.Header().Set("Content-Length", "3")
						io.WriteString(w, "big")
					default:
						io.WriteString(w, "too ")
						w.(http.Flusher).Flush()
						io.WriteString(w, "big")
					}
				}))
			}
			f, authority := h2Through(t, p, base)
			id := uint32(1)
			asked := 0
			for path := range answers {
				for _, code := range []http2.ErrCode{http2.ErrCodeNo, http2.ErrCodeCancel} {
					for _, with := range []string{"nothing", "data", "RESET"} {
						f.head(id, false, ":method", "POST", ":scheme", "https", ":authority", authority, ":path", fmt.Sprintf("%s/%v/%s", path, code, with))
						if with == "data" {
							f.WriteData(id, false, []byte("a part"))
						}
						for over := false; !over; {
							frame, err := f.next()
							if err != nil {
								t.Fatalf("%s: %v", path, err)
							}
							if frame.Header().StreamID != id {
								continue // what came behind an end
							}
							if _, reset := frame.(*http2.RSTStreamFrame); reset {
								t.Fatalf("%s was reset before its end: %v", path, frame)
							}
							over = frame.Header().Flags.Has(http2.FlagDataEndStream)
						}
						f.WriteRSTStream(id, code)
						id += 2
						asked++
					}
				}
			}
			s := p.recorded()
			if len(s.flows) != asked {
				t.Errorf("%d flows of %d", len(s.flows), asked)
			}
			for _, r := range s.flows {
				r.completed()
			}
		})
	}
}
