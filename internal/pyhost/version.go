package pyhost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"midstream/hook"
)

// version is one loaded state of one script: the process that runs it, or the next
// one where that has died. It lives until it has been replaced and its last flow is
// over.
type version struct {
	host *Host
	path string
	key  hook.Key[*picture]

	mu       sync.Mutex // guards the rest
	process  *process   // nil while there is none that can be used
	dying    *process   // one that was withdrawn and has not ended
	ready    chan struct{}
	why      error // why there is none, during a pause
	died     int   // times in a row
	up       time.Time
	groups   [2]group
	commands []Command
	views    []string
	flows    int
	retired  bool
	ended    bool
}

// group are the addons of a script that change what passes, or those that look.
type group struct {
	wants    hook.Events
	required bool
	name     string
}

// open starts a process for the script at path and loads it.
func (h *Host) open(ctx context.Context, path string) (*version, error) {
	v := &version{host: h, path: path}
	p, err := v.launch(ctx)
	if err != nil {
		return nil, err
	}
	v.install(p)
	h.versionsMu.Lock()
	h.versions[v] = struct{}{}
	h.versionsMu.Unlock()
	if h.started.Load() {
		v.running(ctx)
	}
	return v, nil
}

// guards tells whether the script, or an addon of it, must not be passed by.
func (v *version) guards() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.host.config.Closed || v.groups[0].required || v.groups[1].required
}

// launch starts a process and loads the script in it.
func (v *version) launch(ctx context.Context) (*process, error) {
	p, err := startProcess(ctx, v)
	if err != nil {
		return nil, fmt.Errorf("script %s: %w", v.path, err)
	}
	ctx, cancel := context.WithTimeout(ctx, loadWait)
	defer cancel()
	p.quiet.Store(true)
	r, err := p.do(ctx, "load", map[string]any{"v": v.host.optionValues(v.host.optionNames()), "argv": v.host.config.Args})
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("it still loads after %v", loadWait)
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		p.fail(errors.New("it did not load"))
		p.readers.Wait()
		return nil, fmt.Errorf("script %s: %w", v.path, err)
	}
	p.quiet.Store(false)
	v.learn(r)
	p.readers.Go(func() { p.watch(v.host.config.Timeout) })
	return p, nil
}

// learn takes up what a script says of its addons, and tells whether that is new.
func (v *version) learn(r *ret) (changed bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var groups [2]group
	for i := range groups {
		if i >= len(r.Groups) {
			break
		}
		for _, name := range r.Groups[i] {
			groups[i].wants |= events[name]
		}
		if groups[i].wants != 0 {
			groups[i].wants |= hook.OnFinished
		}
		groups[i].required = i < len(r.Required) && r.Required[i]
		if i < len(r.Names) {
			groups[i].name = r.Names[i]
		}
	}
	changed = groups != v.groups
	v.groups, v.commands, v.views = groups, r.Commands, r.Views
	return changed
}

// addons returns one addon value for those that change, one for those that look.
func (v *version) addons() []any {
	v.mu.Lock()
	defer v.mu.Unlock()
	var all []any
	for i, g := range v.groups {
		if g.wants != 0 {
			all = append(all, &addon{v: v, index: i, group: g})
		}
	}
	return all
}

