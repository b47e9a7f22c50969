package http2

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

func priorityUpdate(id uint32, value string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, id), value...)
}

// A priority that a client gives a request before its head, before anybody follows,
// or after, is told in its order; of what came before, the last of each kind.
func TestLaterPrioritiesAreTold(t *testing.T) {
	const changes = maxPriorityChanges + 10
	got, follow, come := make(chan string, changes), make(chan struct{}), make(chan struct{}, 2)
	nc, _, _ := serve(t, ServerConfig{}, func(st *Stream) {
		come <- struct{}{}
		if st.stream.id == 1 {
			<-follow
			st.FollowPriority(func(p flow.PriorityChange) { got <- p.String() })
		}
		readBody(st.Body())
		answer(st, 200, "", nil)
	})
	p := newPeer(t, nc).client()
	update := func(id uint32, value string) {
		p.fr.WritePriorityUpdate(id, value)
	}
	sync := func() {
		p.fr.WritePing(false, [8]byte{})
		p.await(func(f h2.Frame) bool { ping, ok := f.(*h2.PingFrame); return ok && ping.IsAck() })
	}
	for id := range uint32(2 * maxEarlyPriorities) {
		update(1001+2*id, "u=7") // of streams that never come
	}
	p.post(1)
	<-come
	update(1, "u=6")
	p.fr.WritePriority(1, h2.PriorityParam{StreamDep: 3, Exclusive: true, Weight: 9})
	update(1, "u=5, i")
	update(1, "not\ntext")
	update(1, strings.Repeat("x", maxPriorityValue+1))
	update(99999, "u=0")
	sync()
	close(follow)
	want := []string{"weight 10, depends on stream 3 exclusively", "u=5, i"}
	for _, w := range want {
		if g := <-got; g != w {
			t.Errorf("told of %q, want %q", g, w)
		}
	}
	for i := range changes {
		update(1, fmt.Sprint("u=1, n=", i))
	}
	sync()
	if n := len(got); n != maxPriorityChanges-3 {
		t.Errorf("%d more changes were told, want %d", n, maxPriorityChanges-3)
	}
	p.fr.WriteData(1, true, nil)
}

func TestEarlyPrioritiesAreBoundedAndForgotten(t *testing.T) {
	var e earlyPriorities
	for id := range uint32(1000) {
		e.add(2*id+1, flow.PriorityChange{Value: "u=1"})
	}
	if len(e) != maxEarlyPriorities {
		t.Fatalf("%d are kept", len(e))
	}
	e.add(5, flow.PriorityChange{Value: "u=2"})
	if last := e.take(5); last[0] != nil || last[1] == nil || last[1].Value != "u=2" || len(e) != maxEarlyPriorities-3 {
		t.Errorf("%v, and %d are kept", last, len(e))
	}
	if last := e.take(3); last[0] != nil || last[1] != nil {
		t.Errorf("%v of a stream that was not to come", last)
	}
}

func TestFaultyPriorityUpdatesEndTheConnection(t *testing.T) {
	for _, c := range []struct {
		name    string
		stream  uint32
		payload []byte
		want    string
	}{
		{"on a stream", 1, priorityUpdate(1, "u=1"), "GOAWAY PROTOCOL_ERROR"},
		{"too short", 0, []byte{0, 0, 1}, "GOAWAY FRAME_SIZE_ERROR"},
		{"for stream 0", 0, priorityUpdate(0, "u=1"), "GOAWAY PROTOCOL_ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc, _, _ := serve(t, ServerConfig{}, func(*Stream) {})
			p := newPeer(t, nc).client()
			p.fr.WriteRawFrame(h2.FramePriorityUpdate, 0, c.stream, c.payload)
			if got := p.ended(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	t.Run("from a server", func(t *testing.T) {
		_, p := dial(t, ClientConfig{})
		p.fr.WritePriorityUpdate(1, "u=1")
		if got := p.ended(); got != "GOAWAY PROTOCOL_ERROR" {
			t.Error(got)
		}
	})
}

// A call takes on a priority in the kind of frame that it came in, for its own
// stream; after its end it says nothing.
func TestACallTakesOnPriorities(t *testing.T) {
	c, p := dial(t, ClientConfig{Like: &flow.Opening{Priorities: []flow.Priority{{Stream: 3}, {Stream: 5}}}})
	call := open(t, c, request("GET", "/"), flow.Framing{})
	p.headers(7)
	call.Prioritize(flow.PriorityChange{Value: "u=2"})
	call.Prioritize(flow.PriorityChange{Tree: &flow.Priority{Stream: 99, DependsOn: 5, Weight: 3}})
	call.Prioritize(flow.PriorityChange{Tree: &flow.Priority{Stream: 99, DependsOn: 101, Weight: 4, Exclusive: true}})
	var got []string
	for len(got) < 3 {
		f := p.await(func(f h2.Frame) bool {
			switch f.(type) {
			case *h2.PriorityFrame, *h2.PriorityUpdateFrame:
				return true
			}
			return false
		})
		switch f := f.(type) {
		case *h2.PriorityFrame:
			got = append(got, fmt.Sprint(f.StreamID, f.PriorityParam))
		case *h2.PriorityUpdateFrame:
			got = append(got, fmt.Sprint(f.PrioritizedStreamID, f.Priority))
		default:
			t.Fatal("the connection has ended")
		}
	}
	if g, want := strings.Join(got, "\n"), "7u=2\n7 {5 false 3 0 0}\n7 {0 true 4 0 0}"; g != want {
		t.Errorf("%s\nwant\n%s", g, want)
	}
	call.Close()
	call.Prioritize(flow.PriorityChange{Value: "u=3"})
	c.w.control(func(fr *h2.Framer) { fr.WritePing(false, [8]byte{}) })
	p.await(func(f h2.Frame) bool {
		if f, ok := f.(*h2.PriorityUpdateFrame); ok {
			t.Errorf("a closed call says %q", f.Priority)
		}
		_, ping := f.(*h2.PingFrame)
		return ping
	})
}
