package stickyauth

import (
	"context"
	"sync"

	"midstream/hook"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "stickyauth", Option: "stickyauth", Brief: "add Authorization as it was seen last for the host"}

// mostHosts bounds what is remembered.
const mostHosts = 1000

// Spec reads a value of the option: a filter.
func Spec(value string) (rule.Rule, error) { return rule.Rule{When: value}, nil }

// Addon runs rules of the kind.
type Addon struct {
	rules []*rule.Rule

	mu    sync.Mutex
	seen  map[string]string
	order []string // of hosts, the oldest first
}

// New makes the addon.
func New(rules []*rule.Rule, _ rule.Env) (any, error) {
	return &Addon{rules: rules, seen: map[string]string{}}, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	host := x.Request.Address()
	if value, ok := x.Request.Fields.Lookup("Authorization"); ok {
		a.keep(host, value)
		return nil
	}
	a.mu.Lock()
	value, ok := a.seen[host]
	a.mu.Unlock()
	if !ok {
		return nil
	}
	f := rule.Picture(x)
	for _, r := range a.rules {
		if r.Matches(f) {
			x.Request.Fields.Set("Authorization", value)
			r.Hit()
			return nil
		}
	}
	return nil
}

func (a *Addon) keep(host, value string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := a.seen[host]; !ok {
		if len(a.order) >= mostHosts {
			delete(a.seen, a.order[0])
			a.order = a.order[1:]
		}
		a.order = append(a.order, host)
	}
	a.seen[host] = value
}
