package striph3

import (
	"context"
	"fmt"
	"strings"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/rule"
	"midstream/internal/svcb"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "strip_h3", Brief: "leave alternatives that are HTTP/3 out of Alt-Svc and DNS answers"}

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
	answers := svcb.Answers(&x.Response.Message)
	if !answers && !x.Response.Fields.Has("Alt-Svc") {
		return nil
	}
	r, ok := a.rules.Any(rule.Picture(x))
	if !ok {
		return nil
	}
	if answers {
		x.Response.Hold(fmt.Sprintf("rule %q changes answers of DNS", r.Name))
		meant.Put(x, r)
	}
	var kept []string
	stripped := false
	for _, value := range x.Response.Fields.Values("Alt-Svc") {
		left, some := strip(value)
		stripped = stripped || some
		if left != "" {
			kept = append(kept, left)
		}
	}
	if !stripped {
		return nil
	}
	if kept == nil {
		kept = []string{"clear"}
	}
	x.Response.Fields.SetAll("Alt-Svc", kept)
	r.Hit()
	return nil
}

// Response implements hook.ResponseHook.
func (a *Addon) Response(_ context.Context, x *hook.Exchange) error {
	if r, ok := meant.Get(x); ok && svcb.Apply(x, svcb.StripH3) {
		r.Hit()
		x.Find("h3-stripped", fmt.Sprintf("rule %q took HTTP/3 out of an answer of DNS", r.Name))
	}
	return nil
}

// strip takes the alternatives that are HTTP/3, or what came before it, out of a value
// (RFC 7838 section 3). What is not understood stays.
func strip(value string) (left string, some bool) {
	var kept []string
	for _, one := range split(value) {
		id, _, ok := strings.Cut(one, "=")
		id = strings.ToLower(flow.TrimSpace(id))
		if ok && (id == "h3" || id == "quic" || id == "hq" || strings.HasPrefix(id, "h3-") || strings.HasPrefix(id, "hq-")) {
			some = true
			continue
		}
		if one = flow.TrimSpace(one); one != "" {
			kept = append(kept, one)
		}
	}
	return strings.Join(kept, ", "), some
}

// split cuts a list at its commas, not inside quotes (RFC 9110 section 5.6.4).
func split(value string) (list []string) {
	quoted, from := false, 0
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '"':
			quoted = !quoted
		case value[i] == '\\' && quoted:
			i++
		case value[i] == ',' && !quoted:
			list = append(list, value[from:i])
			from = i + 1
		}
	}
	return append(list, value[from:])
}
