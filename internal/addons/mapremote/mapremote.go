package mapremote

import (
	"context"
	"errors"
	"fmt"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/pattern"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "map_remote", Option: "map_remote", Brief: "send requests to another URL", Late: true,
	Params: []rule.Param{
		{Name: "url", Required: true, Help: "a regular expression that is replaced in the URL"},
		{Name: "to", Required: true, Help: "what is put in its place; \\1 is what the first group has caught"},
	}}

// Spec reads a value of the option: [/FILTER]/URL-REGEX/REPLACEMENT.
func Spec(value string) (rule.Rule, error) {
	filter, parts, err := rule.Split(value, 2)
	if err != nil {
		return rule.Rule{}, err
	}
	return rule.Rule{When: filter, Params: map[string]string{"url": parts[0], "to": parts[1]}}, nil
}

// Addon runs rules of the kind.
type Addon struct {
	rules *rule.List
	subs  []*pattern.Substitution // of the rules
	late  rule.Late
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, _ rule.Env) (any, error) {
	a := &Addon{rules: rule.NewList(rules)}
	for _, r := range rules {
		sub, err := pattern.NewSubstitution(r.Params["url"], 0, r.Params["to"])
		if err != nil {
			return nil, r.FaultOf("url", "%w", err)
		}
		a.subs = append(a.subs, sub)
	}
	return a, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// Required implements hook.Guard: a request that could not be sent where it was
// meant to go must not reach the server that it came for.
func (*Addon) Required() bool { return true }

// Observe implements hook.Observer: a body is held where a filter asks for it.
func (*Addon) Observe() bool { return true }

// Wants implements hook.Selective.
func (a *Addon) Wants() hook.Events {
	if a.rules.Late() {
		return hook.OnRequestHeaders | hook.OnRequest
	}
	return hook.OnRequestHeaders
}

// Request implements hook.RequestHook.
func (a *Addon) Request(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	meant, err := a.late.Judge(ctx, x, flow.ToServer, a.rules)
	for _, i := range meant {
		_, failed := send(x, a.rules.At(i), a.subs[i])
		err = errors.Join(err, failed)
	}
	return err
}

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	f := rule.Picture(x)
	var failed error
	a.rules.Each(f, func(i int, r *rule.Rule) rule.Step {
		yes, slow, err := a.late.Catches(ctx, x, f, flow.ToServer, i, r)
		changed := false
		switch {
		case err != nil:
			failed = err
		case !yes:
			return rule.Next
		case slow:
			failed = fmt.Errorf("rule %q: its filter takes too long on this request", r.Name)
		default:
			changed, failed = send(x, r, a.subs[i])
		}
		switch {
		case failed != nil:
			return rule.Stop
		case changed:
			return rule.Anew
		}
		return rule.Next
	})
	return failed
}

// send sends a request elsewhere.
func send(x *hook.Exchange, r *rule.Rule, sub *pattern.Substitution) (changed bool, err error) {
	before := x.Request.DisplayURL()
	now, _, err := sub.Replace(before)
	if err != nil {
		return false, fmt.Errorf("rule %q: %w", r.Name, err)
	}
	if now == before {
		return false, nil
	}
	if err := x.Request.SetURL(now); err != nil {
		return false, fmt.Errorf("rule %q made %q of %q: %w", r.Name, now, before, err)
	}
	r.Hit()
	x.Find("map-remote", fmt.Sprintf("rule %q sent the request for %s to %s", r.Name, before, now))
	return true, nil
}
