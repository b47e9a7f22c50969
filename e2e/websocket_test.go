package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"midstream/internal/ws"
)

// wsEnd is one end of a WebSocket connection.
type wsEnd struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	mask bool // it is a client
}

func (e *wsEnd) frame(first byte, payload string) []byte {
	h := ws.Header{Fin: first&0x80 != 0, RSV: first >> 4 & 7, Opcode: ws.Opcode(first & 15), Length: int64(len(payload)), Masked: e.mask, Mask: [4]byte{}}
	if e.mask {
		h.Mask = [4]byte{'m', 'a', 's', 'k'}
	}
	p := []byte(payload)
	ws.Cipher(p, h.Mask, 0)
	return append(ws.AppendHeader(nil, h), p...)
}

func (e *wsEnd) send(first byte, payload string) {
	if _, err := e.conn.Write(e.frame(first, payload)); err != nil {
		e.t.Errorf("send %q: %v", payload, err)
	}
}

// receive reads one frame: its octets as they came, and its payload.
func (e *wsEnd) receive() (h ws.Header, raw []byte, payload string, err error) {
	for n := 0; n == 0; {
		b, err := e.in.ReadByte()
		if err != nil {
			return h, raw, "", err
		}
		raw = append(raw, b)
		if h, n, err = ws.ParseHeader(raw); err != nil {
			return h, raw, "", err
		}
	}
	p := make([]byte, h.Length)
	if _, err = io.ReadFull(e.in, p); err != nil {
		return h, raw, "", err
	}
	raw = append(raw, p...)
	ws.Cipher(p, h.Mask, 0)
	return h, raw, string(p), nil
}

func (e *wsEnd) want(first byte, payload string) {
	e.t.Helper()
	h, raw, got, err := e.receive()
	if err != nil || got != payload || raw[0] != first {
		e.t.Errorf("came %x %q %+v, want %x %q: %v", raw, got, h, first, payload, err)
	}
}

// webSocket serves connections at path with serve.
func (o *origin) webSocket(t *testing.T, path, extensions string, serve func(e *wsEnd)) {
	o.mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n%s\r\n", extensions)
		serve(&wsEnd{t: t, conn: conn, in: buf.Reader})
	})
}

// dialWebSocket opens a connection to path of base through p.
func dialWebSocket(t *testing.T, p *proxy, base, path string) *wsEnd {
	t.Helper()
	scheme, address, _ := strings.Cut(base, "://")
	var conn net.Conn
	if scheme == "https" {
		conn = secure(t, p, address, "localhost")
	} else {
		conn = tunnel(t, p, address)
	}
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", path, address)
	e := &wsEnd{t: t, conn: conn, in: bufio.NewReader(conn), mask: true}
	r, err := http.ReadResponse(e.in, nil)
	if err != nil || r.StatusCode != 101 {
		t.Fatalf("%s%s: %+v %v", base, path, r, err)
	}
	return e
}

// echo sends each frame back as it came but for the mask, until a close.
func echo(e *wsEnd) {
	for {
		h, _, payload, err := e.receive()
		if err != nil {
			return
		}
		h.Masked, h.Mask = false, [4]byte{}
		e.conn.Write(append(ws.AppendHeader(nil, h), payload...))
		if h.Opcode == ws.Close {
			return
		}
	}
}

// Frames pass as they are, and the record is listed as messages of both ends.
func TestWebSocketIsListed(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.webSocket(t, "/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n", echo)
	p := start(t)
	for _, base := range []string{o.HTTP, o.HTTPS} {
		e := dialWebSocket(t, p, base, "/ws")
		for _, f := range []struct {
			first   byte
			payload string
		}{{0x81, "one"}, {0x01, "t"}, {0x89, "ping"}, {0x80, "wo"}, {0xc1, "\xf2\x48\xcd\xc9\xc9\x07\x00"}, {0xc1, "\xf2\x00\x11\x00\x00"},
			{0x82, string(bytes.Repeat([]byte{0, 1}, 40_000))}, {0x88, "\x03\xe8bye"}} {
			e.send(f.first, f.payload)
			e.want(f.first, f.payload)
		}
		e.conn.Close()
	}
	seen := 0
	for _, f := range p.recorded().flows {
		if f.Status != 101 {
			continue
		}
		seen++
		out := p.midstream("flows", "show", "--session", p.Session, fmt.Sprint(f.Number), "--messages")
		for _, from := range []string{"client", "server"} {
			at := 0
			for _, want := range []string{"text  one", "ping  ping", "text  two", "text  [compressed]  Hello", "text  [compressed]  Hello", "binary  00 01 00 01", "close 1000  bye"} {
				i := strings.Index(out[at:], from+" "+want)
				if i < 0 {
					t.Fatalf("no %s %s, or not in its place, in\n%s", from, want, out)
				}
				at += i + 1
			}
		}
	}
	if seen != 2 {
		t.Errorf("%d flows", seen)
	}
}
