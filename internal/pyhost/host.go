package pyhost

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/script"
)

// Config says how scripts run. The zero value works.
type Config struct {
	// Log takes what scripts log and what goes wrong with them; nil discards it.
	Log *slog.Logger
	// Output and Errors take what scripts print on the standard streams; nil sends
	// it to Log.
	Output, Errors io.Writer
	// Options is where scripts declare and read options; nil has none.
	Options script.Options
	// Dir is where the Python files are laid out (confdir).
	Dir string
	// Python names the Python to run; empty looks for one.
	Python string
	// Getenv looks up VIRTUAL_ENV; nil has no environment.
	Getenv func(string) string
	// Closed says that what a script cannot be asked about is refused, instead of
	// passing without it.
	Closed bool
	// Timeout is how long a process may answer nothing at all before it counts as
	// hung; 0 is a minute, below 0 for ever.
	Timeout time.Duration
	// Poll is how often files are looked at for a change; 0 is 1 s.
	Poll time.Duration
	// Content returns the body of a flow that is over, at most ContentLimit octets
	// of it; nil has none.
	Content func(ctx context.Context, id flow.ID, side flow.Side) ([]byte, error)
	// ContentLimit bounds bodies that a script is given as one piece; 0 is 64 MiB.
	ContentLimit int64
	// Flows does with flows what commands ask for; nil has none.
	Flows Flows
	// Args are the arguments of the program, which scripts see as sys.argv: nil gives
	// them their own path alone.
	Args []string
	// Listeners are the addresses that the proxy has; nil has none.
	Listeners func() []string
	// OnChange is called when other addons are there: build a new hook.Set.
	OnChange func()
	// Shutdown is what ctx.master.shutdown() does; nil ignores it.
	Shutdown func()

	pauses []time.Duration // before each next start in a row; nil is defaultPauses
}

// Defaults of a Config, and the time for a script's load, configure and done.
const (
	defaultTimeout = time.Minute
	defaultLimit   = 64 << 20
	defaultPoll    = time.Second
	lifecycleWait  = 10 * time.Second
	loadWait       = 2 * time.Minute
)

// Host runs the Python scripts of one midstream. Make it with NewHost, end it with
// Close. All methods may be called at once.
type Host struct {
	config         Config
	log            *slog.Logger
	output, errors io.Writer
	python         python
	lib            string
	live           atomic.Pointer[[]*file]
	started        atomic.Bool
	closing        chan struct{}
	faults         faults
	work           sync.WaitGroup
	replays        replays

	mu       sync.Mutex // guards the rest; held while scripts load
	files    []*file
	watching bool
	told     bool
	closed   bool

	versionsMu sync.Mutex
	versions   map[*version]struct{} // that have not ended
}

// Is tells whether a path is a Python script.
func Is(path string) bool { return strings.EqualFold(filepath.Ext(path), ".py") }

// NewHost returns a host without scripts. Nothing is started yet.
func NewHost(c Config) *Host {
	h := &Host{config: c, log: c.Log, output: c.Output, errors: c.Errors, closing: make(chan struct{}), versions: make(map[*version]struct{})}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.output == nil {
		h.output = &lineLog{log: h.log}
	}
	if h.errors == nil {
		h.errors = &lineLog{log: h.log}
	}
	if h.config.Getenv == nil {
		h.config.Getenv = func(string) string { return "" }
	}
	if h.config.Timeout == 0 {
		h.config.Timeout = defaultTimeout
	}
	if h.config.ContentLimit <= 0 {
		h.config.ContentLimit = defaultLimit
	}
	if h.config.Poll <= 0 {
		h.config.Poll = defaultPoll
	}
	h.live.Store(new([]*file))
	return h
}

// Load makes paths the scripts that run, in that order; scripts that run already
// go on, others are unloaded. The error joins those of the scripts that do not
// load; the files of all are watched from now on.
func (h *Host) Load(ctx context.Context, paths []string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return errors.New("load scripts: the host is closed")
	}
	if len(paths) > 0 {
		if err := h.prepare(ctx); err != nil {
			return err
		}
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
		f.look()
		v, err := h.open(ctx, p)
		if err != nil {
			h.faults.note(p, err.Error())
			errs = append(errs, err)
			continue
		}
		h.faults.clear(p)
		f.version.Store(v)
	}
	h.live.Store(new(slices.Clone(h.files)))
	h.faults.keep(paths)
	for _, f := range old {
		if v := f.version.Load(); v != nil && !slices.Contains(h.files, f) {
			v.retire()
		}
	}
	h.watch()
	return errors.Join(errs...)
}

// prepare finds Python and lays out the files, once.
func (h *Host) prepare(ctx context.Context) error {
	if h.lib != "" {
		return nil
	}
	py, err := findPython(ctx, h.config.Python, h.config.Getenv)
	if err != nil {
		return err
	}
	dir, err := layOut(h.config.Dir)
	if err != nil {
		return err
	}
	h.python, h.lib = py, dir
	h.log.Info("Python "+py.version+" runs the addons", "path", strings.Join(py.command, " "), "by", py.how)
	return nil
}

// AddonsOf returns the addon values of one script, for hook.NewSet.
func (h *Host) AddonsOf(path string) []any {
	for _, f := range *h.live.Load() {
		if v := f.version.Load(); f.path == path && v != nil {
			return v.addons()
		}
	}
	return nil
}

// Commands are those that scripts declare, by script.
func (h *Host) Commands() []Command {
	var all []Command
	for _, v := range h.current() {
		v.mu.Lock()
		all = append(all, v.commands...)
		v.mu.Unlock()
	}
	return all
}

func (h *Host) current() []*version {
	var all []*version
	for _, f := range *h.live.Load() {
		if v := f.version.Load(); v != nil {
			all = append(all, v)
		}
	}
	return all
}

// Configure tells scripts that options have changed. The error is that of a script
// that refuses a value; the change should be undone then.
func (h *Host) Configure(ctx context.Context, updated []string) error {
	if len(updated) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lifecycleWait)
	defer cancel()
	for _, v := range h.current() {
		if err := v.configure(ctx, updated); err != nil {
			return err
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
	for _, v := range h.current() {
		v.running(ctx)
	}
}

// Close runs done in every script and waits for it, for a bounded time. No addon
// of the host may be called afterwards.
func (h *Host) Close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	close(h.closing)
	h.mu.Unlock()
	h.replays.close()
	h.versionsMu.Lock()
	left := make([]*version, 0, len(h.versions))
	for v := range h.versions {
		left = append(left, v)
	}
	h.versionsMu.Unlock()
	for _, v := range left {
		h.work.Go(v.end)
	}
	h.work.Wait()
	h.live.Store(new([]*file))
}

// lineLog makes log lines of what is written to it.
type lineLog struct {
	log *slog.Logger
	mu  sync.Mutex
	buf []byte
}

const maxLine = 64 << 10

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	for {
		i := slices.Index(l.buf, '\n')
		if i < 0 && len(l.buf) < maxLine {
			return len(p), nil
		}
		if i < 0 {
			i = len(l.buf) - 1
		}
		l.log.Info(strings.TrimRight(string(l.buf[:i+1]), "\r\n"))
		l.buf = append(l.buf[:0], l.buf[i+1:]...)
	}
}
