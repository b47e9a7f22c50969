package instance

import (
	"context"
	"fmt"

	"midstream/internal/capture"
	"midstream/internal/proxy"
	"midstream/internal/query"
	"midstream/internal/replay"
)

// replays is what passes once more.
type replays struct {
	file   capture.Source // option rfile; nil for none
	filter *query.Filter
}

// Close lets go of the files.
func (r *replays) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}

// openReplays opens the files that the options name. Errors are the user's.
func (in *Instance) openReplays(ctx context.Context) error {
	r := &in.replays
	if path := in.opts.Path("rfile"); path != "" {
		if text := in.opts.String("readfile_filter"); text != "" {
			var err error
			if r.filter, err = query.Parse(text, in.cfg.Case); err != nil {
				return usage("option readfile_filter: %w", err)
			}
		}
		src, err := capture.Open(context.WithoutCancel(ctx), path, "", in.stdin())
		if err != nil {
			return usage("option rfile: %w", err)
		}
		r.file = src
	}
	return nil
}

// Replays tells whether there is anything that passes once more.
func (in *Instance) Replays() bool { return in.replays.file != nil }

// Replay lets all of it pass, and returns when it has. progress is called now and
// then with a function that tells how much of a file was read; nil is not called.
func (in *Instance) Replay(ctx context.Context, progress func(at func() (done, of int64))) (replay.Result, error) {
	if in.replays.file == nil {
		return replay.Result{}, nil
	}
	r := &replay.Reading{Engine: in.engine, Store: in.session, Hooks: in.set.Load, Watchers: in.watchers(), Filter: in.replays.filter,
		Began: func() { in.begun.Add(1) }, Room: in.cfg.Room, Log: in.log}
	if ways, err := waysOf(in.opts); err == nil && len(ways.Modes) == 1 && ways.Modes[0].Kind == proxy.Reverse {
		r.Reroute = in.way.Reroute
	}
	res, err := r.Run(ctx, in.replays.file, progress)
	if err != nil && ctx.Err() == nil {
		return res, fmt.Errorf("option rfile: %w", err)
	}
	return res, nil
}
