package http2

import (
	"bytes"
	"io"
	"testing"

	h2 "golang.org/x/net/http2"
)

// attack writes for as long as the connection takes it, reading what comes, and
// returns how the server ended it.
func attack(t *testing.T, write func(p *peer, i uint32) error) string {
	t.Helper()
	nc, _, done := serve(t, ServerConfig{}, ignore)
	p := newPeer(t, nc).client()
	go func() {
		for i := range uint32(100000) {
			if write(p, i) != nil {
				return
			}
		}
	}()
	how := ""
	for {
		f, err := p.fr.ReadFrame()
		if err != nil {
			break
		}
		if g, ok := f.(*h2.GoAwayFrame); ok {
			how = g.ErrCode.String()
		}
	}
	nc.Close()
	if err := <-done; err == nil {
		t.Error("the server took it for a proper end")
	}
	return how
}

func TestFloodsEndTheConnection(t *testing.T) {
	head := func(p *peer) []byte {
		return p.encode(":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/")
	}
	for name, write := range map[string]func(p *peer, i uint32) error{
		"rapid reset": func(p *peer, i uint32) error {
			if err := p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: head(p), EndStream: true, EndHeaders: true}); err != nil {
				return err
			}
			return p.fr.WriteRSTStream(2*i+1, h2.ErrCodeCancel)
		},
		"streams that must be reset": func(p *peer, i uint32) error {
			return p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: p.encode("x", "y"), EndStream: true, EndHeaders: true})
		},
		"empty DATA": func(p *peer, i uint32) error {
			if i == 0 {
				p.post(1)
			}
			return p.fr.WriteData(1, false, nil)
		},
		"CONTINUATION without end": func(p *peer, i uint32) error {
			if i == 0 {
				return p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: head(p)})
			}
			return p.fr.WriteContinuation(1, false, p.encode("a", "b"))
		},
		"empty CONTINUATION": func(p *peer, i uint32) error {
			if i == 0 {
				return p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: head(p)})
			}
			return p.fr.WriteContinuation(1, false, nil)
		},
		"a block that unpacks to gigabytes": func(p *peer, i uint32) error {
			if i == 0 {
				return p.fr.WriteHeaders(h2.HeadersFrameParam{StreamID: 1, BlockFragment: p.encode("x", string(bytes.Repeat([]byte("y"), 4000)))})
			}
			return p.fr.WriteContinuation(1, false, bytes.Repeat([]byte{0xbe}, 16<<10)) // the newest entry of the table
		},
		"SETTINGS": func(p *peer, _ uint32) error {
			return p.fr.WriteSettings(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			if how := attack(t, write); how != "ENHANCE_YOUR_CALM" {
				t.Errorf("the connection ended with %q", how)
			}
		})
	}
}

func TestAPeerThatAsksAndDoesNotReadIsCutOff(t *testing.T) {
	nc, _, done := serve(t, ServerConfig{}, ignore)
	io.WriteString(nc, h2.ClientPreface)
	fr := h2.NewFramer(nc, nil)
	fr.WriteSettings()
	for i := 0; ; i++ {
		if err := fr.WritePing(false, [8]byte{}); err != nil {
			break
		}
	}
	if err := <-done; err == nil {
		t.Error("no error")
	}
}

func TestWindowsCannotOverflow(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, ignore)
	p := newPeer(t, nc).client()
	p.get(1)
	p.fr.WriteWindowUpdate(1, 1<<31-1)
	if got := p.ended(); got != "RST_STREAM FLOW_CONTROL_ERROR" {
		t.Errorf("a stream: %s", got)
	}
	p.fr.WriteWindowUpdate(0, 1<<31-1)
	if got := p.ended(); got != "GOAWAY FLOW_CONTROL_ERROR" {
		t.Errorf("the connection: %s", got)
	}
}

func TestTinyWindowsAreObeyed(t *testing.T) {
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) { answer(st, 200, "abc", nil) })
	p := newPeer(t, nc).client(h2.Setting{ID: h2.SettingInitialWindowSize, Val: 0})
	p.get(1)
	p.headers(1)
	for _, want := range []string{"a", "b", "c"} {
		p.fr.WriteWindowUpdate(1, 1)
		if got, _ := p.data(1, 1); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
