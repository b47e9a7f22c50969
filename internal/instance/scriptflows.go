package instance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"midstream/internal/capture"
	"midstream/internal/format"
	"midstream/internal/format/code"
	"midstream/internal/format/har"
	"midstream/internal/format/mitm"
	"midstream/internal/option"
	"midstream/internal/replay"
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
			Speed: in.replays.speed, HTTP2: in.opts.Bool("http2"), Log: in.log}
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
