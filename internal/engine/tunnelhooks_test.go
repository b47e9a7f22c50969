package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"midstream/flow"
	"midstream/hook"
)

// onTCP writes down what it hears, and does with messages what they ask for.
type onTCP struct {
	heard  []string
	greets bool           // both sides
	live   chan *hook.TCP // is given the tunnel; nil for nobody
}

func (o *onTCP) TCPStart(_ context.Context, x *hook.Exchange) error {
	o.heard = append(o.heard, "start")
	x.Comment = "seen"
	if o.greets {
		x.TCP.Inject(hook.Injected{ToClient: true, Content: []byte("hello client,")})
		x.TCP.Inject(hook.Injected{Content: []byte("hello server,")})
	}
	if o.live != nil {
		o.live <- x.TCP
	}
	return nil
}

func (o *onTCP) TCPMessage(_ context.Context, x *hook.Exchange) error {
	m := x.TCP.Message
	o.heard = append(o.heard, fmt.Sprintf("%v %s", m.FromClient, m.Content))
	switch string(m.Content) {
	case "drop":
		m.Content = nil
	case "kill":
		return x.Kill()
	case "fail":
		return errors.New("it failed")
	case "both":
		x.TCP.Inject(hook.Injected{ToClient: true, Content: []byte("<to client>")})
		x.TCP.Inject(hook.Injected{Content: []byte("<to server>")})
		x.TCP.Inject(hook.Injected{Content: nil})
	}
	m.Content = bytes.ReplaceAll(m.Content, []byte("secret"), []byte("***"))
	return nil
}

func (o *onTCP) TCPEnd(_ context.Context, x *hook.Exchange) error {
	o.heard = append(o.heard, "end")
	return nil
}

func (o *onTCP) TCPError(_ context.Context, x *hook.Exchange) error {
	o.heard = append(o.heard, "error "+x.Err.Error())
	return nil
}

// rawTunnel runs f at the two ends of a tunnel that an addon hears, and returns its
// last picture. f must leave both ends closed, or the tunnel broken.
func rawTunnel(t *testing.T, addon any, f func(client, server *fakeDuplex)) (last *flow.Flow, m *memoryRecord) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m0 := &memory{}
		e := New(Config{Recorder: m0})
		client, server := newDuplex(newBody()), newDuplex(newBody())
		set, err := hook.NewSet(nil, addon)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			e.Tunnel(t.Context(), client, server, TunnelInfo{Set: set})
		}()
		synctest.Wait()
		f(client, server)
		<-done
		m = m0.only()
		last = m.end
	})
	return last, m
}

func TestRawMessagesAreHeardAndChanged(t *testing.T) {
	o := &onTCP{}
	f, m := rawTunnel(t, o, func(client, server *fakeDuplex) {
		client.in.feed("a secret")
		synctest.Wait()
		server.in.feed("drop")
		synctest.Wait()
		server.in.feed("b")
		synctest.Wait()
		if server.out.text() != "a ***" || client.out.text() != "b" {
			t.Errorf("the server got %q, the client %q", server.out.text(), client.out.text())
		}
		client.in.end(nil)
		server.in.end(nil)
	})
	if got := strings.Join(o.heard, ", "); got != "start, true a secret, false drop, false b, end" {
		t.Errorf("heard %s", got)
	}
	up, down := f.RequestBody, f.ResponseBody
	if f.Comment != "seen" || !up.Transformed || up.Sent != 5 || up.Received != 8 || up.Messages != 1 || down.Messages != 1 || down.Received != 5 || f.Outcome.Kind != flow.Completed {
		t.Errorf("%+v", f)
	}
	if m.body[0].String() != "a ***" || len(m.marks[1]) != 1 || m.marks[1][0].Length != 1 {
		t.Errorf("recorded %q, %v", m.body[0].String(), m.marks)
	}
}

