package main

import (
	"context"
	"log/slog"

	"midstream/internal/instance"
	"midstream/internal/replay"
)

// replaying is what passes once more beside the traffic; nil is nothing.
type replaying struct {
	done   chan struct{}
	result replay.Result
	err    error
}

// startReplay begins with what the options name, and shows how far it is.
func startReplay(ctx context.Context, e *env, in *instance.Instance, log *slog.Logger) *replaying {
	if !in.Replays() {
		return nil
	}
	r := &replaying{done: make(chan struct{})}
	go func() {
		defer close(r.done)
		progress := newProgress(e)
		r.result, r.err = in.Replay(ctx, progress.show)
		progress.done()
		if r.err != nil {
			log.Error(r.err.Error())
		}
	}()
	return r
}

// wait waits for the end, and returns what did not work.
func (r *replaying) wait() error {
	if r == nil {
		return nil
	}
	<-r.done
	if r.err != nil {
		return r.err
	}
	res := r.result
	if res.Damaged > 0 {
		return partialError("%s could not be read, or not whole: see above", plural(int(res.Damaged), "flow"))
	}
	if res.Failed+res.Refused > 0 {
		return partialError("%s had no whole response, %d could not be sent again: see above", plural(int(res.Failed), "request"), res.Refused)
	}
	return nil
}
