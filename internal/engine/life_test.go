package engine

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// below is a life and what the standard library makes for the same, as twins.
type below struct {
	name   string
	ctx    context.Context
	cancel func(error)
	after  func(func()) func() bool
	ended  chan struct{} // closed by what runs at the end
	settle func() bool
}

func twins(parent context.Context) []below {
	l, lifeEnd := new(life), make(chan struct{})
	l.begin(parent, func() { close(lifeEnd) })
	ctx, cancel := context.WithCancelCause(parent)
	end := make(chan struct{})
	settle := context.AfterFunc(ctx, func() { close(end) })
	return []below{
		{"life", l, l.cancel, l.AfterFunc, lifeEnd, l.settle},
		{"context", ctx, cancel, func(f func()) func() bool { return context.AfterFunc(ctx, f) }, end, settle},
	}
}

// TestALifeIsAContext runs the same on a life and on what it stands for.
func TestALifeIsAContext(t *testing.T) {
	why, other := errors.New("why"), errors.New("other")
	for name, run := range map[string]func(t *testing.T, b below, end context.CancelCauseFunc){
		"lasts": func(t *testing.T, b below, _ context.CancelCauseFunc) {
			if b.ctx.Err() != nil || context.Cause(b.ctx) != nil {
				t.Error("it has ended")
			}
			if !b.settle() {
				t.Error("settle tells that something ran")
			}
			b.cancel(nil)
			if b.ctx.Err() != context.Canceled || context.Cause(b.ctx) != context.Canceled {
				t.Errorf("%v, %v", b.ctx.Err(), context.Cause(b.ctx))
			}
			synctest.Wait()
			select {
			case <-b.ended:
				t.Error("what was settled has run")
			default:
			}
		},
		"is cancelled, the first cause counts": func(t *testing.T, b below, end context.CancelCauseFunc) {
			b.cancel(why)
			b.cancel(other)
			end(other)
			if b.ctx.Err() != context.Canceled || context.Cause(b.ctx) != why {
				t.Errorf("%v, %v", b.ctx.Err(), context.Cause(b.ctx))
			}
			<-b.ended
			<-b.ctx.Done()
			if b.settle() {
				t.Error("settle tells that nothing ran")
			}
		},
		"ends with its parent, and that is seen at once": func(t *testing.T, b below, end context.CancelCauseFunc) {
			end(why)
			if b.ctx.Err() != context.Canceled || context.Cause(b.ctx) != why {
				t.Errorf("%v, %v", b.ctx.Err(), context.Cause(b.ctx))
			}
			<-b.ended
		},
		"those that wait for it hear of its end": func(t *testing.T, b below, end context.CancelCauseFunc) {
			sub, stop := context.WithTimeout(b.ctx, time.Hour)
			defer stop()
			far := context.WithValue(sub, new(int), 1)
			seen := make(chan error, 1)
			go func() { <-far.Done(); seen <- context.Cause(far) }()
			synctest.Wait()
			b.cancel(why)
			if got := <-seen; got != why {
				t.Errorf("a context below says %v", got)
			}
		},
		"so they do of its parent's": func(t *testing.T, b below, end context.CancelCauseFunc) {
			sub, stop := context.WithCancel(b.ctx)
			defer stop()
			end(why)
			<-sub.Done()
			if got := context.Cause(sub); got != why {
				t.Errorf("a context below says %v", got)
			}
		},
		"functions run after it": func(t *testing.T, b below, end context.CancelCauseFunc) {
			var ran sync.WaitGroup
			ran.Add(2)
			b.after(ran.Done)
			b.after(ran.Done)
			b.cancel(why)
			ran.Wait()
			ran.Add(1)
			if b.after(ran.Done)() {
				t.Error("one that is given too late could be stopped")
			}
			ran.Wait()
		},
		"or are stopped before": func(t *testing.T, b below, end context.CancelCauseFunc) {
			first, second := b.after(func() { t.Error("a function that was stopped has run") }), b.after(func() {})
			if !first() || first() {
				t.Error("stop must tell once that it stopped something")
			}
			third := b.after(func() { t.Error("a function that was stopped has run") })
			if first() {
				t.Error("a function was stopped by the stop of another")
			}
			if !third() {
				t.Error("the third could not be stopped")
			}
			b.cancel(why)
			synctest.Wait()
			if second() {
				t.Error("one that has run could be stopped")
			}
		},
		"has its parent's values and deadline": func(t *testing.T, b below, end context.CancelCauseFunc) {
			if b.ctx.Value(key{}) != "value" {
				t.Error("a value is missing")
			}
			if _, ok := b.ctx.Deadline(); !ok {
				t.Error("the deadline is missing")
			}
			time.Sleep(2 * time.Minute) // of the bubble
			if b.ctx.Err() != context.DeadlineExceeded || context.Cause(b.ctx) != context.DeadlineExceeded {
				t.Errorf("%v, %v", b.ctx.Err(), context.Cause(b.ctx))
			}
			<-b.ended
		},
	} {
		for i := range 2 {
			synctest.Test(t, func(t *testing.T) {
				timed, stop := context.WithTimeout(context.WithValue(context.Background(), key{}, "value"), time.Minute)
				defer stop()
				parent, end := context.WithCancelCause(timed)
				defer end(nil)
				list := twins(parent)
				b := list[i]
				defer list[1-i].cancel(nil)
				t.Log(b.name, name)
				run(t, b, end)
				b.cancel(nil)
			})
		}
	}
}

type key struct{}

// TestALifeThatEndsFromAllSides ends one from everywhere at once while it is asked.
func TestALifeThatEndsFromAllSides(t *testing.T) {
	for range 200 {
		parent, end := context.WithCancelCause(t.Context())
		l, ended := new(life), make(chan struct{})
		l.begin(parent, func() { close(ended) })
		var all sync.WaitGroup
		for _, f := range []func(){
			func() { l.cancel(errKilled) },
			func() { end(errStopping) },
			func() { <-l.Done() },
			func() { l.AfterFunc(func() {})() },
			func() {
				for l.Err() == nil {
				}
				if why := context.Cause(l); why != errKilled && why != errStopping {
					t.Errorf("the cause is %v", why)
				}
			},
		} {
			all.Go(f)
		}
		all.Wait()
		<-ended
		if l.settle() {
			t.Fatal("settle tells that nothing ran")
		}
	}
}
