package striph3

import (
	"context"
	"strings"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "strip_h3", Brief: "leave alternatives that are HTTP/3 out of Alt-Svc"}

// Addon runs rules of the kind.
type Addon struct{ rules *rule.List }

// New makes the addon.
func New(rules []*rule.Rule, _ rule.Env) (any, error) { return &Addon{rule.NewList(rules)}, nil }

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *Addon) ResponseHeaders(_ context.Context, x *hook.Exchange) error {
	if !x.Response.Fields.Has("Alt-Svc") {
		return nil
	}
	r, ok := a.rules.Any(rule.Picture(x))
	if !ok {
		return nil
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
