package http2

import (
	"fmt"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// The last piece of a body and its end are one frame where they come together: no
// empty DATA is sent behind it. A piece that is let go, has trailers behind it or has
// no credit leaves as it always does.
func TestTheEndLeavesWithTheLastFrame(t *testing.T) {
	piece := func(n int) []byte { return []byte(strings.Repeat("x", n)) }
	for _, c := range []struct {
		name   string
		window uint32
		length int64 // -1 for unknown
		send   func(s *sink)
		want   string
	}{
		{"one piece", 65535, 5, func(s *sink) { s.WriteLast(piece(5)); s.Close(nil) }, "DATA 5 END"},
		{"of unknown length", 65535, -1, func(s *sink) { s.WriteLast(piece(5)); s.Close(nil) }, "DATA 5 END"},
		{"behind others", 65535, 12, func(s *sink) { s.Write(piece(4)); s.WriteMore(piece(3)); s.WriteLast(piece(5)); s.Close(nil) }, "DATA 4, DATA 3, DATA 5 END"},
		{"a large one", 65535, 40 << 10, func(s *sink) { s.WriteLast(piece(40 << 10)); s.Close(nil) }, "DATA 16384, DATA 8192, DATA 16384 END"},
		{"trailers", 65535, 5, func(s *sink) { s.WriteLast(piece(5)); s.Close(flow.Fields{{Name: "a", Value: "b"}}) }, "DATA 5, HEADERS END"},
		{"let go", 65535, 5, func(s *sink) { s.WriteLast(piece(5)); s.Write(nil); s.Close(nil) }, "DATA 5, DATA 0 END"},
		{"another behind it", 65535, -1, func(s *sink) { s.WriteLast(piece(5)); s.WriteLast(piece(6)); s.Close(nil) }, "DATA 5, DATA 6, DATA 0 END"},
		{"broken", 65535, 9, func(s *sink) { s.WriteLast(piece(5)); s.Abort(nil) }, "DATA 5, RST_STREAM"},
		{"short", 65535, 9, func(s *sink) { s.WriteLast(piece(5)); s.Close(nil) }, "DATA 5, RST_STREAM"},
		{"no credit for all", 3, 5, func(s *sink) { s.WriteLast(piece(5)); s.Close(nil) }, "DATA 3, credit, DATA 2 END"},
		{"no credit at all", 5, 8, func(s *sink) { s.Write(piece(5)); s.WriteLast(piece(3)); s.Close(nil) }, "DATA 5, credit, DATA 3 END"},
		{"no credit, trailers", 3, 5, func(s *sink) { s.WriteLast(piece(5)); s.Close(flow.Fields{{Name: "a", Value: "b"}}) }, "DATA 3, credit, DATA 2, HEADERS END"},
		{"nothing", 65535, 0, func(s *sink) { s.WriteLast(nil); s.Close(nil) }, "DATA 0 END"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc, srv, _ := serve(t, ServerConfig{}, func(st *Stream) {
				f := flow.Framing{Kind: flow.ByLength, Length: c.length}
				if c.length < 0 {
					f = flow.Framing{Kind: flow.Chunked}
				}
				out, err := st.RespondMore(&flow.Response{Status: 200}, f)
				if err != nil {
					t.Error(err)
					return
				}
				c.send(out.(*sink))
			})
			p := newPeer(t, nc).client(h2.Setting{ID: h2.SettingInitialWindowSize, Val: c.window})
			p.get(1)
			p.headers(1)
			var got []string
			sum := 0
			for over := false; !over; {
				switch f := p.await(func(f h2.Frame) bool { return f.Header().StreamID == 1 }).(type) {
				case *h2.DataFrame:
					got, over = append(got, fmt.Sprint("DATA ", len(f.Data()))), f.StreamEnded()
					if sum += len(f.Data()); sum == int(c.window) {
						got = append(got, "credit")
						p.fr.WriteWindowUpdate(1, 100)
					}
				case *h2.HeadersFrame:
					got, over = append(got, "HEADERS"), f.StreamEnded()
				case *h2.RSTStreamFrame:
					got = append(got, "RST_STREAM")
					if g := strings.Join(got, ", "); g != c.want {
						t.Errorf("%s, want %s", g, c.want)
					}
					return
				default:
					t.Fatalf("%v, then the connection ended", got)
				}
			}
			if g := strings.Join(got, ", ") + " END"; g != c.want {
				t.Errorf("%s, want %s", g, c.want)
			}
			srv.mu.Lock()
			defer srv.mu.Unlock()
			if want := sendWindow(protocolWindow - sum); srv.toSend != want {
				t.Errorf("the connection's window is %d, want %d", srv.toSend, want)
			}
		})
	}
}

// Credit of the connection that was taken for octets which are not sent, because
// their stream was given up meanwhile, is not lost for the others.
func TestCreditOfStreamsThatAreGivenUpIsKept(t *testing.T) {
	done := make(chan struct{})
	nc, srv, _ := serve(t, ServerConfig{}, func(st *Stream) {
		defer close(done)
		if _, err := st.Respond(&flow.Response{Status: 200}, flow.Framing{Kind: flow.Chunked}); err != nil {
			t.Error(err)
			return
		}
		n, err := st.stream.reserve(10000)
		if n != 10000 || err != nil {
			t.Errorf("credit for %d, %v", n, err)
		}
		st.stream.reset(h2.ErrCodeCancel, errHandlerDone)
		if err := st.stream.send(make([]byte, n), false, now); err == nil {
			t.Error("DATA follows the reset")
		}
	})
	p := newPeer(t, nc).client()
	p.get(1)
	<-done
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.toSend != protocolWindow {
		t.Errorf("the connection's window is %d, want %d", srv.toSend, protocolWindow)
	}
}
