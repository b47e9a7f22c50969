package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/hook"
)

// running is an exchange under a fake clock.
type running struct {
	m    *memory
	done chan struct{}
}

func start(t *testing.T, ctx context.Context, p Policy, s *fakeStream, up Upstream, addons ...any) *running {
	r := &running{m: &memory{}, done: make(chan struct{})}
	e := New(Config{Recorder: r.m, Policy: p, SpillDir: t.TempDir()})
	set := newSet(t, addons...)
	go func() {
		defer close(r.done)
		e.Serve(ctx, s, up, Origin{Set: set})
	}()
	return r
}

func (r *running) ended() bool {
	synctest.Wait()
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func (r *running) end(t *testing.T) *flow.Flow {
	t.Helper()
	<-r.done
	return r.m.only().end
}

func expecting(b *fakeBody) *fakeStream {
	return newStream(flow.HTTP11, "POST", fields("Content-Length: 5", "Expect: 100-continue"), b)
}

func TestExpectIsTheServersToAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBody()
		s, c := expecting(b), newCall()
		r := start(t, t.Context(), Policy{}, s, upstream(c))
		synctest.Wait()
		if !c.request.Fields.Has("Expect") {
			t.Fatal("Expect did not go on")
		}
		c.inform(100)
		synctest.Wait()
		if !slices.Equal(s.informed(), []int{100}) {
			t.Fatalf("informed %v", s.informed())
		}
		time.Sleep(2 * expectTime) // the client takes its time: no second 100
		b.feed("hello")
		b.end(nil)
		c.answer(200, length(2), nil, wholeBody("ok"))
		f := r.end(t)
		if f.Outcome.Kind != flow.Completed || c.sink.text() != "hello" || len(f.Interim) != 1 {
			t.Fatalf("%+v %q", f.Outcome, c.sink.text())
		}
		if !slices.Equal(s.informed(), []int{100}) {
			t.Fatalf("informed %v", s.informed())
		}
	})
}

func TestExpectOfASilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBody()
		s, c := expecting(b), newCall()
		begin := time.Now()
		r := start(t, t.Context(), Policy{}, s, upstream(c))
		synctest.Wait()
		if len(s.informed()) != 0 {
			t.Fatalf("too early: %v", s.informed())
		}
		time.Sleep(expectTime)
		synctest.Wait()
		if !slices.Equal(s.informed(), []int{100}) || time.Since(begin) != expectTime {
			t.Fatalf("after %v informed %v", time.Since(begin), s.informed())
		}
		c.inform(100) // swallowed
		c.inform(103)
		b.feed("hello")
		b.end(nil)
		c.answer(200, length(2), nil, wholeBody("ok"))
		r.end(t)
		if !slices.Equal(s.informed(), []int{100, 103}) {
			t.Fatalf("informed %v", s.informed())
		}
	})
}

func TestExpectAnsweredFinally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBody()
		s := expecting(b)
		c := answers(417, length(2), fields("Content-Length: 2"), wholeBody("no"))
		r := start(t, t.Context(), Policy{}, s, upstream(c))
		begin := time.Now()
		f := r.end(t)
		if time.Since(begin) != 0 || f.Outcome.Kind != flow.Completed || s.status() != 417 || s.sink.text() != "no" {
			t.Fatalf("after %v: %+v %d %q", time.Since(begin), f.Outcome, s.status(), s.sink.text())
		}
		if s.response.Fields.Get("Connection") != "close" || flow.CauseOf(b.cancelCause()) != flow.NotNeeded || len(s.informed()) != 0 {
			t.Fatalf("%v %v %v", s.response.Fields, b.cancelCause(), s.informed())
		}
	})
}

func TestExpectUnderHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBody()
		s := expecting(b)
		c := answers(200, length(2), nil, wholeBody("ok"))
		r := start(t, t.Context(), Policy{}, s, upstream(c), &whole{})
		synctest.Wait()
		if !slices.Equal(s.informed(), []int{100}) {
			t.Fatalf("informed %v", s.informed())
		}
		b.feed("hello")
		b.end(nil)
		r.end(t)
		if c.request.Fields.Has("Expect") || c.sink.text() != "hello" {
			t.Fatalf("%v %q", c.request.Fields, c.sink.text())
		}
	})
}

func TestInterimResponsesPassAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for v, want := range map[flow.Version][]int{flow.HTTP11: {103, 103}, flow.HTTP10: nil, flow.HTTP2: {103, 103}} {
			s, c := newStream(v, "GET", nil, nil), newCall()
			r := start(t, t.Context(), Policy{}, s, upstream(c), &whole{})
			c.inform(103)
			c.inform(103)
			synctest.Wait()
			if !slices.Equal(s.informed(), want) || s.status() != 0 {
				t.Fatalf("%v: informed %v, then %d", v, s.informed(), s.status())
			}
			c.answer(200, length(0), nil, wholeBody())
			if f := r.end(t); len(f.Interim) != 2 {
				t.Fatalf("%v: %d interim on the flow", v, len(f.Interim))
			}
		}
	})
}

// A held request of unknown length whose client waits for the response is let go.
func TestIdleHeldRequestIsLetGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &whole{}
		b := newBody("ping")
		s, c := newStream(flow.HTTP2, "POST", nil, b), newCall()
		begin := time.Now()
		r := start(t, t.Context(), Policy{}, s, upstream(c), w)
		time.Sleep(5 * time.Second)
		b.feed(" 1")
		time.Sleep(holdIdle - time.Millisecond)
		synctest.Wait()
		if c.sink.text() != "" {
			t.Fatalf("sent after %v: %q", time.Since(begin), c.sink.text())
		}
		time.Sleep(time.Millisecond)
		c.sink.await(6)
		if c.sink.text() != "ping 1" || time.Since(begin) != 15*time.Second {
			t.Fatalf("after %v the server has %q", time.Since(begin), c.sink.text())
		}
		b.feed(" 2")
		c.sink.await(8)
		c.answer(200, chunked, nil, wholeBody("pong"))
		b.end(fields("A: 1"))
		f := r.end(t)
		if c.sink.text() != "ping 1 2" || c.sink.end() != "closed" || lines(c.sink.trailers) != "A: 1" || s.sink.text() != "pong" {
			t.Fatalf("%q %s; client %q", c.sink.text(), c.sink.end(), s.sink.text())
		}
		body := f.RequestBody
		if f.Outcome.Kind != flow.Completed || body.Disposition != flow.Tee || len(body.Changes) != 1 || body.Changes[0].Offset != 6 || body.Recorded != 8 {
			t.Fatalf("%+v %+v", f.Outcome, body)
		}
		order := slices.Clone(w.order)
		slices.Sort(order)
		if !slices.Equal(order, []string{"request", "requestheaders", "response", "responseheaders"}) {
			t.Fatalf("order %v", w.order)
		}
	})
}

// The dial of a request that was let go fails while its client is silent.
func TestIdleHeldRequestThatCannotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(flow.HTTP2, "POST", nil, newBody("ping"))
		r := start(t, t.Context(), Policy{}, s, upstream(), &whole{})
		if f := r.end(t); f.Outcome.Kind != flow.Failed || s.status() != 502 {
			t.Fatalf("%+v %d", f.Outcome, s.status())
		}
	})
}

