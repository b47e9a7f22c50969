package rule

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"midstream/flow"
	"midstream/internal/format"
	"midstream/internal/option"
	"midstream/internal/pattern"
	"midstream/internal/query"
)

// A Kind is one sort of rule, as a file may name it behind "do".
type Kind struct {
	Name string
	// Option is mitmproxy's option that makes rules of the kind, "" for none.
	Option string
	// Params are what a rule of the kind says besides, those that it must say
	// first.
	Params []Param
	// Brief says in a few words what the kind does.
	Brief string
	// Late tells that rules of the kind can be decided when a body has come.
	Late bool
}

// A Param is one parameter of a kind.
type Param struct {
	Name     string
	Required bool
	// Help says what it is.
	Help string
}

func (k *Kind) param(name string) (Param, bool) {
	for _, p := range k.Params {
		if p.Name == name {
			return p, true
		}
	}
	return Param{}, false
}

// A Rule is one rule, read and checked as far as its kind does not matter.
type Rule struct {
	Name string
	// Off tells that it is in the list and does nothing.
	Off bool
	// When is the filter as written, "" for every flow.
	When string
	// Do is the name of the kind.
	Do string
	// Params are the parameters that are given, by name.
	Params map[string]string
	// From is where it stands: "rules.yaml:3:1", or "option modify_body".
	From string

	nameless bool          // Name was made for a rule of a file that has none
	filter   *query.Filter // nil for every flow
	slow     bool          // the filter has patterns that are given up after a time
	late     bool          // the filter asks for bodies
	hits     *atomic.Int64
}

// FromOption is what From begins with where a rule comes from an option.
const FromOption = "option "

// An Error is what is wrong with one rule, and where it stands.
type Error struct {
	Place string
	Text  string
	// Rule is the name of the rule, and Param what of it is wrong: "when", "do",
	// or a parameter. Both are "" where that is not known.
	Rule, Param string
	// Err is the cause, nil for none.
	Err error
}

func (e *Error) Error() string { return e.Place + ": " + e.Text }

func (e *Error) Unwrap() error { return e.Err }

// Fault makes an Error about r.
func (r *Rule) Fault(format string, args ...any) error { return r.FaultOf("", format, args...) }

// FaultOf makes an Error about one parameter of r, or its "when" or "do". The text
// is to name it.
func (r *Rule) FaultOf(param, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Place: r.From, Text: "rule " + quote(r.Name) + ": " + err.Error(), Rule: r.Name, Param: param, Err: err}
}

func quote(s string) string {
	if len(s) > 60 {
		s = s[:60] + "..."
	}
	return fmt.Sprintf("%q", s)
}

// New checks r against kinds and makes it ready. Errors are an *Error.
func New(r Rule, kinds []Kind, c query.Case) (*Rule, error) {
	i := slices.IndexFunc(kinds, func(k Kind) bool { return k.Name == r.Do })
	if i < 0 {
		var names []string
		for _, k := range kinds {
			names = append(names, k.Name)
		}
		if near := option.Nearest(r.Do, names); near != "" {
			return nil, r.FaultOf("do", "there is no kind %s: did you mean %s?", quote(r.Do), near)
		}
		return nil, r.FaultOf("do", "there is no kind %s: do is one of %s", quote(r.Do), strings.Join(names, ", "))
	}
	kind := kinds[i]
	for _, p := range kind.Params {
		if _, ok := r.Params[p.Name]; p.Required && !ok {
			return nil, r.FaultOf(p.Name, "%s needs %s: %s", kind.Name, p.Name, p.Help)
		}
	}
	for name := range r.Params {
		if _, ok := kind.param(name); !ok {
			names := []string{"name", "on", "when", "do"}
			for _, p := range kind.Params {
				names = append(names, p.Name)
			}
			if near := option.Nearest(name, names); near != "" {
				return nil, r.FaultOf(name, "%s has no %s: did you mean %s?", kind.Name, quote(name), near)
			}
			return nil, r.FaultOf(name, "%s has no %s: a rule of this kind says %s", kind.Name, quote(name), strings.Join(names, ", "))
		}
	}
	if r.When != "" {
		filter, err := query.Parse(r.When, c)
		if err != nil {
			return nil, r.FaultOf("when", "%w", err)
		}
		if filter.Bodies() && !kind.Late {
			return nil, r.FaultOf("when", "the filter asks for bodies, and %s decides when a head has come: ask for what a head tells, or let a script look at the body", kind.Name)
		}
		r.filter, r.slow, r.late = filter, !filter.Linear(), filter.Bodies()
	}
	r.hits = new(atomic.Int64)
	return &r, nil
}

