package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/instance"
	"midstream/internal/option"
	"midstream/internal/query"
	"midstream/internal/view"
)

// parseFilter reads the words of a command line as one filter; nil for none.
func parseFilter(e *env, words []string) (*query.Filter, error) {
	if len(words) == 0 {
		return nil, nil
	}
	f, err := query.Parse(strings.Join(words, " "), filterCase(e))
	if err != nil {
		return nil, &codedError{exitUsage, err}
	}
	return f, nil
}

// filterCase is how the environment wants capital letters taken.
func filterCase(e *env) query.Case {
	if e.getenv("MITMPROXY_CASE_SENSITIVE_FILTERS") == "1" {
		return query.Exact
	}
	return query.Folded
}

// parseDumpFilter is parseFilter with the option of the same meaning behind it.
func parseDumpFilter(e *env, reg *option.Registry, words []string) (*query.Filter, error) {
	if len(words) > 0 {
		text := strings.Join(words, " ")
		for _, name := range []string{"save_stream_filter", "readfile_filter"} {
			if reg.String(name) != "" {
				continue
			}
			if err := reg.Assign(option.ParseSet(name + "=" + text)); err != nil {
				return nil, err
			}
		}
		return parseFilter(e, words)
	}
	if text := reg.String("dumper_filter"); text != "" {
		return parseFilter(e, []string{text})
	}
	return nil, nil
}

// followPrinted keeps what is printed with the options of now, beginning with
// filter. cancel ends that.
func followPrinted(e *env, reg *option.Registry, filter *query.Filter) (now *atomic.Pointer[query.Filter], cancel func()) {
	now = new(atomic.Pointer[query.Filter])
	now.Store(filter)
	return now, reg.Subscribe(func(changed []string) error {
		if name := reg.String("dumper_default_contentview"); !view.Known(name) {
			return fmt.Errorf("option dumper_default_contentview: %w", &view.UnknownError{Name: name})
		}
		if !slices.Contains(changed, "dumper_filter") {
			return nil
		}
		f, err := parseDumpFilter(e, reg, nil)
		if err != nil {
			return fmt.Errorf("option dumper_filter: %w", err)
		}
		now.Store(f)
		return nil
	}, "dumper_filter", "dumper_default_contentview")
}

// wanted asks the filter of now; without one everything is wanted. What cannot be
// told is not printed, and the first such flow is told of.
func wanted(now *atomic.Pointer[query.Filter], bodies *recorded, log *slog.Logger) func(f *flow.Flow) bool {
	var once sync.Once
	return func(f *flow.Flow) bool {
		filter := now.Load()
		if filter == nil {
			return true
		}
		yes, err := filter.Match(context.Background(), f, bodies, time.Now())
		if err != nil {
			once.Do(func() { log.Warn("the filter cannot tell of every flow: " + err.Error()) })
		}
		return yes
	}
}

// recorded gives the printer the bodies of an instance that is not there yet
// when the printer is made. in is set before any flow passes.
type recorded struct {
	in   *instance.Instance
	mu   sync.Mutex
	kept *instance.Contents
}

// Content opens a body that is printed.
func (r *recorded) Content(number uint64, side flow.Side) (io.ReadCloser, int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil {
		kept, err := r.in.Contents()
		if err != nil {
			return nil, 0, err
		}
		r.kept = kept
	}
	return r.kept.Open(number, side)
}

// Open opens a body that a filter searches.
func (r *recorded) Open(_ context.Context, f *flow.Flow, side flow.Side) (io.ReadCloser, error) {
	body, _, err := r.Content(f.Number, side)
	return body, err
}

func (r *recorded) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept != nil {
		r.kept.Close()
		r.kept = nil
	}
}
