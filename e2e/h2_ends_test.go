package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"golang.org/x/net/http2"
)

// A bodyEnd is how an origin, or a client, sends the last of a body together with its
// end.
type bodyEnd struct {
	name string
	two  bool // over HTTP/2
	pad  int  // octets of padding of each frame
	// chunk is the size of the last chunk over HTTP/1.1, 0 for a body by length.
	chunk int
}

var bodyEnds = []bodyEnd{
	{"HTTP2", true, 0, 0}, {"padded", true, 200, 0}, {"length", false, 0, 0}, {"chunked", false, 0, 100},
}

// sendData sends content in frames as large as may be, the end on the last one.
func sendData(f *frames, id uint32, content string, pad int) {
	for {
		n := min(len(content), 16384-pad-min(pad, 1))
		last := n == len(content)
		if pad > 0 {
			f.WriteDataPadded(id, last, []byte(content[:n]), make([]byte, pad))
		} else {
			f.WriteData(id, last, []byte(content[:n]))
		}
		if content = content[n:]; last {
			return
		}
	}
}

// endsOrigin serves /SIZE with that many octets, and gives an upload little credit; it
// notes frames without octets.
func endsOrigin(t *testing.T, p *proxy, e bodyEnd, uploads *arrivals) string {
	if !e.two {
		return "https://localhost:" + port(newRawOrigin(t, p, true, func(c *peer) {
			for {
				r, err := http.ReadRequest(c.in)
				if err != nil {
					return
				}
				size, _ := strconv.Atoi(r.URL.Path[1:])
				content := fill(size, "0123456789")
				if e.chunk == 0 {
					fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, content)
					continue
				}
				io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
				rest := min(size, e.chunk)
				if size > rest {
					fmt.Fprintf(c, "%x\r\n%s\r\n", size-rest, content[:size-rest])
				}
				fmt.Fprintf(c, "%x\r\n%s\r\n0\r\n\r\n", rest, content[size-rest:])
			}
		}).Addr)
	}
	return newFrameOrigin(t, p, func(f *frames) {
		f.WriteWindowUpdate(0, 1<<30)
		size := map[uint32]int{}
		for {
			frame, err := f.next()
			if err != nil {
				return
			}
			id := frame.Header().StreamID
			switch x := frame.(type) {
			case *http2.MetaHeadersFrame:
				n, _ := strconv.Atoi(x.PseudoValue("path")[1:])
				if x.PseudoValue("method") == "POST" {
					f.WriteWindowUpdate(id, 1000) // not much
					continue
				}
				f.head(id, false, ":status", "200")
				sendData(f, id, fill(n, "0123456789"), e.pad)
			case *http2.DataFrame:
				size[id] += len(x.Data())
				f.WriteWindowUpdate(id, 7000)
				if len(x.Data()) == 0 {
					uploads.add("an empty frame behind %d", size[id])
				}
				if x.StreamEnded() {
					f.head(id, true, ":status", "204", "x-size", strconv.Itoa(size[id]))
				}
			}
		}
	})
}

// The end of a body is put on its last DATA frame where both come together, from a
// server of either version and towards one, whatever the sizes are and however little
// credit there is: no empty frame is invented.
func TestHTTP2EndsWithTheLastFrame(t *testing.T) {
	t.Parallel()
	sizes := []int{1, 15, 100, 16183, 16184, 16284, 16383, 16384, 16385, 32768, 36864, 49152, 65535, 65536, 131072, 131073, 262144}
	for _, e := range bodyEnds {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, "--set", "connection_strategy=lazy")
			uploads := &arrivals{}
			base := endsOrigin(t, p, e, uploads)
			for _, tight := range []bool{false, true} {
				f, authority := h2Through(t, p, base)
				f.WriteWindowUpdate(0, 1<<30)
				window, more := uint32(1<<20), uint32(0)
				if tight {
					window, more = 1000, 7000
				}
				f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
				id := uint32(1)
				for _, size := range sizes {
					if e.two && size > 60000 {
						continue // the origin minds no window
					}
					f.head(id, true, ":method", "GET", ":scheme", "https", ":authority", authority, ":path", fmt.Sprint("/", size))
					got := 0
					for over := false; !over; {
						frame, err := f.next()
						if err != nil {
							t.Fatal(err)
						}
						switch x := frame.(type) {
						case *http2.DataFrame:
							if over = x.StreamEnded(); len(x.Data()) == 0 {
								t.Errorf("%d octets, tight %v: an empty frame behind %d", size, tight, got)
							}
							got += len(x.Data())
							if more > 0 && !over {
								f.WriteWindowUpdate(id, more)
							}
						case *http2.RSTStreamFrame:
							t.Fatal(x)
						}
					}
					if got != size {
						t.Errorf("%d octets of %d", got, size)
					}
					id += 2
					if !e.two {
						continue
					}
					f.head(id, false, ":method", "POST", ":scheme", "https", ":authority", authority, ":path", "/up")
					sendData(f, id, fill(size, "0123456789"), e.pad)
					frame, err := f.next()
					if answer, ok := frame.(*http2.MetaHeadersFrame); !ok || answer.PseudoValue("status") != "204" {
						t.Fatalf("an upload of %d: %v, %v", size, frame, err)
					}
					id += 2
				}
			}
			uploads.mu.Lock()
			defer uploads.mu.Unlock()
			for _, line := range uploads.lines {
				t.Error("uploads: " + line)
			}
		})
	}
}
