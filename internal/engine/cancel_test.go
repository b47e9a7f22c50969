package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
	"midstream/hook"
)

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
					at := map[string]string{"dial": "dial", "head": "head", "response body": "body", "stalled response": "body",
						"upload": "head", "stalled upload": "head", "hook": "head", "held request": "body", "held response": "head"}[phase]
					if f.Outcome.Phase != at {
						t.Errorf("phase %s", f.Outcome.Phase)
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

// Over HTTP/2 a response may end a request that goes on: its client resets the stream
// when it has all of the response, and nothing is missing.
func TestAClientThatNeedsNoMoreHasNotLeft(t *testing.T) {
	reset := func(code uint64) error {
		return &flow.Error{Peer: flow.AtClient, Phase: flow.InBody, Cause: flow.ResetByPeer, Code: code, Err: errors.New("the client reset the stream")}
	}
	for _, answer := range []struct {
		name string
		f    flow.Framing
		body []string
	}{
		{"head alone", flow.Framing{}, nil},
		{"by length", length(2), []string{"ok"}},
		{"by length, in pieces", length(2), []string{"o", "k"}},
		{"to its end", chunked, []string{"ok"}},
	} {
		for _, c := range []struct {
			name    string
			version flow.Version
			why     error
			want    flow.OutcomeKind
		}{
			{"NO_ERROR", flow.HTTP2, reset(0), flow.Completed},
			{"CANCEL", flow.HTTP2, reset(8), flow.Completed},
			{"connection closed", flow.HTTP2, errLeft, flow.Completed},
			{"PROTOCOL_ERROR", flow.HTTP2, reset(1), flow.ClientLeft},
			{"HTTP/1", flow.HTTP11, errLeft, flow.ClientLeft},
		} {
			// What tells its end is behind the end of the response; the head of one
			// without a body is that end, and so is the last octet of a known length.
			for _, at := range []string{"behind the end", "with the head", "with the last octet"} {
				if at == "with the head" && (answer.body != nil || c.version < flow.HTTP2) || at == "with the last octet" && answer.f.Kind != flow.ByLength {
					continue
				}
				t.Run(answer.name+" "+c.name+" "+at, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						upload := newBody("x")
						s := newStream(c.version, "POST", nil, upload)
						leave := sync.OnceFunc(func() {
							upload.breakOff(c.why)
							s.leave(c.why)
						})
						var b *fakeBody
						if answer.body != nil {
							b = wholeBody(answer.body...)
						}
						call := answers(200, answer.f, nil, b)
						switch at {
						case "with the head":
							s.responded = leave
						case "with the last octet":
							s.sink.wrote = func() {
								if s.sink.text() == strings.Join(answer.body, "") {
									leave()
									time.Sleep(time.Microsecond) // until all have heard it
								}
							}
						}
						w := &watching{}
						r := start(t, t.Context(), Policy{}, s, upstream(call), w)
						synctest.Wait()
						leave()
						f := r.end(t)
						if f.Outcome.Kind != c.want || f.Outcome.Bytes != int64(len(strings.Join(answer.body, ""))) || f.RequestBody.Ended {
							t.Errorf("outcome %v %+v", f.Outcome.Kind, f.Outcome)
						}
						if last := w.order[len(w.order)-1]; last != "response" {
							t.Errorf("hooks %v", w.order)
						}
						if call.sink.end() != "aborted" {
							t.Error("the server was not told that the request goes on no more")
						}
					})
				})
			}
		}
	}
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

// Over HTTP/1 both directions share a connection: ending the one as broken must
// not make the other one's peer the culprit.
func TestTheFirstCauseIsTheOneThatCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStream(flow.HTTP11, "POST", nil, newBody("x"))
		c := answers(200, chunked, nil, brokenBody(errCut, "part"))
		r := start(t, t.Context(), Policy{}, s, upstream(c))
		if f := r.end(t); f.Outcome.Kind != flow.ServerCut || s.sink.end() != "aborted" || s.sink.text() != "part" {
			t.Fatalf("%+v", f.Outcome)
		}
		b := newBody("x")
		s = newStream(flow.HTTP11, "POST", nil, b)
		r = start(t, t.Context(), Policy{}, s, upstream(newCall()))
		synctest.Wait()
		b.breakOff(&flow.Error{Peer: flow.AtClient, Phase: flow.InBody, Cause: flow.Malformed, Err: errors.New("bad chunk")})
		if f := r.end(t); f.Outcome.Kind != flow.Refused || s.status() != 400 {
			t.Fatalf("%+v %d", f.Outcome, s.status())
		}
	})
}
