package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/dump"
	"midstream/internal/query"
	"midstream/internal/store"
)

// maxFaults bounds the flows that are named.
const maxFaults = 5

// faults are the flows that --fail-on means. The zero value means none.
type faults struct {
	filter *query.Filter
	bodies *recorded

	mu      sync.Mutex // guards what follows
	count   int
	flows   []string
	unknown error // why the filter could not tell of a flow
}

// Watch implements engine.Watcher.
func (w *faults) Watch(f *flow.Flow) {
	if w.filter == nil || f.Live() {
		return
	}
	yes, err := w.filter.Match(context.Background(), f, w.bodies, time.Now())
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil && w.unknown == nil {
		w.unknown = err
	}
	if !yes {
		return
	}
	name := fmt.Sprintf("flow %d", f.Number)
	if f.Request != nil {
		name += " " + f.Request.Method + " " + f.Request.DisplayURL()
	}
	if f.Response != nil {
		name += fmt.Sprintf(" %d", f.Response.Status)
	}
	w.add(name)
}

func (w *faults) add(name string) {
	w.count++
	if len(w.flows) < maxFaults {
		w.flows = append(w.flows, dump.Safe(name))
	}
}

// search looks at the flows of a session behind a number.
func (w *faults) search(ctx context.Context, session string, after uint64) error {
	if w.filter == nil || session == "" {
		return nil
	}
	r, err := store.OpenReader(session)
	if err != nil {
		return err
	}
	defer r.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for s, err := range r.List(ctx, store.ListOptions{After: after, Filter: w.filter}) {
		if _, some := store.Undecided(err); some {
			w.unknown = err
			return nil
		}
		if err != nil {
			return err
		}
		w.add(fmt.Sprintf("flow %d %s %s %d", s.Number, s.Method, s.URL(), s.Status))
	}
	return nil
}

// verdict is nil where the filter means no flow. A flow of which it cannot tell
// counts as one that it means: a check that was not made has not been passed.
func (w *faults) verdict() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.count > 0:
		more := ""
		if w.count > len(w.flows) {
			more = fmt.Sprintf(" and %d more", w.count-len(w.flows))
		}
		noun := "1 flow matches"
		if w.count > 1 {
			noun = fmt.Sprintf("%d flows match", w.count)
		}
		return partialError("--fail-on: %s: %s%s", noun, strings.Join(w.flows, ", "), more)
	case w.unknown != nil:
		return partialError("--fail-on cannot tell of every flow: %w", w.unknown)
	}
	return nil
}