// Whoever leaves, the other side is told within a second.
func TestCancellation(t *testing.T) {
	for _, phase := range []string{"dial", "head", "response body", "stalled response", "upload", "stalled upload", "hook", "held request", "held response"} {
		for _, who := range []string{"client", "kill", "stop"} {
			t.Run(phase+" "+who, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					ctx, stop := context.WithCancel(t.Context())
					defer stop()
					var live *hook.Exchange
					w := &watching{}
					grab := func(x *hook.Exchange) { live = x }
					w.onReqHead = grab
					addons := []any{w}
					s := newStream(flow.HTTP11, "GET", nil, nil)
					c := newCall()
					up := upstream(c)
					switch phase {
					case "dial":
						up.wait = make(chan struct{})
					case "response body":
						c.answer(200, chunked, nil, newBody("x"))
					case "stalled response":
						s.sink.stalled = true
						c.answer(200, chunked, nil, newBody("x"))
					case "upload":
						s = newStream(flow.HTTP11, "POST", nil, newBody("x"))
					case "stalled upload":
						s = newStream(flow.HTTP11, "POST", nil, newBody("x"))
						c.sink.stalled = true
					case "hook":
						addons = append(addons, &parking{})
					case "held request":
						addons = append(addons, &whole{})
						s = newStream(flow.HTTP11, "POST", nil, newBody("x"))
					case "held response":
						addons = append(addons, &whole{})
						c.answer(200, chunked, nil, newBody("x"))
					}
					r := start(t, ctx, Policy{}, s, up, addons...)
					if r.ended() {
						t.Fatal("ended by itself")
					}
					want := flow.ClientLeft
					begin := time.Now()
					switch who {
					case "client":
						s.leave(errLeft)
					case "kill":
						want = flow.Killed
						if err := live.Kill(); err != nil {
							t.Fatal(err)
						}
					case "stop":
						want = flow.Interrupt
						stop()
					}
					f := r.end(t)
					if took := time.Since(begin); took > time.Second {
						t.Errorf("took %v", took)
					}
					if f.Outcome.Kind != want {
						t.Errorf("outcome %v: %+v", f.Outcome, f.Outcome)
					}
					if len(up.opened) > 0 && c.cancelCause() == nil {
						t.Error("the server was not told")
					}
					began := phase == "response body" || phase == "stalled response"
					if began && s.sink.end() != "aborted" || !began && (s.aborted == nil || s.status() != 0) {
						t.Errorf("client: %s, aborted %v, status %d", s.sink.end(), s.aborted, s.status())
					}
					if got := w.order[len(w.order)-1]; got != "error" {
						t.Errorf("hooks %v", w.order)
					}
					if err := live.Kill(); !errors.Is(err, hook.ErrNotKillable) {
						t.Errorf("kill after the end: %v", err)
					}
				})
			})
		}
	}
}

// parking is a hook that waits until its exchange ends, as an intercept does.
type parking struct{}

func (*parking) RequestHeaders(ctx context.Context, _ *hook.Exchange) error {
	<-ctx.Done()
	return ctx.Err()
}

// A hook that waits on what was sent already ends when the flow is killed.
func TestLateHookCanBeKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var live *hook.Exchange
		s := newStream(flow.HTTP11, "GET", nil, nil)
		r := start(t, t.Context(), Policy{}, s, upstream(answers(200, length(2), nil, wholeBody("ok"))), &lateParking{&live})
		if r.ended() {
			t.Fatal("ended by itself")
		}
		if s.sink.end() != "closed" {
			t.Fatal("the hook delays the end")
		}
		s.leave(errLeft) // the client may leave with its response
		if r.ended() {
			t.Fatal("the hook was cut off")
		}
		live.Kill()
		if f := r.end(t); f.Outcome.Kind != flow.Completed {
			t.Fatalf("%+v", f.Outcome)
		}
	})
}

type lateParking struct{ live **hook.Exchange }

func (*lateParking) Observe() bool { return true }
func (p *lateParking) Response(ctx context.Context, x *hook.Exchange) error {
	*p.live = x
	<-ctx.Done()
	return nil
}

// Backpressure: with a client that takes nothing, no more is read than fits the
// relay and the window.
func TestAStalledClientStopsTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBody()
		b.window = 64 << 10
		s := newStream(flow.HTTP2, "GET", nil, nil)
		s.sink.stalled = true
		r := start(t, t.Context(), Policy{}, s, upstream(answers(200, chunked, nil, b)))
		fed := make(chan int)
		go func() {
			n := 0
			piece := strings.Repeat("x", 8<<10)
			for b.feed(piece) {
				n += len(piece)
			}
			fed <- n
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		s.leave(errLeft)
		r.end(t)
		if n := <-fed; n > 64<<10+160<<10 {
			t.Fatalf("%d bytes were taken for a client that reads nothing", n)
		}
	})
}

func TestEarlyAnswerDrainsTheUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &whole{onReqHead: func(x *hook.Exchange) { x.Response = hook.MakeResponse(403, nil, []byte("no")) }}
		// A client that stays silent is waited for, for 2 s.
		b := newBody("x")
		s := newStream(flow.HTTP11, "POST", nil, b)
		begin := time.Now()
		r := start(t, t.Context(), Policy{}, s, upstream(), w)
		synctest.Wait()
		if s.sink.text() != "no" || s.sink.end() != "closed" {
			t.Fatalf("the answer waits: %q", s.sink.text())
		}
		f := r.end(t)
		if took := time.Since(begin); took != drainTime || flow.CauseOf(b.cancelCause()) != flow.NotNeeded {
			t.Fatalf("after %v: %v", took, b.cancelCause())
		}
		if f.Outcome.Kind != flow.Completed || f.RequestBody.Received != 1 || f.RequestBody.Sent != 0 || s.response.Fields.Get("Connection") != "close" {
			t.Fatalf("%+v %+v", f.Outcome, f.RequestBody)
		}
		// One that has sent all costs nothing.
		b = wholeBody("all")
		s = newStream(flow.HTTP11, "POST", nil, b)
		begin = time.Now()
		r = start(t, t.Context(), Policy{}, s, upstream(), &whole{onReqHead: w.onReqHead})
		r.end(t)
		if time.Since(begin) != 0 || b.cancelCause() != nil {
			t.Fatalf("after %v: %v", time.Since(begin), b.cancelCause())
		}
	})
}

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

// The client leaves after the response, while the server takes nothing of the
// upload: the call does not hear a Cancel any more, but the upload must end.
func TestClientLeavesAStalledUploadAfterTheResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(flow.HTTP11, "POST", nil, newBody("x"))
		c := answers(200, length(2), nil, wholeBody("ok"))
		c.sink.stalled = true
		r := start(t, t.Context(), Policy{}, s, upstream(c))
		synctest.Wait()
		if s.sink.end() != "closed" || r.ended() {
			t.Fatalf("response %s", s.sink.end())
		}
		s.leave(errLeft)
		if f := r.end(t); f.Outcome.Kind != flow.ClientLeft || f.Outcome.Bytes != 2 || c.sink.end() != "aborted" {
			t.Fatalf("%+v", f.Outcome)
		}
	})
}

// A protocol server may tie its streams' contexts to midstream's own.
func TestStoppingIsNotTheClientLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		s := newStream(flow.HTTP11, "GET", nil, nil)
		s.ctx = ctx
		r := start(t, ctx, Policy{}, s, upstream(newCall()))
		synctest.Wait()
		stop()
		if f := r.end(t); f.Outcome.Kind != flow.Interrupt {
			t.Fatalf("%+v", f.Outcome)
		}
	})
}

// A hook replaces the response at its head while the client still uploads: the
// server is let go, and the client is not waited for longer than 2 s.
func TestResponseReplacedDuringTheUpload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &watching{}
		w.onRespHead = func(x *hook.Exchange) { x.Response = hook.MakeResponse(200, nil, []byte("instead")) }
		b := newBody("x")
		s := newStream(flow.HTTP2, "POST", nil, b)
		c := answers(404, chunked, nil, newBody("never ends"))
		r := start(t, t.Context(), Policy{}, s, upstream(c), w)
		begin := time.Now()
		f := r.end(t)
		if f.Outcome.Kind != flow.Completed || s.status() != 200 || s.sink.text() != "instead" || c.cancelCause() == nil || c.closed != 1 {
			t.Fatalf("%+v %d %q", f.Outcome, s.status(), s.sink.text())
		}
		if took := time.Since(begin); took > 2*drainTime || flow.CauseOf(b.cancelCause()) != flow.NotNeeded {
			t.Fatalf("after %v: %v", took, b.cancelCause())
		}
		if got := r.m.only().body[flow.ToClient].String(); got != "instead" {
			t.Fatalf("recorded %q", got)
		}
	})
}
