package engine

import (
	"context"
	"sync"
	"sync/atomic"
)

// life is the context of an exchange: what context.WithCancelCause and two
// context.AfterFunc would do, of which nothing is made before somebody asks for it.
// Most exchanges end well, with nobody waiting for that.
type life struct {
	context.Context             // the parent's
	unlink          func() bool // from the parent
	ended           atomic.Bool

	mu    sync.Mutex // guards what follows
	cause error      // why it has ended; nil while it lasts
	atEnd func()     // runs when it ends before settle
	after *follower  // the latest of AfterFunc that may still run
	whole context.Context
	stop  context.CancelCauseFunc // of whole
}

// follower is a function that AfterFunc was given.
type follower struct {
	l *life
	f func()
}

// begin starts a life below parent. atEnd runs in a goroutine of its own when it
// ends, unless settle is called before.
func (l *life) begin(parent context.Context, atEnd func()) {
	l.Context, l.atEnd = parent, atEnd
	l.unlink = context.AfterFunc(parent, l.follow)
}

// settle makes the end of l nobody's concern; false tells that atEnd runs, or has.
func (l *life) settle() bool {
	l.unlink()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.atEnd = nil
	return l.cause == nil
}

// follow ends l as its parent has ended.
func (l *life) follow() { l.cancel(context.Cause(l.Context)) }

// cancel ends l; nil is context.Canceled. The first cause is the one that counts.
func (l *life) cancel(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	l.mu.Lock()
	if l.cause != nil {
		l.mu.Unlock()
		return
	}
	l.cause = cause
	if l.stop != nil {
		l.stop(cause) // who sees that it has ended gets the cause
	}
	l.ended.Store(true)
	atEnd, after := l.atEnd, l.after
	l.atEnd, l.after = nil, nil
	l.mu.Unlock()
	if after != nil {
		go after.f()
	}
	if atEnd != nil {
		go atEnd()
	}
}

// Err implements context.Context.
func (l *life) Err() error {
	if err := l.Context.Err(); err != nil {
		if !l.ended.Load() {
			l.follow() // before anybody hears of it
		}
		return err
	}
	if l.ended.Load() {
		return context.Canceled
	}
	return nil
}

// Done implements context.Context.
func (l *life) Done() <-chan struct{} { return l.full().Done() }

// Value implements context.Context. What package context asks so, the cause of
// an end among it, is answered by one of its own.
func (l *life) Value(key any) any { return l.full().Value(key) }

func (l *life) full() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.whole != nil:
	case l.cause == nil:
		l.whole, l.stop = context.WithCancelCause(l.Context)
	default:
		l.whole, l.stop = context.WithCancelCause(context.WithoutCancel(l.Context))
		l.stop(l.cause)
	}
	return l.whole
}

// AfterFunc is context.AfterFunc for l, cheaper for one function at a time.
func (l *life) AfterFunc(f func()) (stop func() bool) {
	l.mu.Lock()
	if l.cause != nil || l.after != nil {
		l.mu.Unlock()
		return context.AfterFunc(l.full(), f)
	}
	defer l.mu.Unlock()
	l.after = &follower{l, f}
	return l.after.stop
}

func (w *follower) stop() bool {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	if w.l.after != w {
		return false
	}
	w.l.after = nil
	return true
}
