package midstream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"midstream/flow"
	"midstream/internal/engine"
	"midstream/internal/instance"
	"midstream/internal/option"
)

// Config says what a Proxy does. The zero value is a regular proxy on a free
// loopback port with its CA and its session under ~/.midstream.
type Config struct {
	// Options are options by name, as docs/options.md lists them, in the form
	// that --set takes: {"stream_large_bodies": {"3m"}}. Lists have a value each.
	// They win over config.yaml in confdir; the environment is not read.
	Options map[string][]string
	// Addons run in this order, before scripts. Each must have one of the event
	// methods of package hook.
	Addons []any
	// Watch is told of every flow: when its head has come, unless it ends within
	// milliseconds, and when it has ended. It is called on the data path and by who
	// records, and must return at once, without a wait for what is recorded; it must
	// not change the flow. Nil watches nothing.
	Watch func(*flow.Flow)
	// Log takes what a person should see; nil discards it.
	Log *slog.Logger
}

// Proxy is one midstream inside a Go program.
type Proxy struct {
	cfg  Config
	opts *option.Registry
	in   *instance.Instance
	done chan struct{}
	err  error
}

// New checks the options and makes a Proxy; it opens nothing. A wrong name or
// value is an error that says what is accepted.
func New(cfg Config) (*Proxy, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = ""
	}
	var line []option.Assignment
	if _, ok := cfg.Options["listen_port"]; !ok {
		line = append(line, option.ParseSet("listen_port=0"))
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Options)) {
		for _, v := range cfg.Options[name] {
			line = append(line, option.ParseSet(name+"="+v))
		}
	}
	opts, err := option.Load(option.Start{Options: option.Builtin(), Home: home, Line: line})
	if err != nil {
		return nil, fmt.Errorf("midstream options: %w", err)
	}
	return &Proxy{cfg: cfg, opts: opts, done: make(chan struct{})}, nil
}

// Start opens the CA and the session, loads scripts, listens, and serves until
// ctx ends. It may be called once. When it returns nil, clients can connect.
func (p *Proxy) Start(ctx context.Context) error {
	if p.in != nil {
		return errors.New("midstream: started twice")
	}
	var watchers []engine.Watcher
	if p.cfg.Watch != nil {
		watchers = append(watchers, watcher(p.cfg.Watch))
	}
	in, err := instance.Start(ctx, instance.Config{Options: p.opts, Addons: p.cfg.Addons, Watchers: watchers, Log: p.cfg.Log})
	if err != nil {
		return err
	}
	p.in = in
	go func() {
		defer close(p.done)
		err := in.Serve(ctx)
		_, closing := in.Finish(in.Close(context.WithoutCancel(ctx)))
		p.err = errors.Join(err, closing)
	}()
	return nil
}

// watcher is a function as the engine sees it.
type watcher func(*flow.Flow)

func (w watcher) Watch(f *flow.Flow) { w(f) }

// Addresses are the addresses that are listened on, as host:port, in the order
// of the modes.
func (p *Proxy) Addresses() []string {
	var list []string
	for _, l := range p.in.Listeners() {
		for _, a := range l.Addresses {
			list = append(list, a.String())
		}
	}
	return list
}

// CA returns the certificate that clients must trust, in PEM form.
func (p *Proxy) CA() []byte { return p.in.CA().CertPEM() }

// Session is the folder that flows are recorded in, "" when none are.
func (p *Proxy) Session() string { return p.in.Session().Dir }

// Wait returns when ctx has ended and everything is closed.
func (p *Proxy) Wait() error {
	<-p.done
	return p.err
}
