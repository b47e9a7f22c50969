package option

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Source is where a value came from.
type Source uint8

// The sources. File, Environment, Set and Flag are those of the start.
const (
	Default     Source = iota
	File               // config.yaml
	Environment        // MIDSTREAM_*
	Set                // --set
	Flag
	Script
	Runtime // changed while running
)

func (s Source) String() string {
	switch s {
	case Default:
		return "default"
	case File:
		return "file"
	case Environment:
		return "environment"
	case Set:
		return "--set"
	case Flag:
		return "flag"
	case Script:
		return "script"
	case Runtime:
		return "runtime"
	}
	return "?"
}

// Setting is the value of an option and where it came from.
type Setting struct {
	Value  any
	Source Source
	// Place tells where in the source: "config.yaml:3:1", "MIDSTREAM_MODE",
	// "--stream"; it may be empty.
	Place string

	serial uint64 // of the Update that made it, 0 without one
}

// Registry has the declarations of all options and their values.
type Registry struct {
	// Home is what "~/" stands for in paths; it must not change once values are
	// read.
	Home string

	state atomic.Pointer[state]

	mu       sync.Mutex      // one change at a time; guards what follows; never held over a call back
	subs     []*subscription // never changed in place
	serial   uint64          // of the last Update
	deferred []Assignment
}

// state is one moment of a registry; it is never changed.
type state struct {
	options []*Option // in the order of their declaration
	byName  map[string]*Option
	values  map[string]Setting // only what is not the default
}

// New makes a registry in which every option has its default. A wrong or double
// declaration is an error.
func New(options ...Option) (*Registry, error) {
	r := &Registry{}
	st := &state{byName: make(map[string]*Option), values: make(map[string]Setting)}
	for _, o := range options {
		if err := st.declare(o); err != nil {
			return nil, err
		}
	}
	r.state.Store(st)
	return r, nil
}

func (st *state) declare(o Option) error {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	switch rest := strings.Trim(o.Name, letters); {
	case o.Name == "" || rest != "" && !isDynamic(&o):
		return fmt.Errorf("declare option %s: a name is lower-case letters, digits and _", quote(o.Name))
	case strings.Trim(o.Name, letters+"ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "": // mitmproxy's scripts have such
		return fmt.Errorf("declare option %s: a name is letters, digits and _", quote(o.Name))
	}
	if st.byName[o.Name] != nil {
		return fmt.Errorf("declare option %s: there is one of that name already", o.Name)
	}
	if v := o.fallback(); v != nil {
		var err error
		if o.Default, err = o.Coerce(v); err != nil {
			return fmt.Errorf("declare option %s: its default: %w", o.Name, err)
		}
	}
	st.options = append(st.options, &o)
	st.byName[o.Name] = &o
	return nil
}

// clone returns a state that can be changed before it is stored.
func (st *state) clone() *state {
	c := &state{
		options: slices.Clone(st.options),
		byName:  make(map[string]*Option, len(st.byName)),
		values:  make(map[string]Setting, len(st.values)),
	}
	for k, v := range st.byName {
		c.byName[k] = v
	}
	for k, v := range st.values {
		c.values[k] = v
	}
	return c
}

func (st *state) setting(o *Option) Setting {
	if s, ok := st.values[o.Name]; ok {
		return s
	}
	return Setting{Value: o.fallback()}
}

// names lists all options and what their flags are called.
func (st *state) names() []string {
	names := make([]string, 0, len(st.options))
	for _, o := range st.options {
		names = append(names, o.Name)
	}
	return names
}

// Options returns the declarations in their order. They must not be changed.
func (r *Registry) Options() []*Option { return slices.Clone(r.state.Load().options) }

// Find returns the declaration of name, or an error that names the nearest.
func (r *Registry) Find(name string) (*Option, error) {
	st := r.state.Load()
	if o := st.byName[name]; o != nil {
		return o, nil
	}
	return nil, unknown(st, name, "")
}

// Lookup returns the value of name with where it came from, and false for an
// unknown name. The caller must not change a list, and must not print the value
// of a secret.
func (r *Registry) Lookup(name string) (Setting, bool) {
	st := r.state.Load()
	o := st.byName[name]
	if o == nil {
		return Setting{}, false
	}
	return st.setting(o), true
}

// get returns the value of an option that is known to exist.
func get[T any](r *Registry, name string, types ...Type) (T, bool) {
	st := r.state.Load()
	o := st.byName[name]
	if o == nil || !slices.Contains(types, o.Type) {
		panic(fmt.Sprintf("option: no option %s of type %s", name, types[0]))
	}
	v, ok := st.setting(o).Value.(T)
	return v, ok
}

// The getters below panic when there is no option of that name and type: they
// are for options that the caller has declared itself. Those of optional ones
// tell whether there is a value.

// Bool returns the value of a Bool.
func (r *Registry) Bool(name string) bool { v, _ := get[bool](r, name, Bool); return v }

// Int returns the value of an Int.
func (r *Registry) Int(name string) int { v, _ := get[int64](r, name, Int); return int(v) }

// OptionalInt returns the value of an Int and whether there is one.
func (r *Registry) OptionalInt(name string) (int, bool) {
	v, ok := get[int64](r, name, Int)
	return int(v), ok
}

// Size returns the value of a Size in octets.
func (r *Registry) Size(name string) int64 { v, _ := get[int64](r, name, Size); return v }

// OptionalSize returns the value of a Size and whether there is one.
func (r *Registry) OptionalSize(name string) (int64, bool) { return get[int64](r, name, Size) }

// Duration returns the value of a Duration.
func (r *Registry) Duration(name string) time.Duration {
	v, _ := get[time.Duration](r, name, Duration)
	return v
}

// String returns the value of a String or Choice, "" for none.
func (r *Registry) String(name string) string {
	v, _ := get[string](r, name, String, Choice)
	return v
}

// Host returns the value of a String that is a host; an IPv6 literal may stand in
// brackets there and has none here.
func (r *Registry) Host(name string) string {
	host := r.String(name)
	if bare, ok := strings.CutPrefix(host, "["); ok {
		if bare, ok = strings.CutSuffix(bare, "]"); ok && strings.Contains(bare, ":") {
			return bare
		}
	}
	return host
}

// OptionalString returns the value of a String or Choice and whether there is one.
func (r *Registry) OptionalString(name string) (string, bool) {
	return get[string](r, name, String, Choice)
}

// Path returns the value of a Path with the home folder put in, "" for none.
func (r *Registry) Path(name string) string {
	v, _ := get[string](r, name, Path)
	return Expand(v, r.Home)
}

// List returns a copy of the value of a List.
func (r *Registry) List(name string) []string {
	v, _ := get[[]string](r, name, List)
	return slices.Clone(v)
}

// Paths returns the value of a Paths with the home folder put in.
func (r *Registry) Paths(name string) []string {
	v, _ := get[[]string](r, name, Paths)
	v = slices.Clone(v)
	for i := range v {
		v[i] = Expand(v[i], r.Home)
	}
	return v
}
