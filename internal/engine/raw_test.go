package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
)

func TestTunnelIdleAndHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		e := New(Config{Recorder: m})
		client, server := newDuplex(newBody("hello")), newDuplex(newBody())
		done := make(chan struct{})
		go func() { defer close(done); e.Tunnel(t.Context(), client, server, TunnelInfo{}) }()
		synctest.Wait()
		client.in.end(nil)
		synctest.Wait()
		if server.out.text() != "hello" || !server.half || client.half {
			t.Fatalf("%q, half-closed %v", server.out.text(), server.half)
		}
		server.in.feed("answer")
		synctest.Wait()
		if client.out.text() != "answer" {
			t.Fatalf("after the half-close the client has %q", client.out.text())
		}
		begin := time.Now()
		<-done
		f := m.only().end
		if f.Outcome.Kind != flow.TimedOut || !client.reset || !server.reset || time.Since(begin) > defaultTCPTimeout+defaultTCPTimeout/2 {
			t.Fatalf("%+v after %v", f.Outcome, time.Since(begin))
		}
		if m.only().body[0].String() != "hello" || m.only().body[1].String() != "answer" || f.Kind != flow.TCP {
			t.Fatalf("%+v", f)
		}
	})
}

func TestUpgradeIsATunnelOfTheFlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(flow.HTTP11, "GET", fields("Connection: Upgrade", "Upgrade: websocket"), nil)
		s.duplex = newDuplex(newBody("from client"))
		c := answers(101, flow.Framing{}, fields("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0"), nil)
		c.duplex = newDuplex(newBody("from server"))
		w := &whole{}
		r := start(t, t.Context(), Policy{StreamLargeBodies: size(0)}, s, upstream(c), w)
		synctest.Wait()
		if lines(c.request.Fields) != "Connection: Upgrade|Upgrade: websocket" || lines(s.response.Fields) != "Connection: Upgrade|Upgrade: websocket" {
			t.Fatalf("%q %q", lines(c.request.Fields), lines(s.response.Fields))
		}
		if s.duplex.out.text() != "from server" || c.duplex.out.text() != "from client" {
			t.Fatalf("%q %q", s.duplex.out.text(), c.duplex.out.text())
		}
		s.duplex.in.end(nil)
		synctest.Wait()
		if !c.duplex.half || s.duplex.half {
			t.Fatal("the half-close did not pass")
		}
		c.duplex.in.end(nil)
		f := r.end(t)
		if f.Outcome.Kind != flow.Completed || f.RequestBody.Sent != 11 || f.ResponseBody.Reason != "upgraded connection" || r.m.only().body[1].String() != "from server" {
			t.Fatalf("%+v %+v", f.Outcome, f.ResponseBody)
		}
		if want := []string{"requestheaders", "request", "responseheaders", "response"}; !slices.Equal(w.order, want) {
			t.Fatalf("order %v", w.order)
		}
	})
}
