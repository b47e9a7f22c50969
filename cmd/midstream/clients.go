package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"midstream/flow"
	"midstream/internal/ca"
	"midstream/internal/client"
	"midstream/internal/dump"
	"midstream/internal/engine"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/store"
)

// A clientLine is the command line of a command that starts a client program:
// run and browser.
type clientLine struct {
	env     *env
	options *optionLine
	attach  bool
	failOn  faults
}

// clientFlags gives cmd the options of the proxy and --attach. Words end the
// flags: what follows belongs to the program.
func clientFlags(cmd *cobra.Command, e *env) *clientLine {
	l := &clientLine{env: e, options: optionFlags(cmd)}
	cmd.Flags().BoolVar(&l.attach, "attach", false, "use the midstream that is running, and not one of its own")
	cmd.Flags().BoolP("help", "h", false, "this page")
	cmd.Flags().SetInterspersed(false)
	return l
}

// passing is a proxy that a client program can be sent through.
type passing struct {
	address   string // host:port
	leafKey   string // what a browser is to trust
	authority *ca.Authority
	confdir   string
	home      string
	// ctx ends when a script wants the program to end.
	ctx context.Context
	// finish ends the proxy where it is ours, and tells what passed.
	finish func() (passed, error)
}

// open starts the proxy, or finds the one that is running.
func (l *clientLine) open(ctx context.Context) (*passing, error) {
	reg, err := l.options.loadClient(l.env)
	if err != nil {
		return nil, err
	}
	p := &passing{confdir: reg.Path("confdir"), ctx: ctx}
	if p.home, err = l.env.home(); err != nil {
		p.home = ""
	}
	if l.attach {
		return p, l.attachTo(ctx, reg, p)
	}
	return p, l.start(ctx, reg, p)
}

// start starts a proxy of its own.
func (l *clientLine) start(ctx context.Context, reg *option.Registry, p *passing) error {
	if err := leavesStreams(reg); err != nil {
		return err
	}
	log, done, err := quietLog(l.env, reg)
	if err != nil {
		return err
	}
	pages := new(programPages)
	if l.env.getenv("GOGC") == "" {
		paceCollector(pages)
	}
	ctx, shutdown := context.WithCancel(ctx)
	seen, bodies := new(tally), new(recorded)
	l.failOn.bodies = bodies
	in, err := instance.Start(ctx, instance.Config{
		Options: reg, Watchers: []engine.Watcher{seen, &l.failOn}, Log: log, Getenv: l.env.getenv, Shutdown: shutdown,
		Case: filterCase(l.env), Version: versionText(), Args: argumentsForScripts(l.env.args),
	})
	if err != nil {
		shutdown()
		done()
		return usageOf(err)
	}
	bodies.in = in
	go pages.drop()
	served := make(chan error, 1)
	go func() { served <- in.Serve(ctx) }()
	p.ctx, p.authority = ctx, in.CA()
	p.finish = func() (passed, error) {
		defer done()
		defer bodies.close()
		shutdown()
		err := <-served
		sum, closing := in.Finish(in.Close(context.WithoutCancel(ctx)))
		r := seen.passed()
		r.where = ended(sum, p.home).where()
		if err == nil {
			err = closing
		}
		return r, err
	}
	proxies := in.Proxies()
	if len(proxies) == 0 {
		_, _ = p.finish() // nothing has passed
		return usageError("a program needs a listener in regular mode: add --mode regular, or leave --mode and --no-server out")
	}
	p.address = proxies[0]
	if p.leafKey, err = p.authority.LeafKeyHash(); err != nil {
		_, _ = p.finish()
		return err
	}
	return nil
}

// leavesStreams refuses options that would share the program's input or output.
func leavesStreams(reg *option.Registry) error {
	taken := func(name, stream string) error {
		return usageError("option %s: standard %s belongs to the program that is started: name a file", name, stream)
	}
	for _, name := range []string{"save_stream_file", "hardump"} {
		if reg.Path(name) == "-" {
			return taken(name, "output")
		}
	}
	if reg.Path("rfile") == "-" {
		return taken("rfile", "input")
	}
	for _, name := range []string{"client_replay", "server_replay"} {
		if slices.Contains(reg.Paths(name), "-") {
			return taken(name, "input")
		}
	}
	return nil
}

