package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/http2"
	"midstream/internal/transport"
	"midstream/internal/ws"
)

// socketFrames are sent by a client and come back: text, a ping, a compressed
// message, and a close with a code.
var socketFrames = []byte("\x81\x85mask\x05\x04\x1f\x07\x02" + "\x89\x80mask" + "\xc1\x87mask\x9f\x29\xbe\xa2\xa4\x66\x73" + "\x88\x82mask\x6e\x89")

// socketServer answers an upgrade of HTTP/1.1; the path says how.
func socketServer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Upgrade") != "websocket" || r.Method != "GET" || r.ProtoMajor != 1 {
		http.Error(w, "not a handshake: "+r.Method+" "+r.Proto, 400)
		return
	}
	accept := ws.Accept(r.Header.Get("Sec-WebSocket-Key"))
	switch r.URL.Path {
	case "/refused":
		http.Error(w, "no", http.StatusForbidden)
		return
	case "/ordinary":
		io.WriteString(w, "a page")
		return
	case "/wrong":
		accept = ws.Accept("another")
	}
	c, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\nSec-WebSocket-Extensions: permessage-deflate\r\nX-Version: %s\r\nX-Cookie: %s\r\n\r\n",
		accept, r.Header.Get("Sec-WebSocket-Protocol"), r.Header.Get("Sec-WebSocket-Version"), r.Header.Get("Cookie"))
	if r.URL.Path == "/cut" {
		return
	}
	io.Copy(c, buf)
}

// extendedOrigin is a server of HTTP/2 alone that allows extended CONNECT, or not.
func extendedOrigin(t *testing.T, allows bool) uint16 {
	return rawOrigin(t, func(nc net.Conn) {
		cfg := originTLS()
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			own := originTLS()
			own.NextProtos = []string{"none of these"} // Go itself is lenient towards http/1.1
			for _, name := range hello.SupportedProtos {
				if name == h2 {
					own.NextProtos = []string{h2}
				}
			}
			return own, nil
		}
		c, err := transport.New(nc).TLSServer(t.Context(), cfg)
		if err != nil {
			return
		}
		srv := http2.NewServer(c, http2.ServerConfig{ConnectProtocol: allows})
		srv.Serve(context.Background(), func(st *http2.Stream) {
			r := st.Request()
			head := &flow.Response{Status: 200}
			head.Fields.Add("sec-websocket-protocol", r.Fields.Get("sec-websocket-protocol"))
			head.Fields.Add("sec-websocket-extensions", "permessage-deflate")
			head.Fields.Add("x-version", r.Fields.Get("sec-websocket-version"))
			head.Fields.Add("x-cookie", strings.Join(r.Fields.Values("cookie"), "; "))
			switch {
			case r.Protocol == "" || r.Fields.Has("sec-websocket-key") || r.Fields.Has("upgrade"):
				head = &flow.Response{Status: 400}
			case r.Path == "/refused":
				head = &flow.Response{Status: 403}
			}
			if _, err := st.Respond(head, flow.Framing{}); err != nil || head.Status != 200 {
				return
			}
			raw, err := st.Upgrade()
			if err != nil {
				return
			}
			if r.Path == "/cut" {
				raw.Reset()
				return
			}
			p := make([]byte, 1000)
			for {
				n, err := raw.Read(p)
				if err != nil {
					break
				}
				raw.Write(p[:n])
			}
			raw.CloseWrite()
			raw.Close()
		})
	})
}

// opened is what a client got: the status, the fields and the connection.
type opened struct {
	status int
	fields func(string) string
	page   string
	io.ReadWriter
	closeWrite func()
}

func socketClient1(t *testing.T, r *rig, target, path string) *opened {
	t.Helper()
	p := r.dial()
	p.connect(target)
	p = p.mustSecure(&tls.Config{ServerName: "127.0.0.1", NextProtos: []string{http11}})
	p.send("GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: p1\r\nCookie: a=1; b=2\r\n\r\n", path, target)
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &opened{status: resp.StatusCode, fields: resp.Header.Get, ReadWriter: p, closeWrite: func() { p.Conn.(*tls.Conn).CloseWrite() }}
	if resp.StatusCode != 101 {
		b, _ := io.ReadAll(resp.Body)
		s.page = string(b)
	} else if resp.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || resp.Header.Get("Upgrade") != "websocket" || resp.Header.Get("Connection") != "Upgrade" {
		t.Errorf("the client's handshake is answered with %v", resp.Header)
	}
	return s
}

