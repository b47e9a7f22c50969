package http2

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"time"

	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"pgregory.net/rapid"

	"midstream/flow"
)

// script is a connection whose peer has sent everything already, in reads of the
// sizes given.
type script struct {
	in    *bytes.Reader
	sizes []int
	at    int
	mu    sync.Mutex
	out   bytes.Buffer // guarded by mu
}

func (s *script) Read(p []byte) (int, error) {
	if len(s.sizes) > 0 && len(p) > 0 {
		p = p[:min(len(p), max(1, s.sizes[s.at%len(s.sizes)]))]
		s.at++
	}
	return s.in.Read(p)
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

func (s *script) Ready() bool                      { return s.in.Len() > 0 }
func (s *script) Cork()                            {}
func (s *script) Uncork() error                    { return nil }
func (s *script) CloseWrite() error                { return nil }
func (s *script) Reset() error                     { return nil }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// frames prints what a peer sends.
func frames(preface string, write func(fr *h2.Framer, enc func(...string) []byte)) []byte {
	var out, buf bytes.Buffer
	out.WriteString(preface)
	fr := h2.NewFramer(&out, nil)
	fr.AllowIllegalWrites = true
	enc := hpack.NewEncoder(&buf)
	fr.WriteSettings()
	write(fr, func(pairs ...string) []byte {
		buf.Reset()
		for i := 0; i < len(pairs); i += 2 {
			enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
		}
		return append([]byte(nil), buf.Bytes()...)
	})
	return out.Bytes()
}

func conversation() []byte {
	return frames(h2.ClientPreface, func(fr *h2.Framer, enc func(...string) []byte) {
		b := enc(":method", "POST", ":scheme", "https", ":authority", "a.test", ":path", "/", "trailer", "x")
		fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: b[:5]})
		fr.WriteContinuation(1, true, b[5:])
		fr.WriteData(1, false, []byte("hello "))
		fr.WritePing(false, [8]byte{1})
		fr.WriteDataPadded(1, false, []byte("there"), make([]byte, 3))
		fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 3, BlockFragment: enc(":method", "GET", ":scheme", "https", ":path", "/"), EndStream: true, EndHeaders: true})
		fr.WriteWindowUpdate(0, 100)
		fr.WriteSettings(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 100})
		fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: enc("x", "y"), EndStream: true, EndHeaders: true})
		fr.WriteRSTStream(3, h2.ErrCodeCancel)
	})
}

func FuzzServer(f *testing.F) {
	f.Add(conversation(), []byte{3, 200})
	f.Add(frames(h2.ClientPreface, func(fr *h2.Framer, enc func(...string) []byte) {
		fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: enc(":method", "CONNECT", ":authority", "a.test:1"), EndHeaders: true})
		fr.WriteData(1, true, []byte("x"))
		fr.WriteGoAway(0, h2.ErrCodeNo, nil)
		fr.WritePriority(5, h2.PriorityParam{StreamDep: 5})
		fr.WritePushPromise(h2.PushPromiseParam{StreamID: 1, PromiseID: 2})
	}), []byte{})
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		s := &script{in: bytes.NewReader(in)}
		for _, c := range cuts {
			s.sizes = append(s.sizes, int(c))
		}
		budget := new(Budget)
		NewServer(s, ServerConfig{Budget: budget}).Serve(context.Background(), func(st *Stream) {
			if b := st.Body(); b != nil {
				readBody(b)
			}
			st.Inform(&flow.Response{Status: 103})
			answer(st, 200, "x", nil)
		})
		if n := budget.Unread(); n != 0 {
			t.Errorf("%d octets are counted as unread after the end", n)
		}
	})
}

