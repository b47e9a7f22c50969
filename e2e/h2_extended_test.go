package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"midstream/internal/ws"
)

// WebSocket on streams of HTTP/2, frame by frame, before a server of HTTP/1.1:
// what is offered, how it begins, and how each end of it passes.
func TestHTTP2ExtendedConnect(t *testing.T) {
	t.Parallel()
	p := start(t)
	ended := make(chan string, 10)
	o := newRawOrigin(t, p, true, func(c *peer) {
		r, err := http.ReadRequest(c.in)
		if err != nil {
			return
		}
		if r.Header.Get("Upgrade") != "websocket" {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return
		}
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n", ws.Accept(r.Header.Get("Sec-WebSocket-Key")))
		e := &wsEnd{t: t, conn: c, in: c.in}
		_, _, payload, _ := e.receive()
		e.send(0x81, payload)
		switch payload {
		case "cut":
			c.tcp.SetLinger(0)
			c.tcp.Close()
			return
		case "end":
			return
		}
		_, err = c.in.ReadByte()
		switch {
		case err == io.EOF:
			ended <- payload + ": end"
		case errors.Is(err, syscall.ECONNRESET):
			ended <- payload + ": reset"
		default:
			ended <- fmt.Sprint(payload, ": ", err)
		}
	})
	authority := "localhost:" + port(o.Addr)
	config := trusting(t, p.CA)
	config.ServerName, config.NextProtos = "localhost", []string{"h2"}
	conn := tls.Client(tunnel(t, p, authority), config)
	conn.SetDeadline(time.Now().Add(patience))
	f := openFrames(t, conn, true)
	mask := &wsEnd{mask: true}
	id := uint32(1)
	ask := func(protocol, path string) string {
		t.Helper()
		fields := []string{":method", "CONNECT", ":scheme", "https", ":authority", authority, ":path", path, "sec-websocket-version", "13"}
		if protocol != "" {
			fields = append(fields[:2], append([]string{":protocol", protocol}, fields[2:]...)...)
		}
		f.head(id, false, fields...)
		frame, err := f.next()
		if err != nil {
			t.Fatal(err)
		}
		switch x := frame.(type) {
		case *http2.MetaHeadersFrame:
			return x.PseudoValue("status")
		case *http2.RSTStreamFrame:
			return x.ErrCode.String()
		}
		return fmt.Sprint(frame)
	}
	for _, c := range []struct {
		say  string // what the client says
		end  func() // what it does then
		want string // what it reads behind the echo
		far  string // what the server sees
	}{
		{"close", func() { f.WriteData(id, true, mask.frame(0x88, "\x03\xe8")) }, "", ""},
		{"half", func() { f.WriteData(id, true, nil) }, "END", "half: end"},
		{"reset", func() { f.WriteRSTStream(id, http2.ErrCodeCancel) }, "", "reset: reset"},
		{"end", func() {}, "END", ""},
		{"cut", func() {}, "CANCEL", ""},
	} {
		if got := ask("websocket", "/"+c.say); got != "200" {
			t.Fatalf("%s: answered with %s", c.say, got)
		}
		f.WriteData(id, false, mask.frame(0x81, c.say))
		got := ""
		for len(got) < 2+len(c.say) {
			frame, err := f.next()
			if err != nil {
				t.Fatalf("%s: %v", c.say, err)
			}
			data, ok := frame.(*http2.DataFrame)
			if !ok {
				t.Fatalf("%s: %v behind %q", c.say, frame, got)
			}
			got += string(data.Data())
		}
		if want := "\x81" + string(rune(len(c.say))) + c.say; got != want {
			t.Errorf("%s: %q came back", c.say, got)
		}
		c.end()
		switch c.want {
		case "END":
			for ended := false; !ended; {
				frame, err := f.next()
				if err != nil {
					t.Fatalf("%s: %v", c.say, err)
				}
				data, ok := frame.(*http2.DataFrame)
				if !ok {
					t.Fatalf("%s: %v", c.say, frame)
				}
				ended = data.StreamEnded()
			}
			if c.say == "end" {
				f.WriteData(id, true, nil)
			}
		case "CANCEL":
			if frame, err := f.next(); err != nil {
				t.Fatal(err)
			} else if r, ok := frame.(*http2.RSTStreamFrame); !ok || r.ErrCode != http2.ErrCodeCancel {
				t.Errorf("%s: %v", c.say, frame)
			}
		}
		if c.far != "" {
			if got := soon(t, ended, "the end at the server"); got != c.far {
				t.Errorf("%s: the server saw %s", c.say, got)
			}
		} else if c.say == "close" {
			soon(t, ended, "the end at the server")
			for over := false; !over; { // the server has closed without a close frame of its own
				frame, err := f.next()
				if err != nil {
					t.Fatal(err)
				}
				data, ok := frame.(*http2.DataFrame)
				over = !ok || data.StreamEnded()
			}
		}
		id += 2
	}
	if got := ask("connect-udp", "/udp"); got != "501" {
		t.Errorf("another protocol: %s", got)
	}
	f.WriteRSTStream(id, http2.ErrCodeCancel)
	id += 2
	_ = conn.Close()
	s := p.recorded()
	for path, want := range map[string]string{"/half": "completed", "/end": "completed", "/reset": "client left", "/cut": "reset"} {
		if g := s.flow(path); !strings.HasPrefix(g.Outcome, want) {
			t.Errorf("%s ended as %s: %s", path, g.Outcome, g.Error)
		}
	}
}

// openFrames begins HTTP/2 and looks at the SETTINGS that come: extended CONNECT
// is offered, or not.
func openFrames(t *testing.T, conn net.Conn, extended bool) *frames {
	t.Helper()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f := newFrames(conn)
	f.WriteSettings()
	frame, err := f.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings, ok := frame.(*http2.SettingsFrame)
	if !ok {
		t.Fatalf("the first frame is %v", frame)
	}
	if v, ok := settings.Value(http2.SettingEnableConnectProtocol); ok != extended || ok && v != 1 {
		t.Errorf("ENABLE_CONNECT_PROTOCOL is %d, %v", v, ok)
	}
	f.WriteSettingsAck()
	return f
}

// Who speaks HTTP/2 to the proxy itself is not offered extended CONNECT, and who
// asks for it all the same has broken the protocol; a plain CONNECT goes on.
func TestHTTP2ExtendedConnectToTheProxy(t *testing.T) {
	t.Parallel()
	p := start(t)
	conn, err := net.Dial("tcp", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	f := openFrames(t, conn, false)
	f.head(1, false, ":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":authority", "h.test", ":path", "/")
	if frame, err := f.next(); err != nil {
		t.Fatal(err)
	} else if r, ok := frame.(*http2.RSTStreamFrame); !ok || r.ErrCode != http2.ErrCodeProtocol {
		t.Errorf("answered with %v", frame)
	}
	f.head(3, false, ":method", "CONNECT", ":authority", "h.test:99999")
	if frame, err := f.next(); err != nil {
		t.Fatal(err)
	} else if r, ok := frame.(*http2.MetaHeadersFrame); !ok || r.PseudoValue("status") != "400" {
		t.Errorf("answered with %v", frame)
	}
}
