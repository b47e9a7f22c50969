package option

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// subscription is somebody who wants to know of changes.
type subscription struct {
	names []string
	apply func(changed []string) error
}

// Subscribe has apply called after each Update that changed one of names (any
// option when names is empty), with the names that changed. When apply returns
// an error, the whole change is undone: those who had applied it already are
// called again with the old values in place, and their errors are ignored then.
//
// No lock is held: apply may change options itself, and when several changes
// come at once it may be called at once. It reads the values from the registry,
// so that the last call sees the last values. The function returned ends the
// subscription; a call that has begun goes on.
func (r *Registry) Subscribe(apply func(changed []string) error, names ...string) (cancel func()) {
	s := &subscription{names: names, apply: apply}
	r.mu.Lock()
	r.subs = append(slices.Clone(r.subs), s)
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.subs = slices.DeleteFunc(slices.Clone(r.subs), func(o *subscription) bool { return o == s })
	}
}

// Update changes options while the program runs, all of them or none. Values
// are as Coerce takes them; a bool also takes "toggle". Errors are a
// *ValueError, an *UnknownError, or what a subscriber said.
func (r *Registry) Update(values map[string]any) error {
	return r.UpdateFrom(Runtime, values)
}

// UpdateFrom is Update with another source than Runtime.
func (r *Registry) UpdateFrom(source Source, values map[string]any) error {
	change, err := r.change(source, values)
	if err != nil || len(change.names) == 0 {
		return err
	}
	told, err := tell(change.subs, change.names)
	if err != nil {
		r.undo(change)
		for _, s := range told {
			_ = s.run(change.names) // it has the old values again; nothing is left to undo
		}
	}
	return err
}

// change is an Update that has been made and not been told yet.
type change struct {
	names  []string // whose values differ, sorted
	before map[string]Setting
	serial uint64
	subs   []*subscription
}

// change checks and makes all assignments, or none.
func (r *Registry) change(source Source, values map[string]any) (change, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.state.Load()
	next := st.clone()
	r.serial++
	c := change{before: make(map[string]Setting), serial: r.serial, subs: r.subs}
	for name, v := range values {
		o := st.byName[name]
		if o == nil {
			return c, unknown(st, name, "")
		}
		now := st.setting(o)
		v, err := o.coerceFrom(now.Value, v)
		if err != nil {
			return c, err
		}
		if !equal(now.Value, v) {
			c.names = append(c.names, name)
		}
		c.before[name] = now
		next.values[name] = Setting{Value: v, Source: source, serial: c.serial}
	}
	slices.Sort(c.names)
	r.state.Store(next)
	return c, nil
}

// undo puts the old settings back, except where another change came later.
func (r *Registry) undo(c change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.state.Load().clone()
	for name, s := range c.before {
		if next.values[name].serial == c.serial {
			next.values[name] = s
		}
	}
	r.state.Store(next)
}

func (o *Option) coerceFrom(now, v any) (any, error) {
	if text, ok := v.(string); ok && o.Type == Bool && strings.EqualFold(text, "toggle") {
		on, _ := now.(bool)
		return !on, nil
	}
	return o.Coerce(v)
}

// tell runs the subscribers until one refuses, and returns those it has run.
func tell(subs []*subscription, names []string) (told []*subscription, err error) {
	for _, s := range subs {
		if !s.wants(names) {
			continue
		}
		told = append(told, s)
		if err := s.run(names); err != nil {
			return told, err
		}
	}
	return told, nil
}

func (s *subscription) wants(changed []string) bool {
	return len(s.names) == 0 || slices.ContainsFunc(changed, func(n string) bool { return slices.Contains(s.names, n) })
}

func (s *subscription) run(changed []string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.Join(err, fmt.Errorf("apply options %v: %v", changed, p))
		}
	}()
	return s.apply(changed)
}

func equal(a, b any) bool {
	x, ok := a.([]string)
	y, also := b.([]string)
	if ok || also {
		return ok && also && slices.Equal(x, y)
	}
	return a == b
}
