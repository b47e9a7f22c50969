package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"midstream/internal/body"
	"midstream/internal/capture"
	"midstream/internal/proxy"
	"midstream/internal/query"
	"midstream/internal/replay"
	"midstream/internal/store"
)

// replays is what passes once more.
type replays struct {
	file   capture.Source // option rfile; nil for none
	filter *query.Filter
	again  []again       // option client_replay
	shelf  *replay.Shelf // of them; nil without any
	speed  replay.Speed
	// answers is what server_replay has; nil without.
	answers *replay.Answers
}

// again is a source of requests that are sent again.
type again struct {
	path string
	src  capture.Source
	last uint64 // of the session that is recorded into; 0 for another source
	skip bool   // there is nothing in it
}

// Close lets go of the files.
func (r *replays) Close() error {
	var errs []error
	if r.file != nil {
		errs = append(errs, r.file.Close())
	}
	for _, a := range r.again {
		errs = append(errs, a.src.Close())
	}
	if r.shelf != nil {
		errs = append(errs, r.shelf.Close())
	}
	if r.answers != nil {
		errs = append(errs, r.answers.Close())
	}
	return errors.Join(errs...)
}

// openReplays opens the files that the options name. Errors are the user's.
func (in *Instance) openReplays(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	r := &in.replays
	var err error
	if r.speed, err = replay.ParseSpeed(in.opts.String("replay_speed")); err != nil {
		return usage("option replay_speed: %w", err)
	}
	if path := in.opts.Path("rfile"); path != "" {
		if text := in.opts.String("readfile_filter"); text != "" {
			if r.filter, err = query.Parse(text, in.cfg.Case); err != nil {
				return usage("option readfile_filter: %w", err)
			}
		}
		if r.file, err = capture.Open(ctx, path, "", in.stdin()); err != nil {
			return usage("option rfile: %w", err)
		}
	}
	for _, path := range in.opts.Paths("client_replay") {
		a := again{path: path}
		if a.src, err = capture.Open(ctx, path, "", in.stdin()); err != nil {
			return usage("option client_replay: %w", err)
		}
		if in.session != nil && sameFolder(path, in.session.Dir()) {
			if a.last, err = lastOf(ctx, path); err != nil {
				return err
			}
			a.skip = a.last == 0
		}
		r.again = append(r.again, a)
	}
	if err := in.loadAnswers(ctx); err != nil {
		return err
	}
	if len(r.again) > 0 {
		if r.shelf, err = in.newShelf("client"); err != nil {
			return err
		}
	}
	return nil
}

// newShelf is the session where it keeps everything, else a folder of its own.
func (in *Instance) newShelf(name string) (*replay.Shelf, error) {
	// Redacted, a session does not have what is to be sent.
	if in.session != nil && in.redactor.Load() == nil && in.opts.String("record") == "all" && in.opts.String("session_filter") == "" {
		return replay.ShelfIn(in.session)
	}
	return in.ownShelf(name)
}

// ownShelf makes a shelf that goes when midstream ends. One that a killed midstream
// left is removed.
func (in *Instance) ownShelf(name string) (*replay.Shelf, error) {
	spill := in.spillDir()
	if spill == "" {
		spill = os.TempDir()
	}
	left, _ := filepath.Glob(filepath.Join(spill, "replay-*"))
	for _, dir := range left {
		if r, err := store.OpenReader(dir); err == nil {
			live := r.Live()
			r.Close()
			if !live {
				os.RemoveAll(dir)
			}
		}
	}
	return replay.NewShelf(filepath.Join(spill, "replay-"+name+"-"+strconv.Itoa(os.Getpid())))
}

