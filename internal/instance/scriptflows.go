package instance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"midstream/flow"
	"midstream/internal/addons/intercept"
	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/format/code"
	"midstream/internal/format/har"
	"midstream/internal/format/mitm"
	"midstream/internal/option"
	"midstream/internal/pyhost"
	"midstream/internal/replay"
	"midstream/internal/store"
)

// scriptFlows does with flows what commands of Python scripts ask for.
type scriptFlows struct{ in *Instance }

// Replay opens flows and returns what sends their requests again.
func (s scriptFlows) Replay(ctx context.Context, path string, file []byte) (func(context.Context), error) {
	src, err := s.open(ctx, path, file)
	if err != nil {
		return nil, err
	}
	in := s.in
	return func(ctx context.Context) {
		defer src.Close()
		if ctx.Err() != nil {
			return
		}
		again := &replay.Sending{Engine: in.engine, Dialer: in.way.Dialer(), Hooks: in.set.Load, Reroute: in.way.Reroute,
			Speed: in.speed(), HTTP2: in.opts.Bool("http2"), Log: in.log}
		if _, err := again.Straight(ctx, src); err != nil && ctx.Err() == nil {
			in.log.Error("send again what a script has given: " + err.Error())
		}
	}, nil
}

func (s scriptFlows) open(ctx context.Context, path string, file []byte) (capture.Source, error) {
	if path != "" {
		return capture.Open(ctx, option.Expand(path, s.in.opts.Home), "", nil)
	}
	return capture.Open(ctx, "-", "", bytes.NewReader(file))
}

// Convert writes flows of any kind as another one: mitm, har, or one that sends them.
func (s scriptFlows) Convert(ctx context.Context, file []byte, to string) ([]byte, error) {
	src, err := s.open(ctx, "", file)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	var out bytes.Buffer
	var write func(*format.Item) ([]string, error)
	end := func() error { return nil }
	switch to {
	case string(capture.Mitm):
		write = mitm.NewWriter(&out, mitm.Version).Write
	case string(capture.HAR):
		w := har.NewWriter(&out, "midstream", s.in.cfg.Version)
		write, end = w.Write, w.Close
	default:
		kind, err := code.ParseKind(to)
		if err != nil {
			return nil, err
		}
		w := code.NewWriter(&out, kind, code.Options{})
		write, end = w.Write, w.Close
	}
	for {
		it, err := src.Next()
		if err == io.EOF {
			break
		}
		if _, damaged := errors.AsType[*capture.Damaged](err); damaged {
			s.in.log.Warn("read flows for a script: " + err.Error())
			continue
		}
		if err == nil {
			_, err = write(it)
		}
		if err != nil {
			return nil, err
		}
		if int64(out.Len()) > s.in.opts.Size("content_limit") {
			return nil, errors.New("what becomes of it is larger than content_limit; midstream convert takes any size")
		}
	}
	err = end()
	return out.Bytes(), err
}

// Recorded gives the newest flows of the session as a flow file, those that run with
// what has passed of them.
func (s scriptFlows) Recorded(ctx context.Context, id flow.ID, most int, limit int64) ([]byte, []pyhost.Running, error) {
	if s.in.session == nil {
		return nil, nil, errors.New("nothing is recorded: there is no session with flows")
	}
	s.in.session.Flush()
	r, err := store.OpenReader(s.in.session.Dir())
	if err != nil {
		return nil, nil, fmt.Errorf("read the session for a script: %w", err)
	}
	defer r.Close()
	which := store.ListOptions{Last: most}
	if id != (flow.ID{}) {
		number, err := r.Find(ctx, id.String())
		if err != nil {
			return nil, nil, fmt.Errorf("read the session for a script: %w", err)
		}
		which = store.ListOptions{After: number - 1}
		most = 1
	}
	src := capture.FromReader(ctx, r, r.List(ctx, which))
	defer src.Close()
	var files [][]byte
	var running []pyhost.Running
	size := int64(0)
	for {
		it, err := src.Next()
		if err == io.EOF || id != (flow.ID{}) && err == nil && it.Flow.ID != id {
			break
		}
		if _, damaged := errors.AsType[*capture.Damaged](err); damaged {
			continue // its body is not there any more
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the session for a script: %w", err)
		}
		if it.Flow.Request == nil && it.Flow.Kind == flow.HTTP || tooLarge(it, limit) {
			continue
		}
		if it.Flow.Live() {
			running = append(running, pyhost.Running{ID: it.Flow.ID, Held: s.in.intercept.StageOf(it.Flow.Number) != ""})
		}
		var out bytes.Buffer
		if _, err := mitm.NewWriter(&out, mitm.Version).Write(it); err != nil {
			return nil, nil, fmt.Errorf("read the session for a script: %w", err)
		}
		files = append(files, out.Bytes())
		for size += int64(out.Len()); size > limit; files = files[1:] {
			size -= int64(len(files[0]))
		}
	}
	return bytes.Join(files, nil), running, nil
}

func tooLarge(it *format.Item, limit int64) bool {
	n := int64(0)
	for _, b := range it.Bodies {
		if b != nil {
			n += b.Size()
		}
	}
	return n > limit
}

// number finds a flow of the session.
func (s scriptFlows) number(ctx context.Context, id flow.ID) (uint64, error) {
	if s.in.session == nil {
		return 0, errors.New("nothing is recorded: there is no session with flows")
	}
	s.in.session.Flush()
	r, err := store.OpenReader(s.in.session.Dir())
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return r.Find(ctx, id.String())
}

// Note sets marker or comment of a flow; one that runs gets it when it has ended.
func (s scriptFlows) Note(ctx context.Context, id flow.ID, what, value string) error {
	number, err := s.number(ctx, id)
	if err != nil {
		return fmt.Errorf("change a recorded flow: %w", err)
	}
	return s.in.late.note(s.in.session, number, func(f *flow.Flow) {
		if what == "marked" {
			f.Marker = value
		} else {
			f.Comment = value
		}
	})
}

// Kill ends a flow that runs.
func (s scriptFlows) Kill(ctx context.Context, id flow.ID) error {
	number, err := s.number(ctx, id)
	if err != nil {
		return fmt.Errorf("kill a flow: %w", err)
	}
	return Control(s).Kill(number)
}

// Resume lets a flow go on that is held.
func (s scriptFlows) Resume(ctx context.Context, id flow.ID) error {
	number, err := s.number(ctx, id)
	if err != nil {
		return fmt.Errorf("resume a flow: %w", err)
	}
	return s.in.intercept.Do(ctx, number, func(p *intercept.Parked) error {
		p.Go()
		return nil
	})
}

// Record adds flows to the session.
func (s scriptFlows) Record(ctx context.Context, file []byte) error {
	if s.in.session == nil {
		return errors.New("nothing is recorded: there is no session to add flows to")
	}
	src, err := s.open(ctx, "", file)
	if err != nil {
		return err
	}
	defer src.Close()
	into := capture.Into(s.in.session)
	for {
		it, err := src.Next()
		if err == io.EOF {
			return nil
		}
		if _, damaged := errors.AsType[*capture.Damaged](err); damaged {
			s.in.log.Warn("add flows to the session: " + err.Error())
			continue
		}
		if err == nil {
			_, err = into.Write(it)
		}
		if err != nil {
			return fmt.Errorf("add flows to the session: %w", err)
		}
	}
}
