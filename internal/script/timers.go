package script

import (
	"container/heap"
	"context"
	"errors"
	"time"

	"github.com/dop251/goja"
)

// maxTimers bounds the timers that one engine keeps.
const maxTimers = 10_000

// timers are the pending setTimeout and setInterval of an engine. One goroutine
// waits for the earliest; it lives from the first timer to the engine's end.
type timers struct {
	queue timerQueue
	byID  map[int64]*timer
	last  int64
	nudge chan struct{}
	stop  context.CancelFunc
	done  chan struct{}

	closed bool
}

type timer struct {
	id    int64
	at    time.Time
	every time.Duration // 0 runs once
	call  *call         // on whose behalf it was set
	fn    goja.Callable
	args  []goja.Value
	index int
}

type timerQueue []*timer

func (q timerQueue) Len() int           { return len(q) }
func (q timerQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q timerQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for package heap.
func (q *timerQueue) Push(x any) {
	t := x.(*timer)
	t.index = len(*q)
	*q = append(*q, t)
}

// Pop is for package heap.
func (q *timerQueue) Pop() any {
	last := len(*q) - 1
	t := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return t
}

func (e *engine) installTimers() {
	e.vm.Set("setTimeout", func(fc goja.FunctionCall) goja.Value { return e.addTimer(fc, "setTimeout") })
	e.vm.Set("setInterval", func(fc goja.FunctionCall) goja.Value { return e.addTimer(fc, "setInterval") })
	clearTimer := func(fc goja.FunctionCall) goja.Value {
		if v := fc.Argument(0); goja.IsNumber(v) {
			e.dropTimer(e.timers.byID[v.ToInteger()])
		}
		return goja.Undefined()
	}
	e.vm.Set("clearTimeout", clearTimer)
	e.vm.Set("clearInterval", clearTimer)
}

func (e *engine) addTimer(fc goja.FunctionCall, name string) goja.Value {
	fn, ok := goja.AssertFunction(fc.Argument(0))
	if !ok {
		panic(e.vm.NewTypeError(name + ": the first argument must be a function"))
	}
	if e.timers.closed {
		panic(e.failure(errors.New(name + ": the script has been unloaded")))
	}
	if len(e.timers.queue) >= maxTimers {
		panic(e.rangeError("%s: the script has %d timers already", name, maxTimers))
	}
	ms := fc.Argument(1).ToInteger()
	wait := time.Duration(min(max(ms, 1), 1<<31)) * time.Millisecond
	t := &timer{at: time.Now().Add(wait), call: e.current, fn: fn}
	if name == "setInterval" {
		t.every = wait
	}
	if len(fc.Arguments) > 2 {
		t.args = append(t.args, fc.Arguments[2:]...)
	}
	s := &e.timers
	s.last++
	t.id = s.last
	if s.byID == nil {
		s.byID = make(map[int64]*timer)
	}
	s.byID[t.id] = t
	heap.Push(&s.queue, t)
	if t.call != nil {
		t.call.timers++
	}
	e.runTimers()
	return e.vm.ToValue(t.id)
}

func (e *engine) dropTimer(t *timer) {
	if t == nil {
		return
	}
	delete(e.timers.byID, t.id)
	if t.index >= 0 {
		heap.Remove(&e.timers.queue, t.index)
		t.index = -1
	}
	if t.call != nil {
		t.call.timers--
		t.call = nil
	}
}

func (e *engine) runTimers() {
	s := &e.timers
	if s.stop == nil {
		ctx, stop := context.WithCancel(context.Background())
		s.nudge, s.stop, s.done = make(chan struct{}, 1), stop, make(chan struct{})
		go e.timerLoop(ctx)
		return
	}
	select {
	case s.nudge <- struct{}{}:
	default:
	}
}

func (e *engine) timerLoop(ctx context.Context) {
	defer close(e.timers.done)
	for {
		if e.enter(ctx, nil) != nil {
			return
		}
		wait := e.fireTimers(ctx)
		e.leave()
		clock := time.NewTimer(wait)
		select {
		case <-clock.C:
		case <-e.timers.nudge:
		case <-ctx.Done():
		}
		clock.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// fireTimers runs what is due and returns how long nothing is.
func (e *engine) fireTimers(ctx context.Context) time.Duration {
	q := &e.timers.queue
	for now := time.Now(); len(*q) > 0 && ctx.Err() == nil; {
		t := (*q)[0]
		if d := t.at.Sub(now); d > 0 {
			return d
		}
		c := t.call
		if t.every > 0 {
			t.at = now.Add(t.every)
			heap.Fix(q, 0)
		} else {
			e.dropTimer(t)
		}
		e.entered = c
		e.switchTo(c)
		e.watch.enter(time.Now(), e.budget(c))
		if _, err := t.fn(goja.Undefined(), t.args...); err != nil {
			f := e.failed(err)
			if c != nil && f.stopped && !c.over {
				c.settle(f) // whoever waits for c tells it
			} else {
				e.report("timer", c, f)
			}
		}
		e.entered = nil
	}
	return time.Hour
}

// closeTimers forgets all timers and ends the goroutine; no more can be set.
func (e *engine) closeTimers() {
	if e.enter(context.Background(), nil) == nil {
		e.timers.closed = true
		e.timers.queue, e.timers.byID = nil, nil
		e.leave()
	}
	if e.timers.stop != nil {
		e.timers.stop()
		<-e.timers.done
	}
	e.watch.close()
}
