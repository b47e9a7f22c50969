package instance

import (
	"context"
	"log/slog"

	"midstream/internal/pyhost"
	"midstream/internal/script"
)

// Declare loads the scripts of cfg.Options for what they declare, and ends them: their
// options are in cfg.Options then, the commands are returned. Nothing listens and
// nothing passes. Errors are of scripts that do not load.
func Declare(ctx context.Context, cfg Config) ([]pyhost.Command, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Getenv == nil {
		cfg.Getenv = func(string) string { return "" }
	}
	in := &Instance{cfg: cfg, opts: cfg.Options, log: cfg.Log, confdir: cfg.Options.Path("confdir")}
	in.scripts = script.NewHost(script.Config{
		Log: in.log, Output: cfg.Output, Options: scriptOptions{in.opts}, OnChange: func() {},
	})
	in.boundScripts()
	in.python = in.newPython()
	defer in.scripts.Close()
	defer in.python.Close()
	if err := in.loadScripts(ctx); err != nil {
		return nil, &UsageError{err}
	}
	return in.python.Commands(), nil
}
