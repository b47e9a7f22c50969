package engine

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"midstream/flow"
)

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
