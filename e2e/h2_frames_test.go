package e2e

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frames is one end of an HTTP/2 connection, frame by frame.
type frames struct {
	*http2.Framer
	block bytes.Buffer
	coder *hpack.Encoder
}

func newFrames(c net.Conn) *frames {
	f := &frames{Framer: http2.NewFramer(c, c)}
	f.coder = hpack.NewEncoder(&f.block)
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return f
}

// head sends fields, name and value in turn.
func (f *frames) head(stream uint32, end bool, fields ...string) {
	f.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		f.coder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndStream: end, EndHeaders: true, BlockFragment: f.block.Bytes()})
}

// next returns the next frame of a stream's own, or a GOAWAY; SETTINGS are confirmed.
func (f *frames) next() (http2.Frame, error) {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return nil, err
		}
		switch x := frame.(type) {
		case *http2.SettingsFrame:
			if !x.IsAck() {
				f.WriteSettingsAck()
			}
		case *http2.WindowUpdateFrame, *http2.PriorityFrame:
		case *http2.PingFrame:
			if !x.IsAck() {
				f.WritePing(true, x.Data)
			}
		default:
			return frame, nil
		}
	}
}

// newFrameOrigin runs a script for each connection of HTTP/2.
func newFrameOrigin(t *testing.T, p *proxy, script func(*frames)) string {
	t.Helper()
	config := &tls.Config{Certificates: []tls.Certificate{mustPKI(t).leaf}, NextProtos: []string{"h2"}}
	o := newRawOriginTLS(t, p, config, func(c *peer) {
		preface := make([]byte, len(http2.ClientPreface))
		if _, err := io.ReadFull(c, preface); err != nil {
			return
		}
		f := newFrames(c)
		f.WriteSettings()
		script(f)
	})
	return "https://localhost:" + port(o.Addr)
}

// A reset in the middle of a body reaches the client with its code, and the
// session says so. A server that goes away is asked again on a new connection,
// also for what it has not looked at.
func TestHTTP2ResetAndGoAway(t *testing.T) {
	t.Parallel()
	p := start(t)
	base := newFrameOrigin(t, p, func(f *frames) {
		for {
			frame, err := f.next()
			if err != nil {
				return
			}
			asked, ok := frame.(*http2.MetaHeadersFrame)
			if !ok {
				continue
			}
			switch stream := asked.StreamID; asked.PseudoValue("path") {
			case "/reset":
				f.head(stream, false, ":status", "200")
				f.WriteData(stream, false, []byte(piece(0)))
				f.WriteRSTStream(stream, http2.ErrCodeEnhanceYourCalm)
			case "/early":
				f.WriteRSTStream(stream, http2.ErrCodeInadequateSecurity)
			case "/away":
				f.head(stream, true, ":status", "204")
				f.WriteGoAway(stream, http2.ErrCodeNo, nil)
				return
			case "/unseen":
				if stream > 1 { // a connection that has served another
					f.WriteGoAway(stream-2, http2.ErrCodeNo, nil)
					return
				}
				fallthrough
			default:
				f.head(stream, true, ":status", "200")
			}
		}
	})
	c := p.speaking(bothHTTP)
	resp := get(t, c, base+"/reset")
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if reset, ok := errors.AsType[http2.StreamError](err); string(got) != piece(0) || !ok && !strings.Contains(err.Error(), "ENHANCE_YOUR_CALM") || ok && reset.Code != http2.ErrCodeEnhanceYourCalm {
		t.Errorf("%d octets, then %v", len(got), err)
	}
	_, err = c.Get(base + "/early")
	if reset, ok := errors.AsType[http2.StreamError](err); err == nil || !ok && !strings.Contains(err.Error(), "INADEQUATE_SECURITY") || ok && reset.Code != http2.ErrCodeInadequateSecurity {
		t.Errorf("reset before the head: %v", err)
	}
	for range 3 {
		for path, status := range map[string]int{"/away": 204, "/plain": 200, "/unseen": 200} {
			if resp, _ := must(t, c, newRequest(t, "GET", base+path, nil)); resp.StatusCode != status {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		}
	}
	s := p.recorded()
	if f := s.flow("/reset"); f.Outcome != "reset after 1000 bytes" || !strings.Contains(f.Error, "ENHANCE_YOUR_CALM") {
		t.Errorf("recorded as %+v", f)
	}
	if f := s.flow("/early"); !strings.HasPrefix(f.Outcome, "reset") || !strings.Contains(f.Error, "INADEQUATE_SECURITY") {
		t.Errorf("recorded as %+v", f)
	}
	for _, path := range []string{"/away", "/plain", "/unseen"} {
		s.flow(path).completed()
	}
}

// Fields that would split a message of HTTP/1 end their stream and do not reach
// the origin; the connection goes on.
func TestHTTP2FieldsThatSplit(t *testing.T) {
	t.Parallel()
	p := start(t, "--set", "connection_strategy=lazy")
	reached := make(chan string, 20)
	base := h2Server(t, onlyHTTP1, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached <- r.URL.Path }))
	address := strings.TrimPrefix(base, "https://")
	config := trusting(t, p.CA)
	config.ServerName, config.NextProtos = "localhost", bothHTTP
	conn := tls.Client(tunnel(t, p, address), config)
	conn.SetDeadline(time.Now().Add(brief))
	io.WriteString(conn, http2.ClientPreface)
	f := newFrames(conn)
	f.WriteSettings()
	stream := uint32(1)
	for _, bad := range [][2]string{
		{"x-a", "a\r\nx-b: b"}, {"x-a", "a\nb"}, {"x-a", "a\rb"}, {"x-a", "a\x00b"}, {"x-a\r\nx-b", "a"}, {"x-a: b", "a"}, {"X-Upper", "a"},
		{"connection", "close"}, {"transfer-encoding", "chunked"}, {"content-length", "5"}, {":path", "/twice"}, {"te", "gzip"},
	} {
		f.head(stream, true, ":method", "GET", ":scheme", "https", ":authority", address, ":path", "/bad", bad[0], bad[1])
		frame, err := f.next()
		if err != nil {
			t.Fatalf("%q: %v", bad, err)
		}
		switch x := frame.(type) {
		case *http2.RSTStreamFrame:
			if x.StreamID != stream || x.ErrCode != http2.ErrCodeProtocol {
				t.Errorf("%q: reset with %v", bad, x)
			}
		case *http2.MetaHeadersFrame:
			if status := x.PseudoValue("status"); x.StreamID != stream || status != "400" {
				t.Errorf("%q: answered with %s", bad, status)
			}
			for !frame.Header().Flags.Has(http2.FlagDataEndStream) {
				if frame, err = f.next(); err != nil {
					t.Fatal(err)
				}
			}
		default:
			t.Errorf("%q: %v", bad, frame)
		}
		stream += 2
	}
	f.head(stream, true, ":method", "GET", ":scheme", "https", ":authority", address, ":path", "/good", "te", "trailers")
	frame, err := f.next()
	if head, ok := frame.(*http2.MetaHeadersFrame); !ok || head.PseudoValue("status") != "200" {
		t.Errorf("a good one is answered with %v, %v", frame, err)
	}
	if got := soon(t, reached, "the good one"); got != "/good" || len(reached) > 0 {
		t.Errorf("%s has reached the origin", got)
	}
}

