package mapremote

import (
	"context"
	"fmt"

	"midstream/hook"
	"midstream/internal/pattern"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "map_remote", Option: "map_remote", Brief: "send requests to another URL",
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
type Addon struct{ rules []mapping }

type mapping struct {
	*rule.Rule
	sub *pattern.Substitution
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, _ rule.Env) (any, error) {
	a := &Addon{}
	for _, r := range rules {
		sub, err := pattern.NewSubstitution(r.Params["url"], 0, r.Params["to"])
		if err != nil {
			return nil, r.FaultOf("url", "%w", err)
		}
		a.rules = append(a.rules, mapping{r, sub})
	}
	return a, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// Required implements hook.Guard: a request that could not be sent where it was
// meant to go must not reach the server that it came for.
func (*Addon) Required() bool { return true }

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(_ context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	f := rule.Picture(x)
	for i := range a.rules {
		m := &a.rules[i]
		yes, slow := m.Catches(f)
		if !yes {
			continue
		}
		if slow {
			return fmt.Errorf("rule %q: its filter takes too long on this request", m.Name)
		}
		before := x.Request.DisplayURL()
		now, _, err := m.sub.Replace(before)
		if err != nil {
			return fmt.Errorf("rule %q: %w", m.Name, err)
		}
		if now == before {
			continue
		}
		if err := x.Request.SetURL(now); err != nil {
			return fmt.Errorf("rule %q made %q of %q: %w", m.Name, now, before, err)
		}
		m.Hit()
		x.Find("map-remote", fmt.Sprintf("rule %q sent the request for %s to %s", m.Name, before, now))
	}
	return nil
}
