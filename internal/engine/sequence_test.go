package engine

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/message"
)

// onlooker is a watcher that writes down the messages it is told of.
type onlooker struct {
	mu   sync.Mutex
	told []string
}

func (o *onlooker) Watch(*flow.Flow)    {}
func (o *onlooker) WantsMessages() bool { return true }
func (o *onlooker) WatchMessage(m message.Passed) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.told = append(o.told, fmt.Sprintf("%v %d", m.Side, m.Index))
}

// silent hears everything and does nothing.
type silent struct{}

func (silent) TCPMessage(context.Context, *hook.Exchange) error       { return nil }
func (silent) WebSocketMessage(context.Context, *hook.Exchange) error { return nil }
func (silent) GRPCMessage(context.Context, *hook.Exchange) error      { return nil }

// An answer stands behind what it answers, by its time and to those who watch,
// although what it answers is noted only when its Write returns: that may be after
// the answer has come, has been sent on and noted.
func TestAnAnswerStandsBehindItsQuestion(t *testing.T) {
	const grpc = "Content-Type: application/grpc"
	frame := func(s string) string { return "\x00\x00\x00\x00" + string(rune(len(s))) + s }
	for name, c := range map[string]struct {
		question, answer string
		tunnel           bool
		peers            func() (*fakeStream, *fakeCall)
	}{
		"tunnel": {question: "question", answer: "answer", tunnel: true},
		"WebSocket": {question: frameOf(0x81, "question", true), answer: frameOf(0x81, "answer", false), peers: func() (*fakeStream, *fakeCall) {
			p := newSocketPeers(flow.HTTP11, "")
			return p.s, p.c
		}},
		"gRPC": {question: frame("question"), answer: frame("answer"), peers: func() (*fakeStream, *fakeCall) {
			s := newStream(flow.HTTP2, "POST", fields(grpc), newBody())
			return s, answers(200, flow.Framing{Kind: flow.Chunked}, fields(grpc), newBody())
		}},
	} {
		for _, addons := range [][]any{nil, {silent{}}} {
			t.Run(fmt.Sprintf("%s, %d hooks", name, len(addons)), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, eye := &memory{}, &onlooker{}
					e := New(Config{Recorder: m, Watchers: []Watcher{eye}})
					var client, server *fakeBody
					var written *fakeSink
					var run func()
					if c.tunnel {
						near, far := newDuplex(newBody()), newDuplex(newBody())
						client, server, written = near.in, far.in, far.out
						run = func() { e.Tunnel(t.Context(), near, far, TunnelInfo{Set: newSet(t, addons...)}) }
					} else {
						s, call := c.peers()
						client, server, written = s.body, call.response, call.sink
						if s.duplex != nil {
							client, server, written = s.duplex.in, call.duplex.in, call.duplex.out
						}
						run = func() { e.Serve(t.Context(), s, upstream(call), Origin{Set: newSet(t, addons...)}) }
					}
					rounds := 0
					written.wrote = func() {
						rounds++
						server.feed(c.answer)
						time.Sleep(time.Second) // until all that the answer leads to has come to rest
					}
					done := make(chan struct{})
					go func() { defer close(done); run() }()
					for range 3 {
						client.feed(c.question)
						synctest.Wait()
						time.Sleep(2 * time.Second)
					}
					client.end(nil)
					server.end(nil)
					<-done
					if rounds != 3 {
						t.Fatalf("%d writes", rounds)
					}
					want := []string{"request 0", "response 0", "request 1", "response 1", "request 2", "response 2"}
					if !slices.Equal(eye.told, want) {
						t.Errorf("told %q", eye.told)
					}
					r := m.only()
					var marks, pieces []time.Time
					for i := range 3 {
						for side := range r.marks {
							marks, pieces = append(marks, r.marks[side][i].Time), append(pieces, r.times[side][i])
						}
					}
					for what, all := range map[string][]time.Time{"messages": marks, "pieces": pieces} {
						for i := range all[1:] {
							if d := all[i+1].Sub(all[i]); d < time.Microsecond {
								t.Errorf("%s: %d came %v after the one before", what, i+1, d)
							}
						}
					}
				})
			})
		}
	}
}

