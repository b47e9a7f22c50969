package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/addons/injection"
	"midstream/internal/addons/intercept"
	"midstream/internal/ca"
	"midstream/internal/engine"
	"midstream/internal/onboard"
	"midstream/internal/option"
	"midstream/internal/proxy"
	"midstream/internal/pyhost"
	"midstream/internal/query"
	"midstream/internal/redaction"
	"midstream/internal/script"
	"midstream/internal/store"
)

// Config is what an instance is made of besides its options.
type Config struct {
	// Options has been loaded; scripts add theirs to it.
	Options *option.Registry
	// Addons run before the scripts.
	Addons []any
	// Watchers are told of every flow.
	Watchers []engine.Watcher
	// Log takes what a person should see; nil discards it.
	Log *slog.Logger
	// Output takes what scripts print; nil sends it to Log.
	Output io.Writer
	// Errors takes what Python scripts print on standard error; nil sends it to Log.
	Errors io.Writer
	// Getenv looks up SSLKEYLOGFILE and VIRTUAL_ENV; nil has no environment.
	Getenv func(string) string
	// Stdin is the file of an option whose name is "-"; nil is empty.
	Stdin io.Reader
	// Room waits until the Watchers have taken what they were told; nil does not wait.
	Room func(ctx context.Context)
	// Resend chooses the flows of the option client_replay; nil takes all.
	Resend *query.Filter
	// Stdout takes the file of an option whose name is "-"; nil drops it.
	Stdout io.Writer
	// Case is how filters among the options take capital letters.
	Case query.Case
	// Args are the program's arguments, its name first, as Python scripts see them.
	Args []string
	// Version is this program's, for files that say what made them.
	Version string
	// Shutdown is what a script's ctx.master.shutdown() does; nil ignores it.
	Shutdown func()
}

// drain is how long exchanges that run may take to end when midstream stops.
const drain = 5 * time.Second

// Instance is one running midstream.
type Instance struct {
	cfg     Config
	opts    *option.Registry
	log     *slog.Logger
	confdir string

	authority atomic.Pointer[ca.Authority]
	session   *store.Store // nil when nothing is recorded
	// environment is what mode upstream:env goes by, nil without one.
	environment atomic.Pointer[environment]

	transparent bool // a mode was, at the start
	marks       bool // own traffic can be marked

	changing     sync.Mutex // held while listeners change and are announced
	announced    store.Live
	web, control string // where they are announced to be
	liveID       string
	scripts      *script.Host
	python       *pyhost.Host
	intercept    *intercept.Intercept
	onboard      atomic.Pointer[onboard.Addon] // nil without the page
	visitors     onboard.Visitors
	injection    injection.Sender
	attached     atomic.Int64 // front ends that are there
	engine       *engine.Engine
	redactor     atomic.Pointer[redaction.Redactor] // nil without one
	proxy        *proxy.Proxy                       // nil with server=false
	way          *proxy.Proxy                       // the same, and there without a server, too
	replays      replays
	rules        rules
	building     sync.Mutex // held while the hooks are made anew
	set          atomic.Pointer[hook.Set]
	flows        atomic.Uint64
	late         lateNotes
	saving       sync.Mutex // guards saves
	saves        []*saving
	keyLog       *os.File
	cancel       []func()
	closed       atomic.Bool
	paused       atomic.Bool // new flows are not recorded
	begun        atomic.Uint64
}

// Start loads the CA, opens the session, loads the scripts and binds the
// listeners. Errors are one line each and name the option that is wrong. On an
// error nothing stays open; otherwise the caller must Close.
func Start(ctx context.Context, cfg Config) (*Instance, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Getenv == nil {
		cfg.Getenv = func(string) string { return "" }
	}
	in := &Instance{cfg: cfg, opts: cfg.Options, log: cfg.Log, confdir: cfg.Options.Path("confdir")}
	if err := in.start(ctx); err != nil {
		in.Close(context.WithoutCancel(ctx))
		in.discard()
		return nil, err
	}
	return in, nil
}

func (in *Instance) start(ctx context.Context) error {
	in.hideInTexts()
	in.scripts = script.NewHost(script.Config{
		Log: in.log, Output: in.cfg.Output, Options: scriptOptions{in.opts},
		OnChange: in.rebuild, Shutdown: in.cfg.Shutdown,
	})
	in.boundScripts()
	in.python = in.newPython()
	if err := in.loadScripts(ctx); err != nil {
		return &UsageError{err}
	}
	warnings, err := in.opts.Settle()
	if err != nil {
		return &UsageError{err}
	}
	for _, w := range warnings {
		in.log.Warn(w.Error())
	}
	if err := in.rules.load(in.ruleSource()); err != nil {
		return &UsageError{err}
	}
	pc, err := in.proxyConfig(nil)
	if err != nil {
		return err
	}
	in.intercept = intercept.New(in.log)
	if err := in.setIntercept(); err != nil {
		return err
	}
	pc.Origin = func(o *engine.Origin) {
		if in.intercept.Active() {
			o.Intercept = in.intercept.Wants
		}
	}
	if err := in.openSession(); err != nil {
		return err
	}
	if err := in.openRedaction(); err != nil {
		return err
	}
	if err := in.openReplays(ctx); err != nil {
		return err
	}
	if err := in.saveFlows(ctx); err != nil {
		return err
	}
	policy, err := policyOf(in.opts)
	if err != nil {
		return err
	}
	ec := engine.Config{Watchers: in.watchers(), Log: in.log, SpillDir: in.spillDir(), Policy: policy}
	if in.session != nil {
		ec.Recorder = recorder{in}
	}
	if r := in.redactor.Load(); r != nil {
		ec.Redactor = r
	}
	in.engine = engine.New(ec)
	in.rebuild()
	pc.Engine = in.engine
	pc.Hooks, pc.Log = in.set.Load, in.log
	pc.Answers = in.replays.before
	if pc.Manner, err = in.manner(); err != nil {
		return err
	}
	in.way = proxy.New(pc)
	if in.opts.Bool("server") {
		in.proxy = in.way
		if _, err := in.proxy.Listen(ctx); err != nil {
			in.proxy = nil
			return err
		}
	}
	if err := in.checkLoop(); err != nil {
		return &UsageError{err}
	}
	in.follow(ctx)
	in.watchRules()
	in.announce()
	in.scripts.Running(ctx)
	in.python.Running(ctx)
	return nil
}

