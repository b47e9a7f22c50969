package engine

import (
	"context"
	"slices"
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
