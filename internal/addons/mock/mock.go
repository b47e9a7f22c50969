package mock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"sync"
	"time"

	"midstream/hook"
	"midstream/internal/format"
	"midstream/internal/format/timed"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "mock", Option: "mock", Brief: "answer from a timed file, with its pauses",
	Params: []rule.Param{
		{Name: "file", Required: true, Help: "a timed file, as midstream flows export --as timed writes one"},
		{Name: "speed", Help: "how fast: 1 as it was (without it), 2 twice as fast, max without pauses"},
	}}

// Spec reads a value of the option: /FILTER/FILE.
func Spec(value string) (rule.Rule, error) {
	filter, parts, err := rule.Split(value, 1)
	if err != nil {
		return rule.Rule{}, err
	}
	if filter == "" {
		return rule.Rule{}, fmt.Errorf("it is written /FILTER/FILE: with another separator than / where the path has one, as |~d api.test|FILE")
	}
	return rule.Rule{When: filter, Params: map[string]string{"file": parts[0]}}, nil
}

// Addon runs rules of the kind.
type Addon struct {
	rules *rule.List
	files []*file // of the rules
}

// file is a timed file as it was read last.
type file struct {
	path  string
	speed float64
	make  func(it *format.Item, speed float64) any

	mu      sync.Mutex
	size    int64
	changed time.Time
	server  any
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	a := &Addon{rules: rule.NewList(rules)}
	for _, r := range rules {
		speed, err := parseSpeed(r.Params["speed"])
		if err != nil {
			return nil, r.FaultOf("speed", "speed: %w", err)
		}
		f := &file{path: rule.Expand(r.Params["file"], env.Home), speed: speed, make: env.StandIn}
		if _, err := f.current(); err != nil {
			return nil, r.FaultOf("file", "file: %w", err)
		}
		a.files = append(a.files, f)
	}
	return a, nil
}

// parseSpeed reads a multiple of the recorded speed, 0 for max.
func parseSpeed(text string) (float64, error) {
	switch text {
	case "":
		return 1, nil
	case "max":
		return 0, nil
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !(n > 0) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%q is none: give a number above 0, as 1 or 2.5, or max", text)
	}
	return n, nil
}

// current is what answers with the file as it is now.
func (f *file) current() (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	st, err := os.Stat(f.path)
	if err != nil {
		return nil, err
	}
	if f.server != nil && st.Size() == f.size && st.ModTime().Equal(f.changed) {
		return f.server, nil
	}
	if !st.Mode().IsRegular() {
		return nil, errors.New(f.path + " is no file")
	}
	in, err := os.Open(f.path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	rec, err := timed.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.path, err)
	}
	f.size, f.changed = st.Size(), st.ModTime()
	f.server = described(f.path)
	if f.make != nil {
		f.server = f.make(rec.Item(), f.speed)
	}
	return f.server, nil
}

// described stands for an answer where nothing is answered.
type described string

func (d described) String() string { return "what " + string(d) + " has" }

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// Required implements hook.Guard: a request that was meant for a mock must not reach
// the server.
func (*Addon) Required() bool { return true }

// Observe implements hook.Observer: nothing is held for it.
func (*Addon) Observe() bool { return true }

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	f := rule.Picture(x)
	var failed error
	a.rules.Each(f, func(i int, r *rule.Rule) rule.Step {
		yes, slow := r.Catches(f)
		if !yes {
			return rule.Next
		}
		if slow {
			failed = fmt.Errorf("rule %q: its filter takes too long on this request", r.Name)
			return rule.Stop
		}
		server, err := a.files[i].current()
		if err != nil {
			failed = fmt.Errorf("rule %q: read the mock: %w", r.Name, err)
			return rule.Stop
		}
		x.StandIn(server)
		x.Find("mock", fmt.Sprintf("rule %q answered from %s", r.Name, a.files[i].path))
		r.Hit()
		return rule.Stop
	})
	return failed
}