func socketClient2(t *testing.T, r *rig, target, path string) *opened {
	t.Helper()
	p := r.dial()
	p.connect(target)
	c, err := transport.New(p).TLSClient(t.Context(), &tls.Config{ServerName: "127.0.0.1", NextProtos: []string{h2}, RootCAs: pool(cas.ours)})
	if err != nil {
		t.Fatal(err)
	}
	cc, err := http2.NewClient(c, http2.ClientConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	if ok, err := cc.TakesProtocols(t.Context()); !ok || err != nil {
		t.Fatalf("extended CONNECT is not offered: %v", err)
	}
	req := &flow.Request{Method: "CONNECT", Protocol: "websocket", Scheme: "https", Authority: target, Path: path}
	req.Version = flow.HTTP2
	req.Fields.Add("sec-websocket-version", "13")
	req.Fields.Add("sec-websocket-protocol", "p1")
	req.Fields.Add("cookie", "a=1")
	req.Fields.Add("cookie", "b=2")
	call, err := cc.Open(t.Context(), req, flow.Framing{})
	if err != nil {
		t.Fatal(err)
	}
	head, _, err := call.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(call.Close)
	s := &opened{status: head.Status, fields: head.Fields.Get}
	if head.Status != 200 {
		if b := call.Response(); b != nil {
			var got bytes.Buffer
			body.Relay(t.Context(), discardSink{&got}, b, nil, body.RelayOptions{})
			s.page = got.String()
		}
		return s
	}
	for _, name := range []string{"upgrade", "connection", "sec-websocket-accept"} {
		if head.Fields.Has(name) {
			t.Errorf("the answer has the field %s", name)
		}
	}
	raw, err := call.Upgrade()
	if err != nil {
		t.Fatal(err)
	}
	s.ReadWriter, s.closeWrite = raw, func() { raw.CloseWrite() }
	return s
}

// discardSink keeps what a body says.
type discardSink struct{ *bytes.Buffer }

func (d discardSink) WriteMore(p []byte) (int, error) { return d.Write(p) }
func (discardSink) Close(flow.Fields) error           { return nil }
func (discardSink) Abort(error)                       {}

// looker sees messages of WebSocket and leaves them as they are.
type looker struct{ ends, messages chan string }

func (l *looker) WebSocketMessage(_ context.Context, x *hook.Exchange) error {
	l.messages <- fmt.Sprintf("%v %s", x.WebSocket.Message.FromClient, x.WebSocket.Message.Content)
	return nil
}

func (l *looker) WebSocketEnd(_ context.Context, x *hook.Exchange) error {
	l.ends <- fmt.Sprint(x.WebSocket.CloseCode, x.WebSocket.ClosedByClient)
	return nil
}

// TestWebSocketBetweenVersions: whatever client and server speak, the handshake is
// complete on both sides, frames pass as they are, hooks see the messages, and the
// flow says how it ended.
func TestWebSocketBetweenVersions(t *testing.T) {
	clients := map[string]func(*testing.T, *rig, string, string) *opened{"1": socketClient1, "2": socketClient2}
	origins := map[string]func(*testing.T) uint16{
		"1":                func(t *testing.T) uint16 { return h2Origin(t, false, socketServer) },
		"2":                func(t *testing.T) uint16 { return extendedOrigin(t, true) },
		"2 without, and 1": func(t *testing.T) uint16 { return h2Origin(t, true, socketServer) },
	}
	for cv, connect := range clients {
		for ov, origin := range origins {
			for _, hooked := range []bool{false, true} {
				t.Run(fmt.Sprint(cv, " to ", ov, ", hooks ", hooked), func(t *testing.T) {
					l := &looker{make(chan string, 10), make(chan string, 10)}
					port := origin(t)
					r := newRig(t, func(cfg *Config) {
						cfg.HTTP2 = true
						if hooked {
							cfg.Hooks = addons(t, l)
						}
					})
					s := connect(t, r, local(port), "/ws?x=1")
					if s.status/100 == 2 != (cv == "2") || s.fields("Sec-WebSocket-Protocol") != "p1" || s.fields("X-Version") != "13" || s.fields("X-Cookie") != "a=1; b=2" || s.fields("Sec-WebSocket-Extensions") != "permessage-deflate" {
						t.Fatalf("%d %s, protocol %q, version %q, cookie %q", s.status, s.page, s.fields("Sec-WebSocket-Protocol"), s.fields("X-Version"), s.fields("X-Cookie"))
					}
					if _, err := s.Write(socketFrames); err != nil {
						t.Fatal(err)
					}
					got := make([]byte, len(socketFrames))
					if _, err := io.ReadFull(s, got); err != nil || !bytes.Equal(got, socketFrames) {
						t.Fatalf("%x came back, not %x: %v", got, socketFrames, err)
					}
					s.closeWrite()
					if rest, err := io.ReadAll(s); len(rest) > 0 || err != nil {
						t.Errorf("at the end: %x, %v", rest, err)
					}
					f := r.flows.wait(t, 1)[0]
					want := "GET 101"
					if cv == "2" {
						want = "CONNECT 200"
					}
					if got := fmt.Sprint(f.Request.Method, " ", f.Response.Status); got != want || f.Outcome.Kind != flow.Completed || flow.Switched(f.Request, f.Response) != "websocket" ||
						f.RequestBody.Sent != int64(len(socketFrames)) || f.ResponseBody.Sent != int64(len(socketFrames)) || f.Request.Path != "/ws?x=1" {
						t.Errorf("recorded as %s %+v, %d and %d octets", got, f.Outcome, f.RequestBody.Sent, f.ResponseBody.Sent)
					}
					if !hooked {
						return
					}
					for range 4 { // two messages, each there and back
						if m := <-l.messages; !strings.HasSuffix(strings.ToLower(m), "e hello") {
							t.Errorf("message %q", m)
						}
					}
					if end := <-l.ends; end != "1000 true" {
						t.Errorf("ended with %s", end)
					}
				})
			}
		}
	}
}

// TestWebSocketThatIsNotOpened: what a server says instead of agreeing reaches the
// client; what is no answer to the handshake is a 502.
func TestWebSocketThatIsNotOpened(t *testing.T) {
	for _, c := range []struct {
		client, path string
		origin       func(*testing.T) uint16
		status       int
		page         string
	}{
		{"2", "/refused", func(t *testing.T) uint16 { return h2Origin(t, false, socketServer) }, 403, "no\n"},
		{"2", "/ordinary", func(t *testing.T) uint16 { return h2Origin(t, false, socketServer) }, 502, "it answered 200 instead of 101"},
		{"2", "/wrong", func(t *testing.T) uint16 { return h2Origin(t, false, socketServer) }, 502, "does not answer the key"},
		{"2", "/refused", func(t *testing.T) uint16 { return extendedOrigin(t, true) }, 403, ""},
		{"1", "/refused", func(t *testing.T) uint16 { return extendedOrigin(t, true) }, 403, ""},
		{"1", "/ws", func(t *testing.T) uint16 { return extendedOrigin(t, false) }, 502, "nothing but HTTP/2 and does not allow WebSocket"},
		{"2", "/ws", func(t *testing.T) uint16 { return extendedOrigin(t, false) }, 502, "nothing but HTTP/2 and does not allow WebSocket"},
	} {
		t.Run(c.client+c.path+fmt.Sprint(c.status), func(t *testing.T) {
			port := c.origin(t)
			r := newRig(t, func(cfg *Config) { cfg.HTTP2 = true })
			connect := socketClient1
			if c.client == "2" {
				connect = socketClient2
			}
			s := connect(t, r, local(port), c.path)
			if s.status != c.status || !strings.Contains(s.page, c.page) {
				t.Errorf("%d %s", s.status, s.page)
			}
			if f := r.flows.wait(t, 1)[0]; f.Response == nil && f.Outcome.Kind == flow.Completed {
				t.Errorf("recorded as %+v", f.Outcome)
			}
		})
	}
}

// TestWebSocketThatIsCut: an end without a close frame is told as one, and a reset
// stays a reset.
func TestWebSocketThatIsCut(t *testing.T) {
	for name, connect := range map[string]func(*testing.T, *rig, string, string) *opened{"1": socketClient1, "2": socketClient2} {
		t.Run(name, func(t *testing.T) {
			l := &looker{make(chan string, 10), make(chan string, 10)}
			port := extendedOrigin(t, true)
			r := newRig(t, func(cfg *Config) { cfg.HTTP2, cfg.Hooks = true, addons(t, l) })
			s := connect(t, r, local(port), "/cut")
			if _, err := bufio.NewReader(s).ReadByte(); err == nil || err == io.EOF && name == "2" {
				t.Errorf("the client reads %v", err)
			}
			if end := <-l.ends; end != "1006 false" {
				t.Errorf("ended with %s", end)
			}
			if f := r.flows.wait(t, 1)[0]; f.Outcome.Kind != flow.WasReset {
				t.Errorf("outcome %+v", f.Outcome)
			}
		})
	}
}
