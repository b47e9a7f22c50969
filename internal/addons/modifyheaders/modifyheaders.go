package modifyheaders

import (
	"context"
	"fmt"
	"strings"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "modify_headers", Option: "modify_headers", Brief: "set, replace or remove a header field", Late: true,
	Params: []rule.Param{
		{Name: "header", Required: true, Help: "the name of the field"},
		{Name: "value", Help: "what it is set to, or @FILE; without one the field is removed"},
	}}

// Spec reads a value of the option: [/FILTER]/NAME/[@]VALUE.
func Spec(value string) (rule.Rule, error) {
	filter, parts, err := rule.Split(value, 2)
	if err != nil {
		return rule.Rule{}, err
	}
	return rule.Rule{When: filter, Params: map[string]string{"header": parts[0], "value": parts[1]}}, nil
}

// Addon runs rules of the kind.
type Addon struct {
	rules *rule.List
	edits []edit // of the rules
	late  rule.Late
}

type edit struct {
	*rule.Rule
	name  string
	value rule.Replacement
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	a := &Addon{rules: rule.NewList(rules)}
	for _, r := range rules {
		name, err := rule.Unescape(r.Params["header"])
		if err != nil {
			return nil, r.FaultOf("header", "header: %w", err)
		}
		if !token(name) {
			return nil, r.FaultOf("header", "header: %q is no name of a field", name)
		}
		value, err := rule.ReadReplacement(r.Params["value"], env.Home)
		if err != nil {
			return nil, r.FaultOf("value", "value: %w", err)
		}
		e := edit{r, name, value}
		if _, err := e.read(); err != nil {
			return nil, r.FaultOf("value", "value: %w", err)
		}
		a.edits = append(a.edits, e)
	}
	return a, nil
}

// token tells whether s can be a field name (RFC 9110 section 5.6.2).
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),/:;<=>?@[\\]{}", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// read returns the value; one line end behind that of a file is left out.
func (e *edit) read() (string, error) {
	p, err := e.value.Bytes()
	if err != nil {
		return "", err
	}
	s := string(p)
	if !e.value.Fixed() {
		s = strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
	}
	if strings.ContainsAny(s, "\r\n\x00") {
		return "", fmt.Errorf("it has a line end or NUL in it, and a field has one line")
	}
	return flow.TrimSpace(s), nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// Observe implements hook.Observer: a body is held where a filter asks for it.
func (*Addon) Observe() bool { return true }

// Wants implements hook.Selective.
func (a *Addon) Wants() hook.Events {
	e := hook.OnRequestHeaders | hook.OnResponseHeaders
	if a.rules.Late() {
		e |= hook.OnRequest | hook.OnResponse
	}
	return e
}

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	return onRequest(x, func(fields *flow.Fields) error { return a.run(ctx, x, flow.ToServer, fields) })
}

// Request implements hook.RequestHook.
func (a *Addon) Request(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	return onRequest(x, func(fields *flow.Fields) error { return a.runLate(ctx, x, flow.ToServer, fields) })
}

// onRequest has edit change the fields of a request.
func onRequest(x *hook.Exchange, edit func(*flow.Fields) error) error {
	host := x.Request.Fields.Get("Host")
	err := edit(&x.Request.Fields)
	// What a later version says in its authority is the Host field of HTTP/1.
	if now := x.Request.Fields.Get("Host"); now != host && now != "" && x.Request.Version >= flow.HTTP2 {
		x.Request.Authority = now
	}
	return err
}

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *Addon) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, flow.ToClient, &x.Response.Fields)
}

// Response implements hook.ResponseHook.
func (a *Addon) Response(ctx context.Context, x *hook.Exchange) error {
	return a.runLate(ctx, x, flow.ToClient, &x.Response.Fields)
}

func (a *Addon) run(ctx context.Context, x *hook.Exchange, side flow.Side, fields *flow.Fields) error {
	f := rule.Picture(x)
	var meant []*edit
	a.rules.Each(f, func(i int, r *rule.Rule) rule.Step {
		if a.late.Means(ctx, x, f, side, i, r) == query.Yes {
			meant = append(meant, &a.edits[i])
		}
		return rule.Next
	})
	return apply(meant, fields)
}

// runLate runs the rules that had to wait for a body.
func (a *Addon) runLate(ctx context.Context, x *hook.Exchange, side flow.Side, fields *flow.Fields) error {
	var meant []*edit
	for _, i := range a.late.Decide(ctx, x, side, a.rules) {
		meant = append(meant, &a.edits[i])
	}
	return apply(meant, fields)
}

// apply edits fields as the rules say that mean them, in their order.
func apply(meant []*edit, fields *flow.Fields) (failed error) {
	for i, e := range meant {
		if before(meant[:i], e.name) {
			continue
		}
		old := fields.Values(e.name)
		var values []string
		for _, o := range meant[i:] {
			if !flow.EqualFold(o.name, e.name) {
				continue
			}
			v, err := o.read()
			if err != nil {
				failed = fmt.Errorf("rule %q: %w", o.Rule.Name, err)
			} else if v != "" {
				values = append(values, v)
			}
		}
		fields.SetAll(e.name, values)
		if strings.Join(old, "\n") == strings.Join(values, "\n") {
			continue
		}
		for _, o := range meant[i:] {
			if flow.EqualFold(o.name, e.name) {
				o.Hit()
			}
		}
	}
	return failed
}

// before tells whether a rule of list is about the field name.
func before(list []*edit, name string) bool {
	for _, e := range list {
		if flow.EqualFold(e.name, name) {
			return true
		}
	}
	return false
}
