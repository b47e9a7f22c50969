package instance

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"

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
	again  []again       // option client_replay, at the start
	shelf  *replay.Shelf // of them; nil without any
	// answers is what server_replay has; nil without.
	answers atomic.Pointer[replay.Answers]

	mu      sync.Mutex        // guards what follows
	loaded  []*replay.Answers // all that there have been: who began with one may still read it
	sending sync.WaitGroup    // what client_replay has been changed to
	changes int               // of client_replay
	until   context.Context   // of those; nil without any
	stop    context.CancelFunc
	closed  bool
}

// again is a source of requests that are sent again.
type again struct {
	path string
	src  capture.Source
	last uint64 // of the session that is recorded into; 0 for another source
	skip bool   // there is nothing in it
	// shelf keeps its flows until they are sent.
	shelf *replay.Shelf
}

// Close lets go of the files.
func (r *replays) Close() error {
	r.mu.Lock()
	r.closed = true
	if r.stop != nil {
		r.stop()
	}
	r.mu.Unlock()
	r.sending.Wait()
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
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.loaded {
		errs = append(errs, a.Close())
	}
	return errors.Join(errs...)
}

// openReplays opens the files that the options name. Errors are the user's.
func (in *Instance) openReplays(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	r := &in.replays
	var err error
	if _, err = replay.ParseSpeed(in.opts.String("replay_speed")); err != nil {
		return usage("option replay_speed: %w", err)
	}
	if path := in.opts.Path("rfile"); path != "" {
		if r.filter, err = in.readFilter(); err != nil {
			return err
		}
		if r.file, err = capture.Open(ctx, path, "", in.stdin()); err != nil {
			return usage("option rfile: %w", err)
		}
	}
	if r.again, err = in.openAgain(ctx); err != nil {
		return err
	}
	if err := in.loadAnswers(ctx); err != nil {
		return err
	}
	if len(r.again) > 0 {
		if r.shelf, err = in.newShelf("client"); err != nil {
			return err
		}
		for i := range r.again {
			r.again[i].shelf = r.shelf
		}
	}
	return nil
}

// openAgain opens the files of option client_replay.
func (in *Instance) openAgain(ctx context.Context) (all []again, err error) {
	for _, path := range in.opts.Paths("client_replay") {
		a := again{path: path}
		if a.src, err = capture.Open(ctx, path, "", in.stdin()); err != nil {
			err = usage("option client_replay: %w", err)
		} else if in.session != nil && sameFolder(path, in.session.Dir()) {
			a.last, err = lastOf(ctx, path)
			a.skip = a.last == 0
		}
		if a.src != nil {
			all = append(all, a)
		}
		if err != nil {
			closeAgain(all)
			return nil, err
		}
	}
	return all, nil
}

func closeAgain(all []again) {
	for _, a := range all {
		a.src.Close()
	}
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
	return in.replays.file != nil || len(in.replays.again) > 0 || in.replays.answers.Load() != nil
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
	if a := in.replays.answers.Load(); a != nil {
		a.Wait(ctx)
	}
	return all, nil
}

// loadAnswers reads the flows that answer in the place of servers.
func (in *Instance) loadAnswers(ctx context.Context) error {
	r := &in.replays
	paths := in.opts.Paths("server_replay")
	if len(paths) == 0 {
		r.answers.Store(nil)
		return nil
	}
	o := in.opts
	r.mu.Lock()
	nth := len(r.loaded)
	r.mu.Unlock()
	a := &replay.Answers{
		Matching: replay.Matching{
			IgnoreContent: o.Bool("server_replay_ignore_content"), IgnoreHost: o.Bool("server_replay_ignore_host"), IgnorePort: o.Bool("server_replay_ignore_port"),
			IgnoreParams: o.List("server_replay_ignore_params"), IgnorePayloadParams: o.List("server_replay_ignore_payload_params"),
			UseFields: o.List("server_replay_use_headers"),
		},
		Reuse: o.Bool("server_replay_reuse") || o.Bool("server_replay_nopop"), Refresh: o.Bool("server_replay_refresh"), Speed: in.speed(),
		NewShelf: func() (*replay.Shelf, error) { return in.ownShelf("server" + strconv.Itoa(nth)) },
		Budget:   body.NewBudget(in.spillDir(), body.Limits{}), Log: in.log,
	}
	switch extra := o.String("server_replay_extra"); {
	case extra == "kill" || extra == "forward" && o.Bool("server_replay_kill_extra"):
		a.Extra = replay.Kill
	case extra != "forward":
		n, _ := strconv.Atoi(extra) // the option takes statuses only
		a.Extra = replay.Extra(n)
	}
	r.mu.Lock()
	r.loaded = append(r.loaded, a)
	r.mu.Unlock()
	for _, path := range paths {
		if err := a.Load(ctx, path, in.stdin()); err != nil {
			return usage("option server_replay: %w", err)
		}
	}
	if a.Left() == 0 {
		in.log.Warn("option server_replay: no flow in it has a response that can be given again")
	}
	r.answers.Store(a)
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
	s := &replay.Sending{Engine: in.engine, Dialer: in.way.Dialer(), Shelf: a.shelf, Last: a.last, Hooks: in.set.Load, Filter: in.cfg.Resend,
		Reroute: in.way.Reroute, Parallel: in.opts.Int("client_replay_concurrency"), Speed: in.speed(), HTTP2: in.opts.Bool("http2"), Log: in.log}
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
