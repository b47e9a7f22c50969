package engine

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/ws"
)

// FuzzExchange plays events at both sides of one exchange, one an octet, under
// one of many policies and sets of hooks. However they come, the exchange ends
// when both sides have, once, and what it says was sent is what was sent.
//
// The first octet chooses version and framing, the second policy and hooks.
func FuzzExchange(f *testing.F) {
	for _, seed := range []string{"\x00\x00aAbB", "\x01\x01aaAhbbB", "\x02\x02hbaAbB", "\x03\x03aIhbBA", "\x04\x04tatA", "\x05\x05ahbl", "\x06\x06ahbX", "\x07\x07Y",
		"\x01\x08aahbbkB", "\x02\x10aShbsbB", "\x03\x20Ahttb", "\x00\x31ahB", "\x05\x0faahLbB", "\x02\x05hBaaaaA", "\x03\x41aAhBxyz"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, events []byte) {
		if len(events) < 2 || len(events) > 64 {
			return
		}
		synctest.Test(t, func(t *testing.T) { playExchange(t, events[0], events[1], events[2:]) })
	})
}

func playExchange(t *testing.T, shape, wish byte, events []byte) {
	version := flow.HTTP11
	if shape&1 != 0 {
		version = flow.HTTP2
	}
	up, down := newBody(), newBody()
	var fs flow.Fields
	if shape&4 != 0 {
		fs = fields("Content-Length: 6")
	}
	s, c := newStream(version, "POST", fs, up), newCall()
	if shape&2 == 0 {
		s = newStream(version, "GET", nil, nil)
	}
	policy := Policy{StoreStreamedBodies: wish&1 != 0}
	if wish&2 != 0 {
		policy.StreamLargeBodies = size(int64(wish >> 5))
	}
	var live *hook.Exchange
	w := &watching{}
	w.onReqHead = func(x *hook.Exchange) { live = x }
	addons := []any{w}
	if wish&4 != 0 {
		addons = append(addons, &whole{})
	}
	if wish&8 != 0 {
		w.onResp = func(x *hook.Exchange) { x.Response.SetContent([]byte("changed")) }
	}
	if wish&16 != 0 {
		w.onReq = func(x *hook.Exchange) { x.Response = hook.MakeResponse(200, nil, []byte("made")) }
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r := start(t, ctx, policy, s, upstream(c, &flow.Error{Peer: flow.AtServer, Phase: flow.Dialing, Err: errCut}), addons...)
	answered := false
	for _, e := range events {
		synctest.Wait()
		switch e {
		case 'a':
			up.feed("ab")
		case 'A':
			up.end(nil)
		case 'X':
			up.breakOff(errLeft)
		case 'I':
			c.inform(103)
		case 'h', 'l':
			if answered {
				break
			}
			answered = true
			in := chunked
			if e == 'l' {
				in = length(4)
			}
			c.answer(200, in, nil, down)
		case 'b':
			down.feed("xy")
		case 'B':
			down.end(fields("T: 1"))
		case 'Y':
			c.breakHead(errCut)
		case 'z':
			down.breakOff(errCut)
		case 'S':
			s.sink.mu.Lock()
			s.sink.stalled = true
			s.sink.mu.Unlock()
		case 's':
			s.sink.mu.Lock()
			s.sink.stalled = false
			s.sink.cond.Broadcast()
			s.sink.mu.Unlock()
		case 'L':
			s.leave(errLeft)
		case 'k':
			if live != nil {
				live.Kill()
			}
		case 't':
			time.Sleep(11 * time.Second)
		case 'x':
			stop()
		}
	}
	synctest.Wait()
	// Both sides go: nothing can keep it any longer.
	s.leave(errLeft)
	up.breakOff(errLeft)
	down.breakOff(errCut)
	c.breakHead(errCut)
	fl := r.end(t)
	if fl.Live() {
		t.Fatalf("it ended without an outcome: %+v", fl.Outcome)
	}
	record := r.m.only()
	for side, sent := range map[flow.Side]int64{flow.ToServer: fl.RequestBody.Sent, flow.ToClient: fl.ResponseBody.Sent} {
		if n := int64(record.body[side].Len()); n > sent {
			t.Fatalf("%v: recorded %d octets, sent %d", side, n, sent)
		}
	}
	if fl.Outcome.Answered == 0 && s.status() != 0 {
		if got := int64(len(s.sink.text())); got != fl.ResponseBody.Sent {
			t.Fatalf("says %d octets were sent, %d were: %q", fl.ResponseBody.Sent, got, s.sink.text())
		}
	}
	if fl.Outcome.Kind == flow.Completed && s.sink.text() != "" && !s.sink.closed {
		t.Fatalf("completed without an end: %+v", fl.Outcome)
	}
}

// listening is an addon that hears messages, and drops those that say so.
type listening struct{ drop bool }

func (l *listening) WebSocketMessage(_ context.Context, x *hook.Exchange) error {
	if l.drop && bytes.Contains(x.WebSocket.Message.Content, []byte("drop")) {
		x.WebSocket.Message.Drop()
	}
	return nil
}

// FuzzWebSocketRelay sends octets, cut anywhere, through the relay that hooks hear. Where
// the hooks leave messages alone, all of them arrive: the frames of messages in
// their order, the control frames in theirs, and what is no frame behind them.
func FuzzWebSocketRelay(f *testing.F) {
	for _, seed := range []string{"\x81\x02hi", "\x01\x02fr\x89\x01p\x80\x02ag\x88\x02\x03\xe8", "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x05\xf2\x00\x11\x00\x00", "\x81\x02\xc3\x28\x81\x01a",
		"\x01\x01\xff\x80\x01a", "\x91\x00", "\x83\x00x", "\x88\x7e\x00\x80", "\x81\x84mask\x05\x0e\x1f\x1b", "\x82\x7f\x80", "\x01\x03abc\x89", "\x81\x04drop\x81\x02ok", "\xc1\x03bad\x81\x01a"} {
		f.Add([]byte(seed), uint8(3), false)
		f.Add([]byte(seed), uint8(255), true)
	}
	f.Fuzz(func(t *testing.T, p []byte, cut uint8, deflate bool) {
		synctest.Test(t, func(t *testing.T) {
			head := fields("Connection: Upgrade", "Upgrade: websocket")
			if deflate {
				head = append(head, fields("Sec-WebSocket-Extensions: permessage-deflate")...)
			}
			s := newStream(flow.HTTP11, "GET", fields("Connection: Upgrade", "Upgrade: websocket"), nil)
			c := answers(101, flow.Framing{}, head, nil)
			s.duplex, c.duplex = newDuplex(newBody()), newDuplex(newBody())
			for rest := p; len(rest) > 0; {
				n := min(int(cut)+1, len(rest))
				s.duplex.in.feed(string(rest[:n]))
				rest = rest[n:]
			}
			s.duplex.in.end(nil)
			c.duplex.in.end(nil)
			r := start(t, t.Context(), Policy{}, s, upstream(c), &listening{})
			fl := r.end(t)
			got := []byte(c.duplex.out.text())
			data, control, rest := socketParts(p, deflate)
			gotData, gotControl, gotRest := socketParts(got, deflate)
			if !bytes.Equal(data, gotData) || !bytes.Equal(control, gotControl) || !bytes.Equal(rest, gotRest) || fl.RequestBody.Sent != int64(len(p)) {
				t.Fatalf("%x came as %x, %d sent", p, got, fl.RequestBody.Sent)
			}
			if r.m.only().body[flow.ToServer].String() != string(got) {
				t.Fatalf("recorded %x", r.m.only().body[flow.ToServer].Bytes())
			}
		})
	})
}

// socketParts parts octets into the frames of messages, control frames, and what
// is no frame, or no whole head.
func socketParts(p []byte, deflate bool) (data, control, rest []byte) {
	s := ws.NewSplitter(ws.Deflate{On: deflate}, 0)
	defer s.Close()
	s.Write(p)
	for at := 0; at < len(p); {
		step := s.Step()
		if s.Err() != nil {
			return data, control, p[s.Err().Offset:]
		}
		switch {
		case step.Frame == nil:
			rest = append(rest, p[at:at+step.N]...)
		case step.Frame.Opcode.Control():
			control = append(control, p[at:at+step.N]...)
		default:
			data = append(data, p[at:at+step.N]...)
		}
		at += step.N
	}
	return data, control, rest
}