func TestRawTunnelsAreKilledAndFail(t *testing.T) {
	o := &onTCP{}
	f, _ := rawTunnel(t, o, func(client, server *fakeDuplex) { client.in.feed("kill") })
	if got := strings.Join(o.heard, ", "); f.Outcome.Kind != flow.Killed || got != "start, true kill, error "+errKilled.Error() {
		t.Errorf("%+v, heard %s", f.Outcome, got)
	}
	o = &onTCP{}
	f, _ = rawTunnel(t, o, func(client, server *fakeDuplex) {
		client.in.feed("fail")
		synctest.Wait()
		if server.out.text() != "fail" {
			t.Errorf("behind an error the server got %q", server.out.text())
		}
		client.in.end(nil)
		server.in.end(nil)
	})
	if f.Outcome.Kind != flow.Completed || !slices.Contains(findings(f), "addon-error") {
		t.Errorf("%+v %v", f.Outcome, f.Findings)
	}
	f, m := rawTunnel(t, guarded{&onTCP{}}, func(client, server *fakeDuplex) { client.in.feed("fail") })
	if f.Outcome.Kind != flow.Refused || m.body[0].Len() != 0 {
		t.Errorf("%+v, sent %q", f.Outcome, m.body[0].String())
	}
}

// guarded is an addon that must not be passed by.
type guarded struct{ *onTCP }

func (guarded) Required() bool { return true }

// What hooks add is sent behind the message that they ran on, and at any time by
// whoever has the tunnel; no hook hears it, and the record has it where it was sent.
func TestMessagesAreInjectedIntoRawTunnels(t *testing.T) {
	o := &onTCP{greets: true, live: make(chan *hook.TCP, 1)}
	var tcp *hook.TCP
	f, m := rawTunnel(t, o, func(client, server *fakeDuplex) {
		tcp = <-o.live
		client.in.feed("both")
		synctest.Wait()
		if err := tcp.Send(hook.Injected{ToClient: true, Content: []byte(" at any time")}); err != nil {
			t.Error(err)
		}
		if got := client.out.text(); got != "hello client,<to client> at any time" {
			t.Errorf("the client got %q", got)
		}
		client.in.end(nil)
		synctest.Wait()
		if err := tcp.Send(hook.Injected{Content: []byte("late")}); !errors.Is(err, hook.ErrTunnelClosed) {
			t.Errorf("into a direction that has ended: %v", err)
		}
		server.in.feed("both") // one of them comes too late
		synctest.Wait()
		if got := server.out.text(); got != "hello server,both<to server>" {
			t.Errorf("the server got %q", got)
		}
		server.in.end(nil)
	})
	if err := tcp.Send(hook.Injected{ToClient: true, Content: []byte("late")}); !errors.Is(err, hook.ErrTunnelClosed) {
		t.Errorf("behind the end: %v", err)
	}
	if got := strings.Join(o.heard, ", "); got != "start, true both, false both, end" {
		t.Errorf("heard %s", got)
	}
	up, down := f.RequestBody, f.ResponseBody
	if !up.Transformed || up.Received != 4 || up.Sent != 28 || up.Messages != 3 || !down.Transformed || down.Received != 4 || down.Messages != 5 {
		t.Errorf("%+v %+v", up, down)
	}
	if got := m.body[1].String(); got != "hello client,<to client> at any timeboth<to client>" {
		t.Errorf("recorded %q", got)
	}
	if f.Outcome.Kind != flow.Completed || !slices.Contains(findings(f), "message-refused") {
		t.Errorf("%+v %v", f.Outcome, f.Findings)
	}
}

// A tunnel that broke lets nobody wait who sends into it, also where only its start
// is heard.
func TestWhoInjectsDoesNotOutliveTheTunnel(t *testing.T) {
	o := &startOnly{live: make(chan *hook.TCP, 1)}
	sent := make(chan error, 1)
	rawTunnel(t, o, func(client, server *fakeDuplex) {
		tcp := <-o.live
		server.out.mu.Lock()
		server.out.stalled = true
		server.out.mu.Unlock()
		go func() { sent <- tcp.Send(hook.Injected{Content: []byte("x")}) }()
		synctest.Wait()
		client.in.breakOff(errLeft)
		if err := <-sent; err == nil {
			t.Error("it was sent")
		}
	})
}

type startOnly struct{ live chan *hook.TCP }

func (s *startOnly) TCPStart(_ context.Context, x *hook.Exchange) error {
	s.live <- x.TCP
	return nil
}
