package script

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of a Config.
const (
	defaultTimeout = time.Second
	defaultPoll    = time.Second
	noTimeout      = 10 * 365 * 24 * time.Hour // as good as none, and slowEvents of it still is a Duration
	mostEngines    = 16                        // of one script with parallel = true; each has its own heap
)

// Config says how scripts run. The zero value works.
type Config struct {
	// Log takes what scripts log and what goes wrong in them; nil discards it.
	Log *slog.Logger
	// Output takes what console.log prints, a line at a time; nil sends it to Log.
	Output io.Writer
	// Options is where scripts declare and read options; nil has none.
	Options Options
	// Timeout is how long one call may compute (script_timeout); 0 is 1 s.
	Timeout time.Duration
	// Memory is by how many octets one call may make the process grow while it
	// computes (script_memory); 0 is 512 MiB.
	Memory int64
	// Poll is how often files are looked at for a change; 0 is 1 s.
	Poll time.Duration
	// Engines bounds the engines of a script with parallel = true; 0 is one a core.
	Engines int
	// OnChange is called when a reload has made a new version or has unloaded a
	// script: build a new hook.Set from Addons. It is called from a goroutine of
	// the host, one call at a time, and must not call Load or Close.
	OnChange func()
	// Shutdown is what ctx.master.shutdown() does; nil ignores it. It is called
	// on a goroutine of its own.
	Shutdown func()
}

// Host runs the scripts of one midstream. Make it with NewHost, end it with
// Close. All methods may be called at once.
type Host struct {
	config  Config
	log     *slog.Logger
	limit   atomic.Int64 // of computing, in nanoseconds
	most    atomic.Int64 // of memory, in octets; 0 for no limit
	live    atomic.Pointer[[]*version]
	started atomic.Bool
	out     sync.Mutex // held while a line is printed
	ends    sync.WaitGroup
	grace   time.Duration
	closing chan struct{} // closed by Close

	mu         sync.Mutex // guards the rest; held while scripts load
	files      []*file
	versions   map[*version]struct{} // all that have not ended
	versionsMu sync.Mutex            // guards versions
	faults     faults
	stop       context.CancelFunc
	watcher    sync.WaitGroup
	closed     bool
}

// NewHost returns a host without scripts.
func NewHost(c Config) *Host {
	h := &Host{config: c, log: c.Log, grace: endGrace, closing: make(chan struct{}), versions: make(map[*version]struct{})}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	h.SetTimeout(cmp.Or(c.Timeout, defaultTimeout))
	h.SetMemory(cmp.Or(c.Memory, defaultMemory))
	h.live.Store(new([]*version))
	return h
}

// SetTimeout changes how long one call may compute; 0 is no limit.
func (h *Host) SetTimeout(d time.Duration) {
	if d <= 0 {
		d = noTimeout
	}
	h.limit.Store(int64(min(d, noTimeout)))
}

// SetMemory changes by how many octets one call may make the process grow while
// it computes; 0 is no limit.
func (h *Host) SetMemory(octets int64) { h.most.Store(octets) }

func (h *Host) memory() int64 { return h.most.Load() }

func (h *Host) timeout() time.Duration { return time.Duration(h.limit.Load()) }

func (h *Host) engines() int {
	n := h.config.Engines
	if n <= 0 {
		n = runtime.GOMAXPROCS(0)
	}
	return min(n, mostEngines)
}

// Load makes paths the scripts that run, in that order: scripts that run
// already go on, new ones are loaded, others are unloaded. The error joins those
// of the scripts that do not load; the others run, and the files of all are
// watched from now on. A script that is added to a running host is told so
// (running).
func (h *Host) Load(ctx context.Context, paths []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errors.New("load scripts: the host is closed")
	}
	var errs []error
	old := h.files
	h.files = nil
	for _, p := range paths {
		if slices.ContainsFunc(h.files, func(f *file) bool { return f.path == p }) {
			continue
		}
		if i := slices.IndexFunc(old, func(f *file) bool { return f.path == p }); i >= 0 {
			h.files = append(h.files, old[i])
			continue
		}
		f := &file{path: p}
		h.files = append(h.files, f)
		if _, err := loaderOf(p); err != nil {
			errs = append(errs, err)
			continue
		}
		if err := h.load(ctx, f); err != nil {
			errs = append(errs, err)
		}
	}
	h.publish()
	for _, f := range old {
		if f.version != nil && !slices.Contains(h.files, f) {
			f.version.retire()
		}
	}
	h.watch()
	return errors.Join(errs...)
}

