package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ws"
)

// socketPeers are a client and a server that have agreed on WebSocket: by an
// upgrade, as in HTTP/1, or by an extended CONNECT, as in HTTP/2.
type socketPeers struct {
	s *fakeStream
	c *fakeCall
}

func newSocketPeers(version flow.Version, extensions string) socketPeers {
	p := socketPeers{}
	given := fields()
	if extensions != "" {
		given.Add("Sec-WebSocket-Extensions", extensions)
	}
	if version >= flow.HTTP2 {
		p.s = newStream(version, "CONNECT", fields("sec-websocket-version: 13"), nil)
		p.s.head.Protocol = "websocket"
		p.c = answers(200, flow.Framing{}, given, nil)
	} else {
		p.s = newStream(version, "GET", fields("Connection: Upgrade", "Upgrade: websocket"), nil)
		p.c = answers(101, flow.Framing{}, append(fields("Connection: Upgrade", "Upgrade: websocket"), given...), nil)
	}
	p.s.duplex, p.c.duplex = newDuplex(newBody()), newDuplex(newBody())
	return p
}

// bothSockets runs a test under a fake clock with peers of either kind.
func bothSockets(t *testing.T, extensions string, test func(t *testing.T, p socketPeers)) {
	for _, v := range []flow.Version{flow.HTTP11, flow.HTTP2} {
		t.Run(v.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, newSocketPeers(v, extensions)) })
		})
	}
}

// frameOf is a frame with its first octet and payload, masked as a client does.
func frameOf(first byte, payload string, masked bool) string {
	h := ws.Header{Fin: first&0x80 != 0, RSV: first >> 4 & 7, Opcode: ws.Opcode(first & 15), Length: int64(len(payload)), Masked: masked}
	if masked {
		h.Mask = [4]byte{'m', 'a', 's', 'k'}
	}
	p := []byte(payload)
	ws.Cipher(p, h.Mask, 0)
	return string(append(ws.AppendHeader(nil, h), p...))
}

// messagesIn lists the messages in what was sent.
func messagesIn(sent string, d ws.Deflate) (list []string) {
	s := ws.NewSplitter(d, 1<<20)
	defer s.Close()
	s.Write([]byte(sent))
	for m, ok := s.Next(); ok; m, ok = s.Next() {
		list = append(list, fmt.Sprintf("%v %s", m.Opcode, m.Payload))
	}
	return list
}

// socketAddon notes what it hears, and does what a message asks for.
type socketAddon struct{ heard []string }

func (a *socketAddon) WebSocketStart(_ context.Context, x *hook.Exchange) error {
	a.heard = append(a.heard, fmt.Sprint("start ", x.Response.Status))
	return nil
}

func (a *socketAddon) WebSocketMessage(_ context.Context, x *hook.Exchange) error {
	m := x.WebSocket.Message
	a.heard = append(a.heard, fmt.Sprintf("client %v: %s", m.FromClient, m.Content))
	switch string(m.Content) {
	case "change":
		m.Content = []byte("changed")
	case "drop":
		m.Drop()
	case "inject":
		return x.WebSocket.Inject(hook.Injected{ToClient: true, Text: true, Content: []byte("injected")})
	case "kill":
		x.Kill()
	}
	return nil
}

func (a *socketAddon) WebSocketEnd(_ context.Context, x *hook.Exchange) error {
	w := x.WebSocket
	a.heard = append(a.heard, fmt.Sprint("end ", w.CloseCode, " ", w.CloseReason, " by client ", w.ClosedByClient))
	return nil
}

