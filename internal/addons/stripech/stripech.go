package stripech

import (
	"context"
	"fmt"

	"midstream/hook"
	"midstream/internal/rule"
	"midstream/internal/svcb"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "strip_ech", Brief: "take keys for Encrypted Client Hello out of DNS answers"}

// Addon runs rules of the kind.
type Addon struct{ rules *rule.List }

// New makes the addon.
func New(rules []*rule.Rule, _ rule.Env) (any, error) { return &Addon{rule.NewList(rules)}, nil }

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// Observe implements hook.Observer: only answers of DNS are held.
func (*Addon) Observe() bool { return true }

var meant = new(hook.Key[*rule.Rule])

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *Addon) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	if !svcb.Answers(&x.Response.Message) {
		return nil
	}
	if r, ok := a.rules.Any(rule.Picture(x)); ok {
		x.Response.Hold(fmt.Sprintf("rule %q changes answers of DNS", r.Name))
		meant.Put(x, r)
	}
	return nil
}

// Response implements hook.ResponseHook.
func (a *Addon) Response(_ context.Context, x *hook.Exchange) error {
	if r, ok := meant.Get(x); ok && svcb.Apply(x, svcb.StripECH) {
		r.Hit()
		x.Find("ech-stripped", fmt.Sprintf("rule %q took the keys for Encrypted Client Hello out of an answer of DNS", r.Name))
	}
	return nil
}