// watchers are the given ones, and the count of flows.
func (in *Instance) watchers() []engine.Watcher {
	return append([]engine.Watcher{(*flowCount)(&in.flows), &in.late}, in.cfg.Watchers...)
}

// flowCount counts flows that have ended.
type flowCount atomic.Uint64

func (c *flowCount) Watch(f *flow.Flow) {
	if !f.Live() {
		(*atomic.Uint64)(c).Add(1)
	}
}

// rebuild makes the hooks anew from the addons and what scripts there are now;
// exchanges that run keep the ones that they began with.
func (in *Instance) rebuild() {
	in.building.Lock()
	defer in.building.Unlock()
	rules := in.rules.built()
	var addons []any
	if page := in.onboard.Load(); page != nil {
		addons = append(addons, page)
	}
	addons = append(addons, rules.Before...)
	addons = append(append(addons, in.cfg.Addons...), in.scriptAddons()...)
	addons = append(addons, rules.After...)
	if in.rewritesAltSvc() {
		addons = append(addons, proxy.AltSvc{})
	}
	if in.attached.Load() > 0 {
		addons = append(addons, &in.injection)
	}
	if in.intercept.Filtering() {
		addons = append(addons, in.intercept) // last: it shows what the others have made
	}
	set, err := hook.NewSet(in.log, addons...)
	if err != nil {
		in.log.Error("load addons: " + err.Error())
		if in.set.Load() != nil {
			return
		}
		set, _ = hook.NewSet(in.log)
	}
	in.set.Store(set)
}

// spillDir is where held bodies go that outgrow memory: beside the session, not
// in a temporary folder that may be memory itself.
func (in *Instance) spillDir() string {
	dir := filepath.Join(in.confdir, "spill")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return ""
	}
	return dir
}

// Listener is one way in.
type Listener struct {
	Mode      string
	Addresses []netip.AddrPort
}

// Listeners are the ways in, with the addresses that were taken.
func (in *Instance) Listeners() []Listener {
	if in.proxy == nil {
		return nil
	}
	var list []Listener
	for _, l := range in.proxy.Listening() {
		list = append(list, Listener{Mode: l.Mode.String(), Addresses: l.Addresses})
	}
	return list
}

// Log takes what a person should see.
func (in *Instance) Log() *slog.Logger { return in.log }

func (in *Instance) stdin() io.Reader {
	if in.cfg.Stdin == nil {
		return strings.NewReader("")
	}
	return in.cfg.Stdin
}

// CA is the authority that clients must trust.
func (in *Instance) CA() *ca.Authority { return in.authority.Load() }

// Serve serves clients until ctx ends; then it drains what runs, for a bounded
// time. With server=false it waits for ctx.
func (in *Instance) Serve(ctx context.Context) error {
	if in.proxy == nil {
		<-ctx.Done()
		return nil
	}
	err := in.proxy.Serve(ctx)
	down, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if in.proxy.Shutdown(down) != nil {
		in.log.Info("some exchanges were cut off: they did not end by themselves", "waited", drain.String())
	}
	return err
}

// Close ends scripts and the session. Serve must have returned.
func (in *Instance) Close(ctx context.Context) error {
	if in.closed.Swap(true) {
		return nil
	}
	if in.proxy != nil {
		down, cancel := context.WithCancel(ctx)
		cancel() // what Serve has not drained has had its time
		in.proxy.Shutdown(down)
	}
	for _, f := range in.cancel {
		f()
	}
	if in.scripts != nil {
		in.scripts.Close()
	}
	if in.python != nil {
		in.python.Close()
	}
	errs := []error{in.replays.Close()}
	in.late.close()
	if in.session != nil {
		errs = append(errs, in.session.Close(), in.saved())
	}
	if err := in.announced.Withdraw(); err != nil {
		errs = append(errs, err)
	}
	if in.keyLog != nil {
		errs = append(errs, in.keyLog.Close())
	}
	return errors.Join(errs...)
}

// UsageError is a fault in what the user asked for, as a script that does not
// load.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *UsageError) Unwrap() error { return e.Err }

func usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }
