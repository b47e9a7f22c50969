package instance

import (
	"context"
	"slices"
	"strconv"

	"midstream/internal/engine"
	"midstream/internal/query"
	"midstream/internal/replay"
)

// answerOptions are the options that answers in the place of servers are made by.
var answerOptions = []string{
	"server_replay", "server_replay_extra", "server_replay_kill_extra", "server_replay_reuse", "server_replay_nopop", "server_replay_refresh",
	"server_replay_ignore_content", "server_replay_ignore_host", "server_replay_ignore_port", "server_replay_ignore_params",
	"server_replay_ignore_payload_params", "server_replay_use_headers",
}

// before is what stands before the servers of a client.
func (r *replays) before(servers engine.Upstream) engine.Upstream {
	if a := r.answers.Load(); a != nil {
		return a.Before(servers)
	}
	return servers
}

// speed is how fast streams of messages are replayed.
func (in *Instance) speed() replay.Speed {
	s, _ := replay.ParseSpeed(in.opts.String("replay_speed")) // it was checked when it was set
	return s
}

// readFilter is the filter of what is read from a file; nil takes all.
func (in *Instance) readFilter() (*query.Filter, error) {
	text := in.opts.String("readfile_filter")
	if text == "" {
		return nil, nil
	}
	f, err := query.Parse(text, in.cfg.Case)
	if err != nil {
		return nil, usage("option readfile_filter: %w", err)
	}
	return f, nil
}

// changeReplays takes changed options up: answers are read anew, each change with
// all of them, and what client_replay names is sent.
func (in *Instance) changeReplays(ctx context.Context, changed []string) error {
	ctx = context.WithoutCancel(ctx)
	among := func(names ...string) bool {
		return slices.ContainsFunc(changed, func(name string) bool { return slices.Contains(names, name) })
	}
	if among("replay_speed") {
		if _, err := replay.ParseSpeed(in.opts.String("replay_speed")); err != nil {
			return usage("option replay_speed: %w", err)
		}
	}
	if among(answerOptions...) || among("replay_speed") && in.replays.answers.Load() != nil {
		if err := in.loadAnswers(ctx); err != nil {
			return err
		}
	}
	if !among("client_replay") || len(in.opts.Paths("client_replay")) == 0 {
		return nil
	}
	all, err := in.openAgain(ctx)
	if err != nil {
		return err
	}
	r := &in.replays
	r.mu.Lock()
	r.changes++
	name := "client" + strconv.Itoa(r.changes)
	r.mu.Unlock()
	shelf, err := in.newShelf(name)
	if err != nil {
		closeAgain(all)
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		closeAgain(all)
		return shelf.Close()
	}
	if r.stop == nil {
		r.until, r.stop = context.WithCancel(ctx)
	}
	ctx = r.until
	r.sending.Go(func() {
		defer shelf.Close()
		defer closeAgain(all)
		for _, a := range all {
			a.shelf = shelf
			if a.skip || ctx.Err() != nil {
				continue
			}
			if _, err := in.sendAgain(ctx, a, nil); err != nil && ctx.Err() == nil {
				in.log.Error("option client_replay: " + a.path + ": " + err.Error())
			}
		}
	})
	return nil
}