// What waits for the other side is told in any case: when that has been sent, or
// when too much would wait.
func TestWaitingMessagesAreTold(t *testing.T) {
	for _, n := range []int{3, 3 * maxToldLate} {
		eye := &onlooker{}
		by := []MessageWatcher{eye}
		s := &sequence{base: time.Now()}
		s.begin(flow.ToServer)
		var want []string
		for i := range n {
			s.begin(flow.ToClient)
			s.tell(by, message.Passed{Side: flow.ToClient, Index: int64(i)})
			s.end(flow.ToClient)
			want = append(want, fmt.Sprintf("%v %d", flow.ToClient, i))
		}
		if len(eye.told) != n-(n-1)%maxToldLate-1 {
			t.Errorf("of %d told %d before", n, len(eye.told))
		}
		s.tell(by, message.Passed{Side: flow.ToServer})
		at := len(eye.told) - 1
		want = slices.Insert(want, at, fmt.Sprintf("%v 0", flow.ToServer))
		s.end(flow.ToServer)
		if !slices.Equal(eye.told, want) {
			t.Errorf("told %q, want %q", eye.told, want)
		}
	}
}

// Whoever moves the sides, every message is told once, and each side in its order.
func TestSequenceOfBothSidesAtOnce(t *testing.T) {
	eye := &onlooker{}
	s := &sequence{base: time.Now()}
	var all sync.WaitGroup
	const n = 2000
	for _, side := range []flow.Side{flow.ToServer, flow.ToClient} {
		all.Go(func() {
			last := time.Time{}
			for i := range n {
				s.begin(side)
				if at := s.at(side); !at.After(last) {
					t.Errorf("%v after %v", at, last)
				} else {
					last = at
				}
				s.tell([]MessageWatcher{eye}, message.Passed{Side: side, Index: int64(i)})
				s.end(side)
			}
		})
	}
	all.Wait()
	next := map[string]int{}
	for _, line := range eye.told {
		var side string
		var i int
		fmt.Sscan(line, &side, &i)
		if i != next[side] {
			t.Fatalf("%s behind %d", line, next[side]-1)
		}
		next[side]++
	}
	if len(eye.told) != 2*n {
		t.Errorf("told %d of %d", len(eye.told), 2*n)
	}
}

// A client that takes nothing does not keep its own messages from the server,
// although hooks hear both directions.
func TestAStalledDirectionDoesNotHoldUpTheOther(t *testing.T) {
	bothSockets(t, "", func(t *testing.T, p socketPeers) {
		p.s.duplex.out.stalled = true
		r := start(t, t.Context(), Policy{}, p.s, upstream(p.c), silent{})
		p.c.duplex.in.feed(frameOf(0x81, "to a client that does not read", false))
		synctest.Wait()
		for _, m := range []string{"one", "two"} {
			p.s.duplex.in.feed(frameOf(0x81, m, true))
		}
		p.c.duplex.out.await(2 * len(frameOf(0x81, "one", true)))
		p.s.leave(errLeft)
		r.end(t)
	})
}

// What is answered is looked at behind what was asked, but not for ever.
func TestAnAnswerIsLookedAtBehindItsQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := sequence{base: time.Now()}
		s.settles()
		s.begin(flow.ToServer)
		s.begin(flow.ToClient)
		var looked atomic.Bool
		go func() {
			s.settle(flow.ToClient)
			looked.Store(true)
		}()
		synctest.Wait()
		if looked.Load() {
			t.Error("the answer did not wait")
		}
		s.end(flow.ToServer)
		synctest.Wait()
		if !looked.Load() {
			t.Error("the answer still waits")
		}
		// A side whose receiver takes nothing is waited for once.
		s.begin(flow.ToServer)
		for i, want := range []time.Duration{settleFor, 0} {
			s.begin(flow.ToClient)
			began := time.Now()
			if s.settle(flow.ToClient); time.Since(began) != want {
				t.Errorf("%d: waited %v, want %v", i, time.Since(began), want)
			}
			s.end(flow.ToClient)
		}
	})
}
