package strip

import (
	"context"
	"fmt"

	"midstream/hook"
	"midstream/internal/rule"
	"midstream/internal/svcb"
)

// answers is what both kinds do to answers of DNS over HTTPS: those that a rule means
// are held, and changed.
type answers struct {
	rules *rule.List
	// name is that of the kind.
	name string
	// change takes something out of a record and tells whether it was there; finding
	// and what are how the flow says so.
	change        func(*svcb.Record) bool
	finding, what string

	meant hook.Key[*rule.Rule]
}

// Name implements hook.Named.
func (a *answers) Name() string { return a.name }

// Observe implements hook.Observer: only answers of DNS are held.
func (*answers) Observe() bool { return true }

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *answers) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	if !svcb.Answers(&x.Response.Message) {
		return nil
	}
	if r, ok := a.rules.Any(rule.Picture(x)); ok {
		x.Response.Hold(fmt.Sprintf("rule %q changes answers of DNS", r.Name))
		a.meant.Put(x, r)
	}
	return nil
}

// Response implements hook.ResponseHook.
func (a *answers) Response(_ context.Context, x *hook.Exchange) error {
	if r, ok := a.meant.Get(x); ok && svcb.Apply(x, a.change) {
		r.Hit()
		x.Find(a.finding, fmt.Sprintf("rule %q took %s out of an answer of DNS", r.Name, a.what))
	}
	return nil
}
