package anticomp

import (
	"context"

	"midstream/hook"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "anticomp", Brief: "ask servers for bodies without compression"}

// Addon runs rules of the kind.
type Addon struct{ rules *rule.List }

// New makes the addon.
func New(rules []*rule.Rule, _ rule.Env) (any, error) { return &Addon{rule.NewList(rules)}, nil }

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	f := rule.Picture(x)
	a.rules.Each(f, func(_ int, r *rule.Rule) rule.Step {
		if !r.Matches(f) || x.Request.Fields.Joined("Accept-Encoding") == "identity" {
			return rule.Next
		}
		x.Request.Fields.Set("Accept-Encoding", "identity")
		r.Hit()
		return rule.Anew
	})
	return nil
}