func FuzzClient(f *testing.F) {
	f.Add(frames("", func(fr *h2.Framer, enc func(...string) []byte) {
		fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: enc(":status", "103"), EndHeaders: true})
		fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: enc(":status", "200", "X", " y"), EndHeaders: true})
		fr.WriteData(1, false, []byte("hello"))
		fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: enc("x", "y"), EndStream: true, EndHeaders: true})
		fr.WriteGoAway(1, h2.ErrCodeNo, nil)
	}), []byte{7})
	f.Fuzz(func(t *testing.T, in, cuts []byte) {
		s := &script{in: bytes.NewReader(in)}
		for _, c := range cuts {
			s.sizes = append(s.sizes, int(c))
		}
		budget := new(Budget)
		c, err := NewClient(s, ClientConfig{Budget: budget})
		if err != nil {
			t.Fatal(err)
		}
		if call, err := c.Open(context.Background(), request("GET", "/"), flow.Framing{}); err == nil {
			for {
				head, _, err := call.Head(context.Background())
				if err != nil {
					break
				}
				if !head.Interim() {
					readBody(call.Response())
					break
				}
			}
			call.Close()
		}
		c.Close()
		if n := budget.Unread(); n != 0 {
			t.Errorf("%d octets are counted as unread after the end", n)
		}
	})
}

// Whatever the reads of the connection are, a conversation is understood the
// same way.
func TestAnyCutOfTheBytesIsUnderstoodTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &script{in: bytes.NewReader(conversation()), sizes: rapid.SliceOfN(rapid.IntRange(1, 40), 1, 20).Draw(t, "sizes")}
		var mu sync.Mutex
		got := map[string]string{}
		NewServer(s, ServerConfig{}).Serve(context.Background(), func(st *Stream) {
			text, _ := readBody(st.Body())
			if st.Body() != nil {
				text += " x=" + st.Body().Trailers().Get("x")
			}
			mu.Lock()
			defer mu.Unlock()
			got[st.Request().Method] = text
		})
		if got["POST"] != "hello there x=y" || len(got) != 2 {
			t.Errorf("%q", got)
		}
	})
}

func BenchmarkDownload(b *testing.B) {
	piece := bytes.Repeat([]byte("x"), 32<<10)
	nc, _, _ := serve(b, ServerConfig{}, func(st *Stream) {
		sink, err := st.Respond(&flow.Response{Status: 200}, flow.Framing{Kind: flow.Chunked})
		for err == nil {
			_, err = sink.Write(piece)
		}
	})
	cc := rawClient(b, nc)
	defer cc.Close()
	call, err := cc.Open(context.Background(), request("GET", "/"), flow.Framing{})
	if err != nil {
		b.Fatal(err)
	}
	if _, _, err := call.Head(context.Background()); err != nil {
		b.Fatal(err)
	}
	p := make([]byte, 32<<10)
	b.SetBytes(16 << 10)
	b.ReportAllocs()
	for b.Loop() {
		for n := 0; n < 16<<10; {
			m, err := call.Response().Read(p)
			if err != nil {
				b.Fatal(err)
			}
			n += m
		}
	}
	call.Cancel(nil)
	call.Close()
}

func BenchmarkSmallRequests(b *testing.B) {
	nc, _, _ := serve(b, ServerConfig{}, func(st *Stream) {
		sink, err := st.RespondMore(&flow.Response{Status: 200}, flow.Framing{Kind: flow.Chunked})
		if err != nil {
			return
		}
		sink.WriteMore([]byte("hello, world"))
		sink.Close(nil)
	})
	cc := rawClient(b, nc)
	defer cc.Close()
	b.ReportAllocs()
	b.SetParallelism(50)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			call, err := cc.Open(context.Background(), request("GET", "/", flow.Field{Name: "accept", Value: "*/*"}), flow.Framing{})
			if err != nil {
				b.Error(err)
				return
			}
			if _, _, err := call.Head(context.Background()); err != nil {
				b.Error(err)
				return
			}
			if s, err := readBody(call.Response()); len(s) != 12 || err != nil {
				b.Error(s, err)
			}
			call.Close()
		}
	})
}