// attachTo finds the proxy that is running.
func (l *clientLine) attachTo(ctx context.Context, reg *option.Registry, p *passing) error {
	for _, a := range l.options.list {
		if a.Name != "confdir" && a.Name != "session" {
			return usageError("--attach uses the options of the midstream that is running: leave %s out", optionPlace(a))
		}
	}
	live, err := instance.FindLive(p.confdir, reg.Path("session"))
	if err != nil {
		return err
	}
	p.address, p.leafKey = live.Proxies[0], live.LeafKey
	if p.authority, err = authorityOf(reg); err != nil {
		return err
	}
	before, err := lastOf(ctx, live.Session)
	if err != nil {
		return err
	}
	p.finish = func() (passed, error) {
		r, err := settled(context.WithoutCancel(ctx), live.Session, before)
		if err == nil {
			err = l.failOn.search(context.WithoutCancel(ctx), live.Session, before)
		}
		r.where = fmt.Sprintf("recorded by process %d in %s", live.PID, shellPath(live.Session, p.home))
		if live.Session == "" {
			r.unknown, r.where = true, fmt.Sprintf("process %d records nothing", live.PID)
		}
		return r, err
	}
	return nil
}

func optionPlace(a option.Assignment) string {
	if a.Place != "" {
		return a.Place
	}
	return "--set " + a.Name
}

// lastOf is the number of the newest flow of a session; "" has none.
func lastOf(ctx context.Context, session string) (uint64, error) {
	if session == "" {
		return 0, nil
	}
	r, err := store.OpenReader(session)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	number := uint64(0)
	for s, err := range r.List(ctx, store.ListOptions{Last: 1}) {
		if err != nil {
			return 0, err
		}
		number = s.Number
	}
	return number, nil
}

// onDisk is how long the flows of a program may take to be on disk: batches are
// written within 50 ms, on a busy machine a little later.
const onDisk = time.Second

// settled counts the flows behind a number once they have ended and nothing is
// added any more, or onDisk is over.
func settled(ctx context.Context, session string, number uint64) (passed, error) {
	const pause = 50 * time.Millisecond
	r, _, err := since(ctx, session, number)
	for waited := time.Duration(0); err == nil && session != "" && waited < onDisk; waited += pause {
		time.Sleep(pause)
		before, running := r.exchanges+r.tunnels, 0
		r, running, err = since(ctx, session, number)
		if now := r.exchanges + r.tunnels; running == 0 && now > 0 && now == before {
			break
		}
	}
	return r, err
}

// since counts the flows of a session behind a number, and those that still run.
func since(ctx context.Context, session string, number uint64) (sum passed, running int, err error) {
	t := new(tally)
	if session == "" {
		return t.passed(), 0, nil
	}
	r, err := store.OpenReader(session)
	if err != nil {
		return passed{}, 0, err
	}
	defer r.Close()
	for s, err := range r.List(ctx, store.ListOptions{After: number}) {
		if err != nil {
			return t.passed(), running, err
		}
		if s.Outcome.Kind == flow.Running {
			running++
		}
		t.count(s.Kind, s.Outcome)
	}
	return t.passed(), running, nil
}

// authorityOf opens the CA of the options' folder.
func authorityOf(reg *option.Registry) (*ca.Authority, error) {
	kind, err := ca.ParseKeyType(reg.String("key_type"))
	if err != nil {
		return nil, &codedError{exitUsage, err}
	}
	passphrase, _ := reg.OptionalString("cert_passphrase")
	return ca.Load(reg.Path("confdir"), ca.Options{KeyType: kind, Passphrase: passphrase})
}

// variables are the environment of a client program.
func (p *passing) variables(e *env) ([]client.Variable, error) {
	s, err := client.Prepare(p.authority, p.address, p.home, e.getenv)
	if err != nil {
		return nil, err
	}
	return s.Variables(e.getenv), nil
}

// passed is what has gone through while a client program ran.
type passed struct {
	exchanges, tunnels, failed int
	distrusted                 []string // hosts whose certificate it refused
	unknown                    bool     // nothing was counted
	where                      string   // what became of the record
}

// tally counts flows as they end. The zero value has seen none.
type tally struct {
	mu  sync.Mutex // guards sum
	sum passed
}

// maxDistrusted bounds the hosts that are named.
const maxDistrusted = 3

// Watch implements engine.Watcher.
func (t *tally) Watch(f *flow.Flow) {
	if f.Live() {
		return
	}
	t.count(f.Kind, f.Outcome)
	for _, found := range f.Findings {
		if found.Code == "client-refused-certificate" && f.Request != nil {
			t.distrust(dump.Safe(f.Request.Host))
		}
	}
}

func (t *tally) count(kind flow.Kind, outcome flow.Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == flow.HTTP {
		t.sum.exchanges++
	} else {
		t.sum.tunnels++
	}
	switch outcome.Kind {
	case flow.Running, flow.Completed, flow.ClientLeft:
	default:
		t.sum.failed++
	}
}

func (t *tally) distrust(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, h := range t.sum.distrusted {
		if h == host {
			return
		}
	}
	if len(t.sum.distrusted) < maxDistrusted {
		t.sum.distrusted = append(t.sum.distrusted, host)
	}
}

func (t *tally) passed() passed {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sum
}