// Frames that hooks leave alone pass as they came, fragments and control frames
// too, and hooks hear messages, in their order, and how it ended.
func TestWebSocketPassesAsItCame(t *testing.T) {
	bothSockets(t, "", func(t *testing.T, p socketPeers) {
		a := &socketAddon{}
		r := start(t, t.Context(), Policy{}, p.s, upstream(p.c), a)
		synctest.Wait()
		up := frameOf(0x01, "one ", true) + frameOf(0x89, "ping", true) + frameOf(0x80, "whole", true)
		for i := range len(up) { // cut anywhere
			p.s.duplex.in.feed(up[i : i+1])
		}
		synctest.Wait()
		down := frameOf(0x8a, "ping", false) + frameOf(0x82, "\x00\x01", false) + frameOf(0x88, "\x03\xe8bye", false)
		p.c.duplex.in.feed(down)
		p.c.duplex.in.end(nil)
		synctest.Wait()
		answer := frameOf(0x88, "\x03\xe8", true)
		p.s.duplex.in.feed(answer)
		p.s.duplex.in.end(nil)
		f := r.end(t)
		// The ping passes the message that is held.
		want := frameOf(0x89, "ping", true) + frameOf(0x01, "one ", true) + frameOf(0x80, "whole", true) + answer
		if got := p.c.duplex.out.text(); got != want {
			t.Errorf("the server got %q, want %q", got, want)
		}
		if got := p.s.duplex.out.text(); got != down {
			t.Errorf("the client got %q, want %q", got, down)
		}
		heard := []string{fmt.Sprint("start ", f.Response.Status), "client true: one whole", "client false: \x00\x01", "end 1000 bye by client false"}
		if !slices.Equal(a.heard, heard) {
			t.Errorf("heard %q", a.heard)
		}
		if f.Outcome.Kind != flow.Completed || f.RequestBody.Transformed || f.ResponseBody.Transformed || flow.Switched(f.Request, f.Response) != "websocket" ||
			r.m.only().body[0].String() != want || r.m.only().body[1].String() != down || !p.c.duplex.closed || !p.s.duplex.closed {
			t.Errorf("%+v, %+v", f.Outcome, f.RequestBody)
		}
	})
}

// What hooks make of messages is sent in their place, with compression as agreed.
func TestWebSocketMessagesAreChanged(t *testing.T) {
	for _, extensions := range []string{"", "permessage-deflate; client_no_context_takeover"} {
		bothSockets(t, extensions, func(t *testing.T, p socketPeers) {
			d, _, _ := ws.Agreed(extensions)
			a := &socketAddon{}
			r := start(t, t.Context(), Policy{}, p.s, upstream(p.c), a)
			synctest.Wait()
			var deflater ws.Deflater
			for _, text := range []string{"before", "change", "drop", "inject", "after"} {
				first, payload := byte(0x81), []byte(text)
				if d.On {
					if out, ok := deflater.Message(d, payload); ok {
						first, payload = 0xc1, out
					}
				}
				p.s.duplex.in.feed(frameOf(first, string(payload), true))
			}
			p.s.duplex.in.feed(frameOf(0x88, "\x0f\xa1", true))
			p.s.duplex.in.end(nil)
			synctest.Wait()
			p.c.duplex.in.feed(frameOf(0x88, "\x0f\xa1", false))
			p.c.duplex.in.end(nil)
			f := r.end(t)
			if got := messagesIn(p.c.duplex.out.text(), d); !slices.Equal(got, []string{"text before", "text changed", "text inject", "text after", "close \x0f\xa1"}) {
				t.Errorf("the server got %q", got)
			}
			if got := messagesIn(p.s.duplex.out.text(), ws.Deflate{}); !slices.Equal(got, []string{"text injected", "close \x0f\xa1"}) {
				t.Errorf("the client got %q", got)
			}
			if last := a.heard[len(a.heard)-1]; last != "end 4001  by client true" || !f.RequestBody.Transformed || !f.ResponseBody.Transformed {
				t.Errorf("heard %q, transformed %v %v", a.heard, f.RequestBody.Transformed, f.ResponseBody.Transformed)
			}
		})
	}
}

// An end without a close frame is 1006, which is told and never sent; a failure
// stays one.
func TestWebSocketEndsWithoutAClose(t *testing.T) {
	for name, end := range map[string]func(p socketPeers){
		"the server's end":   func(p socketPeers) { p.c.duplex.in.end(nil); synctest.Wait(); p.s.duplex.in.end(nil) },
		"the server's reset": func(p socketPeers) { p.c.duplex.in.breakOff(errReset) },
		"the client's reset": func(p socketPeers) { p.s.duplex.in.breakOff(errLeft) },
		"a kill":             func(p socketPeers) { p.s.duplex.in.feed(frameOf(0x81, "kill", true)) },
	} {
		bothSockets(t, "", func(t *testing.T, p socketPeers) {
			a := &socketAddon{}
			r := start(t, t.Context(), Policy{}, p.s, upstream(p.c), a)
			synctest.Wait()
			p.c.duplex.in.feed(frameOf(0x81, "hello", false))
			synctest.Wait()
			end(p)
			f := r.end(t)
			if got := p.s.duplex.out.text(); got != frameOf(0x81, "hello", false) || p.c.duplex.out.text() != "" {
				t.Errorf("%s: the client got %q, the server %q", name, got, p.c.duplex.out.text())
			}
			if last := a.heard[len(a.heard)-1]; !strings.HasPrefix(last, "end 1006") {
				t.Errorf("%s: heard %q", name, a.heard)
			}
			broken := name != "the server's end"
			if broken != (f.Outcome.Kind != flow.Completed) || broken != (p.s.duplex.reset && p.c.duplex.reset) {
				t.Errorf("%s: %+v, reset %v %v", name, f.Outcome, p.s.duplex.reset, p.c.duplex.reset)
			}
		})
	}
}

// What does not open a WebSocket is a response like any other: the server's, and
// one that a hook makes of the server's agreement.
func TestWebSocketThatIsRefused(t *testing.T) {
	bothSockets(t, "", func(t *testing.T, p socketPeers) {
		p.c = answers(403, flow.Framing{Kind: flow.ByLength, Length: 2}, fields("Content-Length: 2"), wholeBody("no"))
		r := start(t, t.Context(), Policy{}, p.s, upstream(p.c), &socketAddon{})
		if f := r.end(t); p.s.status() != 403 || p.s.sink.text() != "no" || f.Outcome.Kind != flow.Completed {
			t.Errorf("%d %q, %+v", p.s.status(), p.s.sink.text(), f.Outcome)
		}
	})
	bothSockets(t, "", func(t *testing.T, p socketPeers) {
		a := &socketAddon{}
		r := start(t, t.Context(), Policy{}, p.s, upstream(p.c), a, refusing{})
		f := r.end(t)
		if p.s.status() != 403 || len(a.heard) > 0 || p.c.cancelCause() == nil || f.ResponseBody.Reason == "upgraded connection" {
			t.Errorf("%d, heard %q, %+v", p.s.status(), a.heard, f.ResponseBody)
		}
	})
}

// refusing makes 403 of every response.
type refusing struct{}

func (refusing) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	x.Response.Status, x.Response.Reason = 403, ""
	return nil
}

// What is not WebSocket passes, with a finding.
func TestWebSocketThatIsNone(t *testing.T) {
	bothSockets(t, "", func(t *testing.T, p socketPeers) {
		a := &socketAddon{}
		r := start(t, t.Context(), Policy{}, p.s, upstream(p.c), a)
		synctest.Wait()
		p.c.duplex.in.feed(frameOf(0x81, "hello", false) + "\x8f\x7fnot a frame")
		synctest.Wait()
		p.c.duplex.in.feed(" at all")
		p.c.duplex.in.end(nil)
		p.s.duplex.in.end(nil)
		f := r.end(t)
		if got := p.s.duplex.out.text(); got != frameOf(0x81, "hello", false)+"\x8f\x7fnot a frame at all" {
			t.Errorf("the client got %q", got)
		}
		if len(f.Findings) != 1 || f.Findings[0].Code != "websocket-raw" || f.Outcome.Kind != flow.Completed {
			t.Errorf("findings %v, %+v", f.Findings, f.Outcome)
		}
	})
}