// current returns the process that runs the script. While one is being started it
// waits for that; in the pause after several have died it fails.
func (v *version) current(ctx context.Context) (*process, error) {
	for {
		v.mu.Lock()
		p, ready, why := v.process, v.ready, v.why
		v.mu.Unlock()
		switch {
		case p != nil:
			return p, nil
		case ready == nil:
			if why == nil {
				why = fmt.Errorf("script %s has ended", v.path)
			}
			return nil, why
		}
		select {
		case <-ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// defaultPauses are between the death of a process and the next start.
var defaultPauses = [...]time.Duration{0, 500 * time.Millisecond, 2 * time.Second, 10 * time.Second, time.Minute}

// call sends a frame to the process that runs the script and returns both; describe
// makes the frame. A process that is gone before it has the frame has not run
// anything: the next one gets it. Without a process there is none to return.
func (v *version) call(ctx context.Context, what string, describe func(p *process, c *call) (head, raw []byte)) (*process, *call, error) {
	for {
		p, err := v.current(ctx)
		if err != nil {
			return nil, nil, err
		}
		c := p.begin(what)
		head, raw := describe(p, c)
		if err = p.send(ctx, head, raw); err == nil {
			return p, c, nil
		}
		p.forget(c)
		if ctx.Err() != nil || p.failure() == nil {
			return p, nil, err
		}
	}
}

// install makes p, which may have ended already, the process that runs the script;
// it tells whether one is wanted still.
func (v *version) install(p *process) bool {
	v.mu.Lock()
	if v.ended {
		v.settle(nil)
		v.mu.Unlock()
		return false
	}
	v.up, v.why = time.Now(), nil
	v.settle(p)
	v.mu.Unlock()
	if p.suspected() {
		v.withdraw(p)
	}
	if p.failure() != nil {
		v.lost(p)
	}
	return true
}

// withdraw gives nothing more to a process that is about to end: what comes waits
// for the next one.
func (v *version) withdraw(p *process) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.process == p {
		v.process, v.dying, v.ready = nil, p, make(chan struct{})
	}
}

// lost is called when a process has ended.
func (v *version) lost(p *process) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.process != p && v.dying != p {
		return
	}
	v.process, v.dying = nil, nil
	if v.ended || p.quiet.Load() {
		v.settle(nil)
		return
	}
	if time.Since(v.up) > time.Minute {
		v.died = 0
	}
	v.restart(p.failure())
}

// restart starts the next process, after a pause. v.mu is held.
func (v *version) restart(err error) {
	pauses := v.host.config.pauses
	if pauses == nil {
		pauses = defaultPauses[:]
	}
	pause := pauses[min(v.died, len(pauses)-1)]
	v.died++
	v.why = err
	word := "started again"
	switch {
	case pause > 0:
		word = "started again in " + pause.String()
		v.settle(nil)
	case v.ready == nil:
		v.ready = make(chan struct{})
	}
	v.host.faults.note(v.path, err.Error()+"; it is "+word)
	v.host.log.Error(err.Error() + "; it is " + word)
	v.host.work.Go(func() {
		select {
		case <-time.After(pause):
		case <-v.host.closing:
			v.mu.Lock()
			v.settle(nil)
			v.mu.Unlock()
			return
		}
		v.again()
	})
}

// settle says that a start has ended. v.mu is held.
func (v *version) settle(p *process) {
	v.process = p
	if v.ready != nil {
		close(v.ready)
		v.ready = nil
	}
}

func (v *version) again() {
	v.mu.Lock()
	if v.ended {
		v.settle(nil)
		v.mu.Unlock()
		return
	}
	if v.ready == nil {
		v.ready = make(chan struct{})
	}
	v.mu.Unlock()
	p, err := v.launch(context.Background())
	switch {
	case err != nil:
		v.mu.Lock()
		v.settle(nil)
		if !v.ended {
			v.restart(err)
		}
		v.mu.Unlock()
	case !v.install(p):
		p.close(lifecycleWait)
	case v.host.started.Load():
		v.running(context.Background())
	}
}

func (v *version) configure(ctx context.Context, updated []string) error {
	p, err := v.current(ctx)
	if err != nil {
		return nil // it reads them when it starts
	}
	p.mu.Lock()
	if p.setting {
		p.changed = append(p.changed, updated...)
		p.mu.Unlock()
		return nil
	}
	p.mu.Unlock()
	r, err := p.do(ctx, "configure", map[string]any{"v": v.host.optionValues(updated)})
	if err != nil {
		v.host.log.Warn("a script was not told of a change of options", "script", v.path, "err", err)
		return nil
	}
	if r.Error != "" {
		return fmt.Errorf("script %s refuses: %s", v.path, r.Error)
	}
	return nil
}

func (v *version) running(ctx context.Context) {
	p, err := v.current(ctx)
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lifecycleWait)
	defer cancel()
	if _, err := p.do(ctx, "running", nil); err != nil {
		v.host.log.Warn("a script's running does not come to its end", "script", v.path, "err", err)
	}
}

// flow returns what p has of x; the first call begins its stay.
func (v *version) flow(x *hook.Exchange, p *process) *picture {
	old, ok := v.key.Get(x)
	if ok && old.p == p {
		return old
	}
	f := &picture{p: p, x: x, id: x.ID.String()}
	v.key.Put(x, f)
	p.mu.Lock()
	p.pictures[f.id] = f
	p.mu.Unlock()
	if !ok {
		v.mu.Lock()
		v.flows++
		v.mu.Unlock()
	}
	return f
}

func (v *version) release() {
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

// endGrace is how long a replaced version waits for flows that have taken up its
// hooks without having run any.
const endGrace = time.Second

func (v *version) maybeEnd() {
	v.mu.Lock()
	idle := v.retired && v.flows == 0 && !v.ended
	v.mu.Unlock()
	if !idle {
		return
	}
	v.host.work.Go(func() {
		select {
		case <-time.After(endGrace):
		case <-v.host.closing:
		}
		v.mu.Lock()
		end := v.flows == 0
		v.mu.Unlock()
		if end {
			v.end()
		}
	})
}

// end runs done and ends the process.
func (v *version) end() {
	v.mu.Lock()
	if v.ended {
		v.mu.Unlock()
		return
	}
	v.ended = true
	p := v.process
	if p == nil {
		p = v.dying
	}
	v.mu.Unlock()
	if p != nil {
		p.close(lifecycleWait)
	}
	v.host.versionsMu.Lock()
	delete(v.host.versions, v)
	v.host.versionsMu.Unlock()
}
