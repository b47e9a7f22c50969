package script

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// engine is one JavaScript runtime with the monitor around it: whoever wants to
// run JavaScript enters, waits its turn, runs and leaves. Nobody stays inside
// while it waits for something, so the queue before the door is as long as
// there are exchanges that have work for it, and no longer.
type engine struct {
	host   *Host
	script string // the script's path as it was given, for messages
	vm     *goja.Runtime

	door  sync.Mutex // held by whoever is inside
	watch watchdog
	inbox inbox

	// All below belongs to whoever is inside.
	current  *call // whose work is being done
	entered  *call // whose entry this is
	since    time.Time
	waiting  map[*call]struct{}
	rejected []*goja.Promise
	timers   timers
	files    openFiles
	conns    map[any]*goja.Object
	setting  bool // an option is being set from JavaScript; guarded by inbox.mu

	ready   natives
	objects []*entity
}

// call is one piece of work for which somebody waits: a hook on a flow, a
// body's chunk function. It goes on inside other entries when it awaits.
type call struct {
	event  string
	flow   *flowState // nil for events without a flow
	used   time.Duration
	timers int // timers that it has set and that have not run
	wake   chan struct{}
	over   bool
	err    error
}

func newCall(event string, f *flowState) *call {
	return &call{event: event, flow: f, wake: make(chan struct{}, 1)}
}

// poke wakes the goroutine that waits for c.
func (c *call) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// again makes c ready for the next piece of the same work.
func (c *call) again() {
	c.used, c.over, c.err = 0, false, nil
	select {
	case <-c.wake:
	default:
	}
}

func (c *call) settle(err error) {
	if !c.over {
		c.over, c.err = true, err
		c.poke()
	}
}

// enter waits until the engine is free. The budget of c's computing starts.
func (e *engine) enter(ctx context.Context, c *call) error {
	// Nobody stays inside for longer than a budget, so there is no need to give
	// up the wait; and a mutex lets those in who run already, where a queue
	// would wake everybody in turn.
	e.door.Lock()
	if err := ctx.Err(); err != nil {
		e.door.Unlock()
		return err
	}
	e.begin(c)
	return nil
}

func (e *engine) begin(c *call) {
	e.entered = c
	e.current, e.since = c, time.Now()
	e.watch.enter(e.since, e.budget(c))
}

// leave ends the entry and lets the next one in.
func (e *engine) leave() {
	e.watch.stop()
	e.charge(time.Now())
	e.reportRejections()
	e.entered, e.current = nil, nil
	e.door.Unlock()
	e.serveInbox()
}

func (e *engine) budget(c *call) time.Duration {
	limit := e.host.timeout()
	if c == nil {
		return limit
	}
	if c.event == "load" || c.event == "done" || c.event == "running" || c.event == "configure" {
		limit *= slowEvents
	}
	return max(limit-c.used, time.Millisecond)
}

// slowEvents is how many times longer a script may compute where no flow waits
// for it.
const slowEvents = 10

func (e *engine) charge(now time.Time) {
	if e.current != nil {
		e.current.used += now.Sub(e.since)
	}
	e.since = now
}

// Grab, Resumed and Exited follow a call through its awaits, so that its
// computing is counted, and blamed, where it belongs.
func (e *engine) Grab() any { return e.current }

// Resumed is called before a promise reaction runs.
func (e *engine) Resumed(tracking any) {
	c, _ := tracking.(*call)
	e.switchTo(c)
}

// Exited is called after it.
func (e *engine) Exited() { e.switchTo(e.entered) }

func (e *engine) switchTo(c *call) {
	if c == e.current {
		return
	}
	now := time.Now()
	e.charge(now)
	e.current = c
	e.watch.move(now, e.budget(c))
}

// do runs f inside the engine and hands its result, or that of the promise that
// it returned, to got, still inside. It returns when got has run; while a
// promise is pending nobody is inside.
func (e *engine) do(ctx context.Context, c *call, f func() (goja.Value, error), got func(goja.Value) error) error {
	if err := e.enter(ctx, c); err != nil {
		return err
	}
	pending, err := e.startAndLeave(c, f, got)
	if !pending {
		return err
	}
	select {
	case <-c.wake:
		return c.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *engine) startAndLeave(c *call, f func() (goja.Value, error), got func(goja.Value) error) (pending bool, err error) {
	defer e.leave()
	return e.start(c, f, got)
}

func (e *engine) start(c *call, f func() (goja.Value, error), got func(goja.Value) error) (pending bool, err error) {
	err = e.guarded(func() error {
		v, err := f()
		if err != nil {
			return e.failed(err)
		}
		p := promiseOf(v)
		if p == nil {
			return got(v)
		}
		switch p.State() {
		case goja.PromiseStateFulfilled:
			return got(p.Result())
		case goja.PromiseStateRejected:
			e.handled(p)
			return e.faultOf(p.Result())
		}
		e.waiting[c] = struct{}{}
		err = e.then(v,
			func(v goja.Value) { c.settle(e.guarded(func() error { return got(v) })) },
			func(v goja.Value) { c.settle(e.faultOf(v)) })
		if err != nil {
			return e.failed(err)
		}
		pending = true
		return nil
	})
	if err != nil || !pending {
		return false, err
	}
	if c.over {
		<-c.wake
		return false, c.err
	}
	return true, nil
}

// then registers what runs when the promise v is settled.
func (e *engine) then(v goja.Value, ok, bad func(goja.Value)) error {
	obj := v.ToObject(e.vm)
	then, isFunc := goja.AssertFunction(obj.Get("then"))
	if !isFunc {
		return errors.New("a promise has no then method")
	}
	once := func(f func(goja.Value)) goja.Value {
		c := e.current
		return e.vm.ToValue(func(fc goja.FunctionCall) goja.Value {
			delete(e.waiting, c)
			f(fc.Argument(0))
			return goja.Undefined()
		})
	}
	_, err := then(obj, once(ok), once(bad))
	return err
}

// failed makes a fault of an error from the runtime, and keeps it. After an interrupt the
// runtime forgets its pending reactions: calls that can no longer come to an
// end by themselves are ended here, or their flows would wait for ever.
func (e *engine) failed(err error) *Fault {
	f := e.fault(err)
	e.host.faults.note(e.script, f)
	if !f.stopped {
		return f
	}
	if c := e.current; c != nil && c != e.entered {
		c.settle(f)
	}
	for c := range e.waiting {
		if c.timers == 0 && c != e.entered {
			delete(e.waiting, c)
			c.settle(f)
		}
	}
	return f
}

func promiseOf(v goja.Value) *goja.Promise {
	obj, ok := v.(*goja.Object)
	if !ok || obj.ExportType() != typePromise {
		return nil
	}
	p, _ := obj.Export().(*goja.Promise)
	return p
}
