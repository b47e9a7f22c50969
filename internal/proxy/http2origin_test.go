package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"

	xhttp2 "golang.org/x/net/http2"

	"midstream/flow"
)

// frameOrigin offers HTTP/2, and serves its connections frame by frame, and those
// of HTTP/1.1 with a 200 that says what was asked.
func frameOrigin(t *testing.T, serve func(fr *xhttp2.Framer, nth int)) uint16 {
	var mu sync.Mutex
	n := 0
	return rawOrigin(t, func(c net.Conn) {
		cfg := originTLS()
		cfg.NextProtos = []string{h2, http11}
		s := tls.Server(c, cfg)
		if s.Handshake() != nil {
			return
		}
		mu.Lock()
		nth := n
		n++
		mu.Unlock()
		if s.ConnectionState().NegotiatedProtocol != h2 {
			req, err := http.ReadRequest(bufio.NewReader(s))
			if err != nil {
				return
			}
			b, _ := io.ReadAll(req.Body)
			text := fmt.Sprintf("%s %s %s cookie=%q %s", req.Proto, req.Host, req.URL, req.Header["Cookie"], b)
			fmt.Fprintf(s, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
			s.CloseWrite()
			io.Copy(io.Discard, s)
			return
		}
		io.ReadFull(s, make([]byte, len(xhttp2.ClientPreface)))
		fr := xhttp2.NewFramer(s, s)
		fr.WriteSettings()
		serve(fr, nth)
		io.Copy(io.Discard, s)
	})
}

// nextHead waits for the head of a request.
func nextHead(fr *xhttp2.Framer) *xhttp2.HeadersFrame {
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			return nil
		}
		if h, ok := f.(*xhttp2.HeadersFrame); ok {
			return h
		}
	}
}

func TestAServerThatWantsHTTP11GetsIt(t *testing.T) {
	port := frameOrigin(t, func(fr *xhttp2.Framer, _ int) {
		if h := nextHead(fr); h != nil {
			fr.WriteRSTStream(h.StreamID, xhttp2.ErrCodeHTTP11Required)
		}
	})
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	rt, _ := r.inside(local(port), h2, http11)
	for i := range 2 {
		req, _ := http.NewRequest("GET", "https://"+local(port)+"/x", nil)
		req.Header.Set("Cookie", "a=1; b=2")
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := fmt.Sprintf("HTTP/1.1 %s /x cookie=%q ", local(port), []string{"a=1; b=2"})
		if string(b) != want || err != nil {
			t.Errorf("%d: %d %q, %v, want %q", i, resp.StatusCode, b, err, want)
		}
		// Only the first request had to find out.
		if tries := r.flows.wait(t, i+1)[i].Tries; len(tries) != 2-i {
			t.Errorf("%d: tries %+v", i, tries)
		}
	}
}

func TestWhatGOAWAYLeavesOutIsSentAgain(t *testing.T) {
	port := frameOrigin(t, func(fr *xhttp2.Framer, nth int) {
		h := nextHead(fr)
		switch {
		case h == nil:
		case nth == 0:
			fr.WriteGoAway(0, xhttp2.ErrCodeNo, nil)
		default:
			fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: h.StreamID, BlockFragment: []byte{0x89}, EndStream: true, EndHeaders: true}) // 204
		}
	})
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	rt, _ := r.inside(local(port), h2)
	req, _ := http.NewRequest("POST", "https://"+local(port)+"/", nil)
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if f := r.flows.wait(t, 1)[0]; resp.StatusCode != 204 || len(f.Tries) != 2 || f.Outcome.Kind != flow.Completed {
		t.Errorf("%d, tries %+v, %+v", resp.StatusCode, f.Tries, f.Outcome)
	}
}

func TestEveryCodeOfAResetReachesTheClient(t *testing.T) {
	codes := make(chan xhttp2.ErrCode, 1)
	port := frameOrigin(t, func(fr *xhttp2.Framer, _ int) {
		for {
			h := nextHead(fr)
			if h == nil {
				return
			}
			fr.WriteHeaders(xhttp2.HeadersFrameParam{StreamID: h.StreamID, BlockFragment: []byte{0x88}, EndHeaders: true}) // 200
			fr.WriteData(h.StreamID, false, []byte("part"))
			fr.WriteRSTStream(h.StreamID, <-codes)
		}
	})
	r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
	for code := range xhttp2.ErrCode(14) {
		rt, _ := r.inside(local(port), h2) // Go's client leaves a connection after some of them
		codes <- code
		req, _ := http.NewRequest("GET", "https://"+local(port)+"/", nil)
		resp, err := rt.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := code
		if code == xhttp2.ErrCodeNo {
			want = xhttp2.ErrCodeInternal // the body is broken, which NO_ERROR would not say
		}
		if se, ok := err.(xhttp2.StreamError); string(b) != "part" || !ok || se.Code != want {
			t.Errorf("%v: %q, %v", code, b, err)
		}
	}
}
