package instance

import (
	"context"
	"errors"

	"midstream/internal/option"
	"midstream/internal/pyhost"
)

// newPython makes the host of Python scripts; it starts nothing without one.
func (in *Instance) newPython() *pyhost.Host {
	timeout := in.opts.Duration("python_timeout")
	if timeout == 0 {
		timeout = -1
	}
	python, _ := in.opts.OptionalString("python")
	return pyhost.NewHost(pyhost.Config{
		Log: in.log, Output: in.cfg.Output, Errors: in.cfg.Errors, Options: scriptOptions{in.opts},
		Dir: in.confdir, Python: option.Expand(python, in.opts.Home), Getenv: in.cfg.Getenv,
		Closed: in.opts.String("script_failure") == "closed", Timeout: timeout,
		ContentLimit: in.opts.Size("content_limit"), Listeners: in.addresses, Content: in.content, Flows: scriptFlows{in}, Args: in.cfg.Args,
		OnChange: in.rebuild, Shutdown: in.cfg.Shutdown,
	})
}

// loadScripts makes the option scripts what runs.
func (in *Instance) loadScripts(ctx context.Context) error {
	var js, py []string
	for _, p := range in.opts.Paths("scripts") {
		if pyhost.Is(p) {
			py = append(py, p)
		} else {
			js = append(js, p)
		}
	}
	return errors.Join(in.scripts.Load(ctx, js), in.python.Load(ctx, py))
}

// scriptAddons are the addons of all scripts, in the order of the option.
func (in *Instance) scriptAddons() []any {
	var addons []any
	for _, p := range in.opts.Paths("scripts") {
		if pyhost.Is(p) {
			addons = append(addons, in.python.AddonsOf(p)...)
		} else {
			addons = append(addons, in.scripts.AddonsOf(p)...)
		}
	}
	return addons
}

func (in *Instance) addresses() []string {
	var all []string
	for _, l := range in.Listeners() {
		for _, a := range l.Addresses {
			all = append(all, a.String())
		}
	}
	return all
}