// Matches tells whether the filter of r means f as it is now.
func (r *Rule) Matches(f *flow.Flow) bool {
	return r.filter == nil || r.filter.Heads(f, time.Now()) == query.Yes
}

// Catches is Matches for guards: what cannot be told counts as matched. slow
// tells that a pattern was given up because it took too long.
func (r *Rule) Catches(f *flow.Flow) (yes, slow bool) {
	if r.filter == nil {
		return true, false
	}
	start := time.Now()
	t := r.filter.Heads(f, start)
	if slow := r.slow && time.Since(start) >= pattern.MatchLimit; slow && t != query.Yes {
		return true, true
	}
	return t != query.No, false
}

// Late tells whether the filter asks for bodies, so that Late has to be asked.
func (r *Rule) Late() bool { return r.late }

// Hit counts a message that r has changed.
func (r *Rule) Hit() { r.hits.Add(1) }

// Hits is how many messages r has changed.
func (r *Rule) Hits() int64 { return r.hits.Load() }

// Alone is r for itself: on, and with a count of its own.
func (r *Rule) Alone() *Rule {
	c := *r
	c.Off, c.hits = false, new(atomic.Int64)
	return &c
}

// Same tells whether s says the same as r. A name that was made for a rule without
// one does not count.
func (r *Rule) Same(s *Rule) bool {
	if r.nameless != s.nameless || !r.nameless && r.Name != s.Name || r.Off != s.Off || r.When != s.When || r.Do != s.Do || len(r.Params) != len(s.Params) {
		return false
	}
	for k, v := range r.Params {
		if w, ok := s.Params[k]; !ok || w != v {
			return false
		}
	}
	return true
}

// Keep gives rules of list the counts of those of old that have their name and
// kind; a rule without a name is known by what it says.
func Keep(list, old []*Rule) {
	named := map[[2]string]*Rule{}
	var nameless []*Rule
	for _, o := range old {
		if o.nameless {
			nameless = append(nameless, o)
		} else {
			named[[2]string{o.Name, o.Do}] = o
		}
	}
	for _, r := range list {
		if !r.nameless {
			if o := named[[2]string{r.Name, r.Do}]; o != nil {
				r.hits = o.hits
			}
			continue
		}
		if i := slices.IndexFunc(nameless, r.Same); i >= 0 {
			r.hits = nameless[i].hits
			nameless = slices.Delete(nameless, i, i+1)
		}
	}
}

// Of are the rules of a kind that are on, in their order.
func Of(list []*Rule, kind string) []*Rule {
	var of []*Rule
	for _, r := range list {
		if r.Do == kind && !r.Off {
			of = append(of, r)
		}
	}
	return of
}

// Env is what kinds need of the program that runs them; the zero value works.
type Env struct {
	// Home is what "~/" stands for in paths.
	Home string
	// Log takes what a person should see apart from the flow; nil discards it.
	Log *slog.Logger
	// Window is modify_body_window, in octets; 0 is its default.
	Window int64
	// Seed is what chance goes by.
	Seed uint64
	// Server is what answers that rules make call themselves in Server.
	Server string
	// Memory is what outlives a reload; nil for nothing.
	Memory *Memory
	// StandIn makes what Exchange.StandIn takes: an answer with what an Item has, at a
	// speed, 0 for without pauses. nil is for trials, where nothing is answered.
	StandIn func(it *format.Item, speed float64) any
	// Wait waits for a time, or until ctx ends, then with an error; nil waits by the
	// clock.
	Wait func(ctx context.Context, d time.Duration) error
}

// Pause waits as Wait says.
func (e Env) Pause(ctx context.Context, d time.Duration) error {
	if e.Wait != nil {
		return e.Wait(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Logger is Log, or one that discards.
func (e Env) Logger() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}
