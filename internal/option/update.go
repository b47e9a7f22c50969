package option

import (
	"errors"
	"fmt"
	"slices"
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
// apply runs within Update and must not change options. The function returned
// ends the subscription.
func (r *Registry) Subscribe(apply func(changed []string) error, names ...string) (cancel func()) {
	s := &subscription{names: names, apply: apply}
	r.mu.Lock()
	r.subs = append(r.subs, s)
	r.mu.Unlock()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.subs = slices.DeleteFunc(r.subs, func(o *subscription) bool { return o == s })
	}
}

// Update changes options while the program runs, all of them or none. Values
// are as Coerce takes them. Errors are a *ValueError, an *UnknownError, or what
// a subscriber said.
func (r *Registry) Update(values map[string]any) error {
	return r.UpdateFrom(Runtime, values)
}

// UpdateFrom is Update with another source than Runtime.
func (r *Registry) UpdateFrom(source Source, values map[string]any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.state.Load()
	next := before.clone()
	var changed []string
	for name, v := range values {
		o := before.byName[name]
		if o == nil {
			return unknown(before, name, "")
		}
		v, err := r.coerce(before, o, v)
		if err != nil {
			return err
		}
		if !equal(before.setting(o).Value, v) {
			changed = append(changed, name)
		}
		next.values[name] = Setting{Value: v, Source: source}
	}
	slices.Sort(changed)
	r.state.Store(next)
	told, err := r.tell(changed)
	if err != nil {
		r.state.Store(before)
		for _, s := range told {
			_ = s.run(changed) // it has the old values again; nothing is left to undo
		}
	}
	return err
}

func (r *Registry) coerce(st *state, o *Option, v any) (any, error) {
	if text, ok := v.(string); ok {
		return r.read(st, o, Assignment{Text: text})
	}
	return o.Coerce(v)
}

// tell runs the subscribers until one refuses, and returns those it has run.
func (r *Registry) tell(changed []string) (told []*subscription, err error) {
	if len(changed) == 0 {
		return nil, nil
	}
	for _, s := range r.subs {
		if !s.wants(changed) {
			continue
		}
		told = append(told, s)
		if err := s.run(changed); err != nil {
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
