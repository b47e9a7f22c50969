package instance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"midstream/internal/capture"
	"midstream/internal/option"
	"midstream/internal/query"
	"midstream/internal/redaction"
	"midstream/internal/script"
	"midstream/internal/store"
)

// saving writes the flows that end to a file, as it reads them from the session:
// what it has not come to yet waits on disk, and nothing waits for it.
type saving struct {
	name  string // of the option
	sink  capture.Sink
	ended chan struct{}
	err   error
}

// saveFlows opens the files that the options name. Errors are the user's.
func (in *Instance) saveFlows(ctx context.Context) error {
	if err := in.saveStream(ctx); err != nil {
		return err
	}
	return in.dumpHAR(ctx)
}

// changeSaves begins to write the files that changed options name, with the flows
// that end from now on. A file that is written is written to the end.
func (in *Instance) changeSaves(ctx context.Context, changed []string) error {
	for name, begin := range map[string]func(context.Context) error{"save_stream_file": in.saveStream, "hardump": in.dumpHAR} {
		filter := name == "save_stream_file" && slices.Contains(changed, "save_stream_filter")
		if !filter && !slices.Contains(changed, name) {
			continue
		}
		if in.writes(name) {
			if filter {
				return atStart("save_stream_filter")
			}
			return fmt.Errorf("option %s: a file is being written, and another one %w: start midstream with --set %s=FILE", name, script.ErrAtStart, name)
		}
		if !slices.Contains(changed, name) {
			continue
		}
		if err := begin(ctx); err != nil {
			return err
		}
	}
	return nil
}

// writes tells whether the file of an option is being written.
func (in *Instance) writes(name string) bool {
	in.saving.Lock()
	defer in.saving.Unlock()
	return slices.ContainsFunc(in.saves, func(s *saving) bool { return s.name == name })
}

func (in *Instance) stdout() io.Writer {
	if in.cfg.Stdout == nil {
		return io.Discard
	}
	return in.cfg.Stdout
}

// saveStream opens the file of option save_stream_file.
func (in *Instance) saveStream(ctx context.Context) error {
	if path := in.opts.Path("save_stream_file"); path != "" {
		if err := in.recorded("save_stream_file"); err != nil {
			return err
		}
		if rest, added := strings.CutPrefix(path, "+"); added {
			path = "+" + option.Expand(rest, in.opts.Home)
		}
		var filter *query.Filter
		if text := in.opts.String("save_stream_filter"); text != "" {
			var err error
			if filter, err = query.Parse(text, in.cfg.Case); err != nil {
				return usage("option save_stream_filter: %w", err)
			}
		}
		reads := slices.Concat(in.opts.Paths("server_replay"), in.opts.Paths("client_replay"))
		if read := in.opts.Path("rfile"); read != "" {
			reads = append(reads, read)
		}
		sink, err := capture.OpenRotating(path, in.stdout(), capture.Options{Version: int64(in.opts.Int("flow_version")), Read: reads}, time.Now)
		if err != nil {
			return usage("option save_stream_file: %w", err)
		}
		return in.save(ctx, "save_stream_file", sink, filter)
	}
	return nil
}

// dumpHAR opens the file of option hardump.
func (in *Instance) dumpHAR(ctx context.Context) error {
	if path := in.opts.Path("hardump"); path != "" {
		if err := in.recorded("hardump"); err != nil {
			return err
		}
		kind := capture.ByName(path)
		if kind != capture.ZHAR {
			kind = capture.HAR
		}
		sink, err := capture.Create(path, kind, in.stdout(), capture.Options{Creator: "midstream", CreatorVersion: in.cfg.Version, Replace: true})
		if err != nil {
			return usage("option hardump: %w", err)
		}
		return in.save(ctx, "hardump", sink, nil)
	}
	return nil
}

// recorded refuses an option that needs a session where there is none.
func (in *Instance) recorded(name string) error {
	if in.session == nil {
		return usage("option %s: flows are written from the session, and record=none keeps none: leave record as it is", name)
	}
	return nil
}

// save starts writing what ends from now on.
func (in *Instance) save(ctx context.Context, name string, sink capture.Sink, filter *query.Filter) error {
	r, err := store.OpenReader(in.session.Dir())
	if err != nil {
		sink.Abort()
		return err
	}
	s := &saving{name: name, sink: sink, ended: make(chan struct{})}
	in.saving.Lock()
	in.saves = append(in.saves, s)
	in.saving.Unlock()
	ctx = context.WithoutCancel(ctx) // it ends when the session is closed
	src := capture.FromReader(ctx, r, r.TailOf(ctx, filter))
	go func() {
		defer close(s.ended)
		defer r.Close()
		s.err = s.run(src, in.log)
	}()
	return nil
}

// run writes until the session is closed. A file that fails ends it; the traffic
// goes on.
func (s *saving) run(src capture.Source, log *slog.Logger) error {
	defer src.Close()
	var carried redaction.Carried
	for {
		it, err := src.Next()
		if err == io.EOF {
			if text := carried.Text(); text != "" {
				log.Warn(s.name + ": " + text)
			}
			return s.sink.Close()
		}
		if damaged, ok := errors.AsType[*capture.Damaged](err); ok {
			log.Warn(s.name + ": " + damaged.Error())
			if it == nil {
				continue
			}
			err = nil
		}
		if err == nil {
			carried.Add(it.Flow)
			_, err = s.sink.Write(it)
		}
		if err != nil {
			s.sink.Abort()
			err = fmt.Errorf("option %s: nothing more is written: %w", s.name, err)
			log.Error(err.Error())
			return err
		}
	}
}

// saved waits until all files are whole. The session is closed.
func (in *Instance) saved() error {
	in.saving.Lock()
	saves := slices.Clone(in.saves)
	in.saving.Unlock()
	var errs []error
	for _, s := range saves {
		<-s.ended
		errs = append(errs, s.err)
	}
	return errors.Join(errs...)
}