func sameFolder(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// lastOf is the last flow of a session by its number, 0 where there is none.
func lastOf(ctx context.Context, dir string) (uint64, error) {
	r, err := store.OpenReader(dir)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	last, err := r.Last(ctx)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	return last, err
}

// Replays tells whether there is anything that passes once more.
func (in *Instance) Replays() bool {
	return in.replays.file != nil || len(in.replays.again) > 0 || in.replays.answers != nil
}

// Replay lets all of it pass, and returns when it has. progress is called now and
// then with a function that tells how much of a file was read; nil is not called.
func (in *Instance) Replay(ctx context.Context, progress func(at func() (done, of int64))) (replay.Result, error) {
	var all replay.Result
	if in.replays.file != nil {
		res, err := in.readFile(ctx, progress)
		all.Add(res)
		if err != nil && ctx.Err() == nil {
			return all, fmt.Errorf("option rfile: %w", err)
		}
	}
	for _, a := range in.replays.again {
		if a.skip {
			continue
		}
		res, err := in.sendAgain(ctx, a, progress)
		all.Add(res)
		if err != nil && ctx.Err() == nil {
			return all, fmt.Errorf("option client_replay: %s: %w", a.path, err)
		}
	}
	if in.replays.answers != nil {
		in.replays.answers.Wait(ctx)
	}
	return all, nil
}

// loadAnswers reads the flows that answer in the place of servers.
func (in *Instance) loadAnswers(ctx context.Context) error {
	paths := in.opts.Paths("server_replay")
	if len(paths) == 0 {
		return nil
	}
	o := in.opts
	a := &replay.Answers{
		Matching: replay.Matching{
			IgnoreContent: o.Bool("server_replay_ignore_content"), IgnoreHost: o.Bool("server_replay_ignore_host"), IgnorePort: o.Bool("server_replay_ignore_port"),
			IgnoreParams: o.List("server_replay_ignore_params"), IgnorePayloadParams: o.List("server_replay_ignore_payload_params"),
			UseFields: o.List("server_replay_use_headers"),
		},
		Reuse: o.Bool("server_replay_reuse") || o.Bool("server_replay_nopop"), Refresh: o.Bool("server_replay_refresh"), Speed: in.replays.speed,
		NewShelf: func() (*replay.Shelf, error) { return in.ownShelf("server") },
		Budget:   body.NewBudget(in.spillDir(), body.Limits{}), Log: in.log,
	}
	switch extra := o.String("server_replay_extra"); {
	case extra == "kill" || extra == "forward" && o.Bool("server_replay_kill_extra"):
		a.Extra = replay.Kill
	case extra != "forward":
		n, _ := strconv.Atoi(extra) // the option takes statuses only
		a.Extra = replay.Extra(n)
	}
	in.replays.answers = a
	for _, path := range paths {
		if err := a.Load(ctx, path, in.stdin()); err != nil {
			return usage("option server_replay: %w", err)
		}
	}
	if a.Left() == 0 {
		in.log.Warn("option server_replay: no flow in it has a response that can be given again")
	}
	return nil
}

func (in *Instance) readFile(ctx context.Context, progress func(at func() (done, of int64))) (replay.Result, error) {
	r := &replay.Reading{Engine: in.engine, Store: in.session, Hooks: in.set.Load, Watchers: in.watchers(), Filter: in.replays.filter,
		Seen: Control{in}.Seen, Began: func() { in.begun.Add(1) }, Room: in.cfg.Room, Log: in.log}
	if ways, err := waysOf(in.opts); err == nil && len(ways.Modes) == 1 && ways.Modes[0].Kind == proxy.Reverse {
		r.Reroute = in.way.Reroute
	}
	return r.Run(ctx, in.replays.file, progress)
}

func (in *Instance) sendAgain(ctx context.Context, a again, progress func(at func() (done, of int64))) (replay.Result, error) {
	s := &replay.Sending{Engine: in.engine, Dialer: in.way.Dialer(), Shelf: in.replays.shelf, Last: a.last, Hooks: in.set.Load, Filter: in.cfg.Resend,
		Reroute: in.way.Reroute, Parallel: in.opts.Int("client_replay_concurrency"), Speed: in.replays.speed, HTTP2: in.opts.Bool("http2"), Log: in.log}
	if a.last > 0 {
		shelf, err := replay.ShelfIn(in.session)
		if err != nil {
			return replay.Result{}, err
		}
		defer shelf.Close()
		s.Shelf = shelf
	}
	return s.Run(ctx, a.src, progress)
}
