package e2e

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"midstream/internal/ws"
)

// heardBy is what a server got of one connection.
type heardBy struct {
	raw      []byte
	messages []string
}

// listener is a WebSocket server that keeps what it gets, answers a close frame,
// and tells it all when the connection has ended.
func listener(d ws.Deflate, said string, heard chan<- heardBy) func(e *wsEnd) {
	return func(e *wsEnd) {
		var h heardBy
		s := ws.NewSplitter(d, 8<<20)
		defer s.Close()
		defer func() { heard <- h }()
		io.WriteString(e.conn, said)
		buf := make([]byte, 64<<10)
		for {
			n, err := e.in.Read(buf)
			h.raw = append(h.raw, buf[:n]...)
			s.Write(buf[:n])
			for m, ok := s.Next(); ok; m, ok = s.Next() {
				text := fmt.Sprintf("%s %s", m.Opcode, m.Payload)
				if m.Err != nil {
					text += m.Err.Error()
				}
				h.messages = append(h.messages, text)
				if m.Opcode == ws.Close {
					e.conn.Write(e.frame(0x88, string(m.Payload)))
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func scriptFile(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.js")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A script that changes nothing leaves every octet as it is, each way.
func TestWebSocketHooksChangeNothing(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	heard := make(chan heardBy, 1)
	server := &wsEnd{t: t}
	large := strings.Repeat("large ", 400_000)
	said := string(slices.Concat(server.frame(0x81, "hello"), server.frame(1, large), server.frame(0x89, "in it"), server.frame(0x80, "end"),
		server.frame(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"), server.frame(0xc1, "\xf2\x00\x11\x00\x00"), server.frame(0x82, "")))
	o.webSocket(t, "/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n", listener(ws.Deflate{On: true}, said, heard))
	p := start(t, "-s", scriptFile(t, `
let seen = [];
export function websocket_message(flow) {
  const m = flow.websocket.messages[-1];
  seen.push(m.from_client + " " + (m.is_text ? m.text : m.content.length));
}
export function websocket_end(flow) {
  flow.comment = seen.sort().join("|") + "|" + [flow.websocket.close_code, flow.websocket.close_reason, flow.websocket.closed_by_client];
  seen = [];
}`))
	for _, base := range []string{o.HTTP, o.HTTPS} {
		e := dialWebSocket(t, p, base, "/ws")
		sent := slices.Concat(e.frame(1, "fr"), e.frame(0, ""), e.frame(0x80, "ag"), e.frame(0x8a, "pong"), e.frame(0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"),
			e.frame(0xc1, "\xf2\x00\x11\x00\x00"), e.frame(0x82, large), e.frame(0x88, "\x03\xe9bye"))
		for rest := sent; len(rest) > 0; {
			n := min(1+rand.IntN(100_000), len(rest))
			e.conn.Write(rest[:n])
			rest = rest[n:]
		}
		got := make([]byte, len(said))
		if _, err := io.ReadFull(e.in, got); err != nil || string(got) != said {
			t.Errorf("%s: what the server said came otherwise, %v", base, err)
		}
		e.want(0x88, "\x03\xe9bye")
		e.conn.Close()
		if h := <-heard; !bytes.Equal(h.raw, sent) {
			t.Errorf("%s: what the client sent came otherwise: %d bytes, %d were sent", base, len(h.raw), len(sent))
		}
	}
	r := p.recorded()
	want := "false 0|false Hello|false Hello|false hello|true Hello|true Hello|true frag|1001,bye,true"
	for _, f := range r.flows {
		if f.Status != 101 {
			continue
		}
		if page := r.show(f); !strings.Contains(page, want) || strings.Count(page, "message-large") != 2 || strings.Contains(page, "rewritten") {
			t.Errorf("no %q, not two large messages, or rewritten, in\n%s", want, page)
		}
	}
}

// What a script changes, drops and injects arrives so, also where it breaks the
// window that later messages need.
func TestWebSocketHooksChange(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("../examples/websocket.js")
	if err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 2<<20)
	random := rand.NewChaCha8([32]byte{1})
	random.Read(noise)
	texts := []string{"Hello", "use sk-12ab now", "use sk-12ab now, and again", "typing", "Hello, and again", string(noise), "again and again"}
	want := []string{"text Hello", "text use [key] now", "text use [key] now, and again", "text Hello, and again", "binary " + string(noise), "text again and again", "text plain", "close \x03\xe8bye"}
	for name, d := range map[string]ws.Deflate{"": {}, "permessage-deflate": {On: true}, "permessage-deflate; client_no_context_takeover": {On: true, NoContext: true},
		"permessage-deflate; client_max_window_bits=9": {On: true, Bits: 9}} {
		o := newOrigin(t)
		heard := make(chan heardBy, 1)
		o.webSocket(t, "/ws", "Sec-WebSocket-Extensions: "+name+"\r\n", listener(d, "", heard))
		p := start(t, "-s", script)
		for _, base := range []string{o.HTTP, o.HTTPS} {
			e := dialWebSocket(t, p, base, "/ws")
			e.want(0x81, "midstream listens")
			var b bytes.Buffer
			z, _ := flate.NewWriter(&b, 6)
			for _, text := range texts {
				first := byte(0x81)
				if len(text) > 1<<20 {
					first = 0x82
				}
				if d.On {
					if d.NoContext {
						z.Reset(&b)
					}
					z.Write([]byte(text))
					z.Flush()
					first |= 0x40
					text = strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
					b.Reset()
				}
				e.send(first, text)
			}
			e.send(0x81, "plain")
			e.send(0x88, "\x03\xe8bye")
			e.want(0x88, "\x03\xe8bye")
			e.conn.Close()
			if h := <-heard; !slices.Equal(h.messages, want) {
				t.Errorf("%q, %s: the server got %d messages: %.500q", name, base, len(h.messages), h.messages)
			}
		}
		r := p.recorded()
		for _, f := range r.flows {
			if f.Status != 101 {
				continue
			}
			if page := r.show(f); !strings.Contains(page, "7 messages, ended with 1000") || !strings.Contains(page, "rewritten on its way") {
				t.Errorf("%q: no comment, or not rewritten, in\n%s", name, page)
			}
			out := p.midstream("flows", "show", "--session", p.Session, fmt.Sprint(f.Number), "--messages")
			for _, want := range []string{"server text  midstream listens", "use [key] now", "client close 1000  bye"} {
				if !strings.Contains(out, want) {
					t.Errorf("%q: no %q in\n%.2000s", name, want, out)
				}
			}
		}
	}
}

// Where octets are not WebSocket they pass; an end without a close frame is 1006
// for hooks, and nothing is sent for it.
func TestWebSocketHooksOnWhatIsNone(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("../examples/websocket.js")
	if err != nil {
		t.Fatal(err)
	}
	o := newOrigin(t)
	heard := make(chan heardBy, 1)
	o.webSocket(t, "/ws", "", listener(ws.Deflate{}, "", heard))
	p := start(t, "-s", script)
	e := dialWebSocket(t, p, o.HTTP, "/ws")
	e.want(0x81, "midstream listens")
	sent := slices.Concat(e.frame(0x81, "a"), e.frame(1, "held"), []byte("\xf3\x00raw sk-12ab"))
	e.conn.Write(sent)
	e.conn.Close()
	if h := <-heard; !bytes.Equal(h.raw, sent) {
		t.Errorf("came %q, sent %q", h.raw, sent)
	}
	r := p.recorded()
	if page := r.show(r.flow("/ws")); !strings.Contains(page, "1 messages, ended with 1006") || !strings.Contains(page, "websocket-raw: what the client sends is not WebSocket from byte 17 on") {
		t.Error(page)
	}
}

// What is injected waits for a long message that goes on as it comes; kill ends
// the connection for both ends.
func TestWebSocketHooksInjectAndKill(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	heard := make(chan heardBy, 1)
	server := &wsEnd{t: t}
	o.webSocket(t, "/ws", "", func(e *wsEnd) {
		e.want(0x81, "begin")
		h, _, payload, err := e.receive()
		if h.Fin || len(payload) != 2<<20 || err != nil {
			t.Errorf("came %+v, %d bytes, %v", h, len(payload), err)
		}
		listener(ws.Deflate{}, string(server.frame(0x81, "poke")), heard)(e)
	})
	p := start(t, "-s", scriptFile(t, `
export function websocket_message(flow) {
  const m = flow.websocket.messages[-1];
  if (m.text === "poke") { flow.websocket.inject(false, "queued"); flow.websocket.inject(true, "poked"); m.drop(); }
  if (m.text === "kill") flow.kill();
}
export function websocket_end(flow) { flow.comment = "ended with " + flow.websocket.close_code; }`))
	e := dialWebSocket(t, p, o.HTTPS, "/ws")
	e.send(0x81, "begin")
	e.send(2, strings.Repeat("l", 2<<20))
	e.want(0x81, "poked")
	e.send(0x80, "end")
	e.send(0x81, "after")
	e.send(0x81, "kill")
	if _, raw, _, err := e.receive(); err == nil {
		t.Errorf("after kill came %q", raw)
	}
	h := <-heard
	// The server saw the first fragment elsewhere.
	if got := string(h.raw); strings.Contains(got, "kill") || len(h.raw) != len(e.frame(0x80, "end"))+len(e.frame(0x81, "queued"))+len(e.frame(0x81, "after")) {
		t.Errorf("the server got %q", got)
	}
	r := p.recorded()
	if page := r.show(r.flow("/ws")); !strings.Contains(page, "ended with 1006") {
		t.Error(page)
	}
}