// A priority that a client gives a request after its head reaches a server of HTTP/2
// in the same frame, for the stream that the request has there, and is on the flow.
func TestHTTP2LaterPriorities(t *testing.T) {
	t.Parallel()
	p := start(t)
	base := newFrameOrigin(t, p, func(f *frames) {
		stream, seen := uint32(0), 0
		for seen < 2 {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			switch x := frame.(type) {
			case *http2.SettingsFrame:
				if !x.IsAck() {
					f.WriteSettingsAck()
				}
			case *http2.MetaHeadersFrame:
				stream = x.StreamID
			case *http2.PriorityFrame:
				if x.StreamID == stream && x.Weight == 41 && x.StreamDep == 0 && x.Exclusive {
					seen++
				}
			case *http2.PriorityUpdateFrame:
				if x.PrioritizedStreamID == stream && x.Priority == "u=1, i" {
					seen++
				}
			}
		}
		f.head(stream, true, ":status", "204")
		f.next()
	})
	address := strings.TrimPrefix(base, "https://")
	config := trusting(t, p.CA)
	config.ServerName, config.NextProtos = "localhost", bothHTTP
	conn := tls.Client(tunnel(t, p, address), config)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(brief))
	io.WriteString(conn, http2.ClientPreface)
	f := newFrames(conn)
	f.WriteSettings()
	const stream = 7 // the server's is another
	f.head(stream, false, ":method", "POST", ":scheme", "https", ":authority", address, ":path", "/later")
	f.WritePriority(stream, http2.PriorityParam{StreamDep: 5, Exclusive: true, Weight: 41})
	f.WritePriorityUpdate(stream, "u=1, i")
	frame, err := f.next()
	if head, ok := frame.(*http2.MetaHeadersFrame); !ok || head.PseudoValue("status") != "204" {
		t.Fatalf("answered with %v, %v", frame, err)
	}
	f.WriteData(stream, true, nil)
	conn.Close()
	p.stop()
	text := p.midstream("flows", "show", "last", "--session", p.Session)
	for _, want := range []string{"weight 42, depends on stream 5 exclusively", "another priority: u=1, i"} {
		if !strings.Contains(text, want) {
			t.Errorf("the flow does not say %q:\n%s", want, text)
		}
	}
}
