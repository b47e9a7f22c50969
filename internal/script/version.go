package script

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
)

// version is one loaded state of one script: its engines and the flows that
// began with it. It lives until it has been replaced and its last flow is over.
type version struct {
	host    *Host
	path    string
	engines []*engine
	addons  []any
	key     hook.Key[*flowState]
	turn    atomic.Uint32

	mu      sync.Mutex // guards the rest
	flows   int
	retired bool
	ending  bool // maybeEnd waits
	ended   bool
}

// entity is one object with hooks: the module itself, or one of its addons.
type entity struct {
	name     string
	this     goja.Value
	object   *goja.Object
	hooks    [eventCount]goja.Callable
	observe  bool
	required bool
}

// open loads a script: it runs the file and its load event.
func (h *Host) open(ctx context.Context, path string, b *bundle) (*version, error) {
	v := &version{host: h, path: path}
	e, parallel, err := newEngine(ctx, v, b)
	if err == nil {
		v.engines = append(v.engines, e)
		for i := 1; parallel && i < h.engines() && err == nil; i++ {
			if e, _, err = newEngine(ctx, v, b); err == nil {
				v.engines = append(v.engines, e)
			}
		}
	}
	if err != nil {
		v.closeEngines()
		return nil, fmt.Errorf("script %s: %w", path, err)
	}
	for i, en := range v.engines[0].objects {
		a := &addon{v: v, index: i, name: en.name, observe: en.observe, required: en.required, wants: always}
		for id, f := range en.hooks {
			if f != nil {
				a.wants |= events[id].bit
			}
		}
		v.addons = append(v.addons, a)
	}
	return v, nil
}

// guards tells whether the script, or an addon of it, must not be passed by.
func (v *version) guards() bool {
	return slices.ContainsFunc(v.engines[0].objects, func(en *entity) bool { return en.required })
}

// newEngine makes a runtime, runs the bundle in it and then its load events.
func newEngine(ctx context.Context, v *version, b *bundle) (e *engine, parallel bool, err error) {
	e = &engine{
		host: v.host, script: v.path, vm: goja.New(),
		waiting: make(map[*call]struct{}), conns: make(map[any]*goja.Object),
	}
	e.watch.vm, e.watch.memory = e.vm, v.host.memory
	c := newCall("load", nil)
	if err := e.enter(ctx, c); err != nil {
		return nil, false, err
	}
	parallel, err = e.boot(b)
	e.leave()
	if err == nil {
		err = e.lifecycle(ctx, "load", func() []goja.Value { return []goja.Value{e.loader()} })
	}
	if err != nil {
		e.closeTimers()
		e.files.end()
		return nil, false, err
	}
	return e, parallel, nil
}

func (e *engine) boot(b *bundle) (parallel bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &Fault{Text: fmt.Sprintf("the script could not be run: %v", r)}
		}
	}()
	e.vm.SetMaxCallStackSize(2000)
	e.vm.SetAsyncContextTracker(e)
	e.vm.SetPromiseRejectionTracker(e.track)
	if err := e.install(); err != nil {
		return false, e.failed(err)
	}
	if _, err := e.vm.RunProgram(b.program); err != nil {
		return false, e.failed(err)
	}
	err = e.guarded(func() error {
		parallel, err = e.collect(filepath.Base(e.script))
		return err
	})
	return parallel, err
}

// lifecycle runs an event that has no flow on every object that has it; name is
// load, configure, running or done.
func (e *engine) lifecycle(ctx context.Context, name string, args func() []goja.Value) error {
	var first error
	ctx, cancel := context.WithTimeout(ctx, lifecycleWait)
	defer cancel()
	for _, en := range e.objects {
		c := newCall(name, nil)
		err := e.do(ctx, c, func() (goja.Value, error) { return e.callMethod(en, name, args) },
			func(goja.Value) error { return nil })
		if errors.Is(err, context.DeadlineExceeded) {
			err = &Fault{Text: fmt.Sprintf("%s still waits for something after %v", name, lifecycleWait)}
		}
		if err != nil && first == nil {
			first = err
		}
		if err != nil && name == "load" {
			break
		}
	}
	return first
}

func (e *engine) callMethod(en *entity, name string, args func() []goja.Value) (goja.Value, error) {
	fn, ok := goja.AssertFunction(e.get(en.object, name))
	if !ok {
		return goja.Undefined(), nil
	}
	return fn(en.this, args()...)
}

// flow returns what the script has for x; the first call begins its stay.
func (v *version) flow(x *hook.Exchange) *flowState {
	if f, ok := v.key.Get(x); ok {
		return f
	}
	f := &flowState{v: v, x: x, e: v.engines[int(v.turn.Add(1)-1)%len(v.engines)]}
	v.key.Put(x, f)
	v.mu.Lock()
	v.flows++
	v.mu.Unlock()
	return f
}

// engineOf keeps the events of one connection on one engine.
func (v *version) engineOf(c *flow.Conn) *engine {
	if len(v.engines) == 1 || c == nil {
		return v.engines[0]
	}
	return v.engines[int(c.ID[0])%len(v.engines)]
}

func (v *version) release(f *flowState) {
	if f.released.Swap(true) {
		return
	}
	f.finish()
	v.mu.Lock()
	v.flows--
	v.mu.Unlock()
	v.maybeEnd()
}

// retire says that no new flow begins with v.
func (v *version) retire() {
	v.mu.Lock()
	v.retired = true
	v.mu.Unlock()
	v.maybeEnd()
}

// maybeEnd ends v when it has been replaced and its last flow is over. It waits
// a moment first: a flow may have taken up the old hooks without having run any.
func (v *version) maybeEnd() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.retired || v.flows > 0 || v.ending {
		return
	}
	v.ending = true
	v.host.ends.Go(func() {
		select {
		case <-time.After(v.host.grace):
		case <-v.host.closing:
		}
		v.mu.Lock()
		v.ending = false
		end := v.flows == 0 && !v.ended
		v.ended = v.ended || end
		v.mu.Unlock()
		if end {
			v.end()
		}
	})
}

// endGrace is that moment.
const endGrace = time.Second

// lifecycleWait is how long load, configure, running and done may await something.
const lifecycleWait = 10 * time.Second

func (v *version) end() {
	ctx := context.Background()
	for _, e := range v.engines {
		if err := e.lifecycle(ctx, "done", noArgs); err != nil {
			e.report("done", nil, err)
		}
	}
	v.closeEngines()
	v.host.forget(v)
}

func (v *version) closeEngines() {
	for _, e := range v.engines {
		e.closeTimers()
	}
}

func noArgs() []goja.Value { return nil }