// load reads f's script and replaces its version by the new one.
func (h *Host) load(ctx context.Context, f *file) (err error) {
	defer func() {
		if err != nil {
			h.faults.note(f.path, err)
		}
	}()
	f.look()
	b, err := build(f.path)
	if err != nil {
		return err
	}
	f.inputs = b.inputs
	f.look()
	v, err := h.open(ctx, f.path, b)
	if err != nil {
		return err
	}
	for _, e := range v.engines {
		if err := e.configure(ctx, h.optionNames()); err != nil {
			if f.version == nil {
				h.abandon(v)
				return errors.Join(errors.New("script "+f.path+" refuses an option"), err)
			}
			e.report("configure", nil, err)
		}
	}
	if h.started.Load() {
		v.running(ctx)
	}
	f.replaced = f.version
	f.version = v
	h.faults.note(f.path, nil)
	h.versionsMu.Lock()
	h.versions[v] = struct{}{}
	h.versionsMu.Unlock()
	return nil
}

// abandon ends a version that never ran.
func (h *Host) abandon(v *version) { v.retire() }

// publish makes the versions of h.files the live ones and retires those that
// they replace.
func (h *Host) publish() {
	var live []*version
	for _, f := range h.files {
		if f.version != nil {
			live = append(live, f.version)
		}
	}
	h.live.Store(&live)
}

// Addons returns the addon values of all loaded scripts, for hook.NewSet: the
// module of each script first, then its addons, scripts in the order of Load.
func (h *Host) Addons() []any {
	var all []any
	for _, v := range *h.live.Load() {
		all = append(all, v.addons...)
	}
	return all
}

// AddonsOf is Addons for one of the scripts.
func (h *Host) AddonsOf(path string) []any {
	for _, v := range *h.live.Load() {
		if v.path == path {
			return v.addons
		}
	}
	return nil
}

// Configure tells scripts that options have changed. The error is that of a
// script that refuses a value; the change should be undone then.
func (h *Host) Configure(ctx context.Context, updated []string) error {
	if len(updated) == 0 {
		return nil
	}
	for _, v := range *h.live.Load() {
		for _, e := range v.engines {
			if err := e.configure(ctx, updated); err != nil {
				return err
			}
		}
	}
	return nil
}

// Running tells scripts, once, that the proxy listens; scripts that are loaded
// later are told at once.
func (h *Host) Running(ctx context.Context) {
	if h.started.Swap(true) {
		return
	}
	for _, v := range *h.live.Load() {
		v.running(ctx)
	}
}

func (v *version) running(ctx context.Context) {
	for _, e := range v.engines {
		if err := e.lifecycle(ctx, "running", noArgs); err != nil {
			e.report("running", nil, err)
		}
	}
}

// Close runs done on every version that has not ended, flows or not, and waits
// for it. No addon of the host may be called afterwards.
func (h *Host) Close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	close(h.closing)
	stop := h.stop
	h.mu.Unlock()
	if stop != nil {
		stop()
	}
	h.watcher.Wait()
	h.versionsMu.Lock()
	left := make([]*version, 0, len(h.versions))
	for v := range h.versions {
		left = append(left, v)
	}
	h.versionsMu.Unlock()
	for _, v := range left {
		v.mu.Lock()
		end := !v.ended
		v.ended, v.retired = true, true
		v.mu.Unlock()
		if end {
			h.ends.Go(v.end)
		}
	}
	h.ends.Wait()
	h.live.Store(new([]*version))
}

func (h *Host) forget(v *version) {
	h.versionsMu.Lock()
	defer h.versionsMu.Unlock()
	delete(h.versions, v)
}
