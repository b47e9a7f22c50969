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
	rules *rule.List
	*memory
}

// memory is the Authorization that was seen last, by host and port.
type memory struct {
	mu    sync.Mutex
	seen  map[string]string
	order []string // of hosts, the oldest first
}

// New makes the addon.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	return &Addon{rule.NewList(rules), rule.Remember[memory](env.Memory, Kind.Name)}, nil
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
	if r, ok := a.rules.Any(rule.Picture(x)); ok {
		x.Request.Fields.Set("Authorization", value)
		r.Hit()
	}
	return nil
}

func (m *memory) keep(host, value string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen == nil {
		m.seen = map[string]string{}
	}
	if _, ok := m.seen[host]; !ok {
		if len(m.order) >= mostHosts {
			delete(m.seen, m.order[0])
			m.order = m.order[1:]
		}
		m.order = append(m.order, host)
	}
	m.seen[host] = value
}
