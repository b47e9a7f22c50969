package option

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Add declares an option while the program runs, as scripts do. What the start
// said about the name is taken up. Declared again with the same type, it keeps
// its value; with another one it begins anew. An option of midstream's own
// cannot be declared again.
func (r *Registry) Add(o Option) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.state.Load().clone()
	if old := next.byName[o.Name]; old != nil {
		if !isDynamic(old) {
			return fmt.Errorf("declare option %s: there is one of that name already", o.Name)
		}
		next.remove(o.Name)
		if !sameValues(old, &o) {
			delete(next.values, o.Name)
		}
	}
	o.Group = GroupScripts
	if err := next.declare(o); err != nil {
		return err
	}
	declared := next.byName[o.Name]
	kept := r.deferred[:0:0]
	begun := false
	for _, a := range r.deferred {
		if a.Name != o.Name {
			kept = append(kept, a)
			continue
		}
		if err := r.assign(next, declared, a, begun); err != nil {
			return err
		}
		begun = true
	}
	r.deferred = kept
	r.state.Store(next)
	return nil
}

// GroupScripts is the group of options that scripts declare; only those can be
// declared again or removed.
const GroupScripts = "Options of scripts"

func isDynamic(o *Option) bool { return o.Group == GroupScripts }

func sameValues(a, b *Option) bool {
	return a.Type == b.Type && a.Optional == b.Optional && slices.Equal(a.Choices, b.Choices)
}

// Remove takes away an option that Add declared; other names are left alone.
func (r *Registry) Remove(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.state.Load().clone()
	if o := next.byName[name]; o == nil || !isDynamic(o) {
		return
	}
	next.remove(name)
	delete(next.values, name)
	r.state.Store(next)
}

func (st *state) remove(name string) {
	delete(st.byName, name)
	st.options = slices.DeleteFunc(st.options, func(o *Option) bool { return o.Name == name })
}

// UnknownError says that nobody has declared an option that the start named.
type UnknownError struct {
	Name    string
	Place   string
	Nearest string // "" when nothing is near
	// Lacking is the note on an option that mitmproxy has and midstream has not by
	// that name; State tells how far it goes.
	Lacking string
	State   State
}

func (e *UnknownError) Error() string {
	var b strings.Builder
	if e.Place != "" {
		b.WriteString(e.Place + ": ")
	}
	switch {
	case e.Lacking != "":
		fmt.Fprintf(&b, "mitmproxy's option %s is %s: %s (row %s of docs/from-mitmproxy.md)", e.Name, e.State, e.Lacking, e.Name)
	case e.Nearest != "":
		fmt.Fprintf(&b, "unknown option %s: did you mean %s?", quote(e.Name), e.Nearest)
	default:
		fmt.Fprintf(&b, `unknown option %s: "midstream options" lists them all`, quote(e.Name))
	}
	return b.String()
}

func unknown(st *state, name, place string) error {
	e := &UnknownError{Name: name, Place: place}
	for _, row := range Mitmproxy() {
		if row.Name == name && row.State != Works {
			e.Lacking, e.State = row.Note, row.State
			return e
		}
	}
	flags := make(map[string]string)
	names := st.names()
	for _, o := range st.options {
		flag := fold(o.FlagName())
		flags[flag] = o.Name
		names = append(names, flag)
	}
	e.Nearest = Nearest(name, names)
	if own, ok := flags[e.Nearest]; ok {
		e.Nearest = own
	}
	return e
}

// Settle ends the start: names that nobody has declared are an error (an
// *UnknownError, the first in their order), except those of variables, which
// are returned as warnings: an environment may hold names that are not meant
// for midstream, as those that a cluster sets for a service of this name.
func (r *Registry) Settle() (warnings []error, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := r.state.Load()
	for _, a := range r.deferred {
		e := unknown(st, a.Name, cmp.Or(a.NamePlace, a.Place))
		if a.Source == Environment {
			warnings = append(warnings, e)
		} else if err == nil {
			err = e
		}
	}
	r.deferred = nil
	return warnings, err
}
