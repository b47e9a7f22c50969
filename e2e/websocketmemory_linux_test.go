package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"midstream/internal/ws"
)

// socketMemory is by how much midstream may grow with what passes, in KiB.
const socketMemory = 64 << 10

// Memory grows neither with the length of a WebSocket message nor with what it
// inflates to, nor with the number of messages, whether or not a script hears
// them. `make soak` runs it whole.
func TestSoakWebSocketMemory(t *testing.T) {
	t.Parallel()
	long, messages, runs := 100<<20, 128, 3
	if soaking() {
		long, messages, runs = 300<<20, 1024, 5
	}
	o := newOrigin(t)
	mega := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	serve := func(e *wsEnd, r *http.Request) {
		if r.URL.RawQuery == "many" {
			frame := ws.AppendHeader(nil, ws.Header{Fin: true, Opcode: ws.Binary, Length: int64(len(mega))})
			for range messages {
				e.conn.Write(frame)
				e.conn.Write(mega)
			}
		} else {
			// One message, in however many frames, and a close frame.
			for fin := false; !fin; {
				head := socketHead(e)
				fin = head.Fin
				if n, err := io.CopyN(io.Discard, e.in, head.Length); err != nil {
					e.t.Errorf("%d of %d octets of a frame: %v", n, head.Length, err)
					return
				}
			}
		}
		e.send(0x88, "\x03\xe8")
		io.Copy(io.Discard, e.in)
	}
	o.mux.HandleFunc("/memory", func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
		serve(&wsEnd{t: t, conn: conn, in: buf.Reader}, r)
	})
	// Each block inflates to a MiB and refers to nothing outside itself.
	squeezed := (&squeezer{fresh: true}).deflate(make([]byte, 1<<20))
	bomb := bytes.Repeat(append(squeezed, 0, 0, 0xff, 0xff), 1<<10)
	said := map[string]func(e *wsEnd){
		"/memory?long": func(e *wsEnd) {
			first, fragment := byte(0x02), strings.Repeat("f", 64<<10)
			for sent := 0; sent < long; sent += len(fragment) {
				e.conn.Write(e.frame(first, fragment))
				first = 0
			}
			e.send(0x80, "")
		},
		"/memory?bomb": func(e *wsEnd) { e.send(0xc2, string(bomb)) },
		"/memory?many": func(e *wsEnd) {},
	}
	look := scriptFile(t, "export function websocket_message(flow) { flow.websocket.messages[-1].content.length; }")
	for name, args := range map[string][]string{"recorded": nil, "unrecorded": {"--set", "record=heads"}, "heard": {"--set", "record=heads", "-s", look}} {
		p := start(t, args...)
		for _, path := range []string{"/memory?many", "/memory?long", "/memory?bomb"} {
			before := p.vitals()
			for range runs {
				e := dialWebSocket(t, p, o.HTTP, path)
				said[path](e)
				for {
					h := socketHead(e)
					io.CopyN(io.Discard, e.in, h.Length)
					if h.Opcode == ws.Close {
						break
					}
				}
				e.conn.Close()
				if path != "/memory?many" {
					break
				}
			}
			after := p.vitals()
			t.Logf("%s, %s: from %v to %v", name, path, before, after)
			if after.peak > before.kib+socketMemory {
				t.Errorf("%s, %s: from %v to %v", name, path, before, after)
			}
		}
		if name != "recorded" {
			continue
		}
		for _, f := range p.recorded().flows {
			cmd := exec.Command(binary, "flows", "show", "--messages", "--session", p.Session, fmt.Sprint(f.Number))
			cmd.Env = cleanEnv("HOME=" + t.TempDir())
			out, err := cmd.Output()
			if err != nil || !strings.Contains(string(out), "close 1000") {
				t.Errorf("%s: %v, %.300s", f.URL, err, out)
			}
		}
	}
}

// socketHead reads the head of a frame.
func socketHead(e *wsEnd) ws.Header {
	var raw []byte
	for {
		b, err := e.in.ReadByte()
		if err != nil {
			e.t.Errorf("head of a frame: %x %v", raw, err)
			return ws.Header{Fin: true, Opcode: ws.Close}
		}
		raw = append(raw, b)
		if h, n, err := ws.ParseHeader(raw); err != nil || n > 0 {
			return h
		}
	}
}
