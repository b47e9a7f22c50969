package modifybody

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/jsonedit"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "modify_body", Option: "modify_body", Brief: "replace text in bodies, on streams too, or values of JSON", Late: true,
	Params: []rule.Param{
		{Name: "find", Help: "a regular expression; or set and delete instead"},
		{Name: "replace", Help: "what is put in the place of its matches, or @FILE; \\1 is what the first group has caught"},
		{Name: "in", Help: "body (without it), or messages: find is searched for in each message of a stream"},
		{Name: "set", Help: "values of JSON: lines of the form $.user.name = \"x\""},
		{Name: "delete", Help: "values of JSON that are left out: lines of the form $.user.name"},
	}}

// Spec reads a value of the option: [/FILTER]/REGEX/[@]REPLACEMENT.
func Spec(value string) (rule.Rule, error) {
	filter, parts, err := rule.Split(value, 2)
	if err != nil {
		return rule.Rule{}, err
	}
	return rule.Rule{When: filter, Params: map[string]string{"find": parts[0], "replace": parts[1]}}, nil
}

// Addon runs rules of the kind.
type Addon struct {
	rules  *rule.List
	edits  []*replacing // of the rules
	window int64
	late   rule.Late
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	a := &Addon{rules: rule.NewList(rules), window: env.Window}
	for _, r := range rules {
		p, err := newReplacing(r, env)
		if err != nil {
			return nil, err
		}
		a.edits = append(a.edits, p)
	}
	if slices.ContainsFunc(a.edits, func(r *replacing) bool { return r.messages || r.json != nil }) {
		return withSockets{a}, nil
	}
	return a, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// Observe implements hook.Observer: only bodies that a rule needs whole are held.
func (*Addon) Observe() bool { return true }

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	return a.begin(ctx, x, &x.Request.Body, &x.Request.Message, flow.ToServer)
}

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *Addon) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.begin(ctx, x, &x.Response.Body, &x.Response.Message, flow.ToClient)
}

// pending are the rules that want the whole of a body, by side.
type pending [2][]run

var waiting = new(hook.Key[pending])

// run is one rule on one body.
type run struct {
	sub *substitution
	as  *replacing
	at  int // its place
	// late tells that it is not known yet whether the rule means the body.
	late bool
}

func (a *Addon) begin(ctx context.Context, x *hook.Exchange, b *hook.Body, m *flow.Message, side flow.Side) error {
	f := rule.Picture(x)
	var failed error
	var whole []run
	a.rules.Each(f, func(i int, of *rule.Rule) rule.Step {
		known := a.late.Means(ctx, x, f, side, i, of)
		if known == query.No {
			return rule.Next
		}
		r := a.edits[i]
		sub, err := r.current()
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("rule %q: %w", r.Name, err))
			return rule.Next
		}
		if r.messages || r.json != nil {
			tell := &teller{x: x, rule: r, side: side, stale: staleFields(m, side), window: a.window}
			if known == query.Yes {
				sockets.add(x, side, socketRun{run{sub: sub, as: r}, tell})
				if onMessages(b, m, run{sub: sub, as: r}, tell) {
					return rule.Next
				}
			}
			if r.json != nil && isJSON(m) {
				whole = append(whole, run{sub, r, i, known == query.Unknown})
			}
			return rule.Next
		}
		// Behind a rule that needs the whole all run on the whole, in their order.
		if sub.stream == nil || whole != nil || known == query.Unknown {
			whole = append(whole, run{sub, r, i, known == query.Unknown})
			return rule.Next
		}
		tell := &teller{x: x, rule: r, side: side, stale: staleFields(m, side), window: a.window}
		b.Rewrite(hook.Rewriting{Decoded: true, New: func() hook.Transform {
			return sub.stream.TransformWatched(body.RewriteWatch{Matched: tell.matched, Long: tell.long})
		}})
		return rule.Next
	})
	if whole != nil {
		why := "its pattern cannot be run on a stream"
		if whole[0].as.json != nil {
			why = "it changes values of JSON"
		}
		b.Hold(fmt.Sprintf("rule %q needs the whole body: %s", whole[0].as.Name, why))
		p, _ := waiting.Get(x)
		p[side] = whole
		waiting.Put(x, p)
	}
	return failed
}

// Request implements hook.RequestHook.
func (a *Addon) Request(ctx context.Context, x *hook.Exchange) error {
	return a.finish(ctx, x, &x.Request.Body, &x.Request.Message, flow.ToServer)
}

// Response implements hook.ResponseHook.
func (a *Addon) Response(ctx context.Context, x *hook.Exchange) error {
	return a.finish(ctx, x, &x.Response.Body, &x.Response.Message, flow.ToClient)
}

func (a *Addon) finish(ctx context.Context, x *hook.Exchange, b *hook.Body, m *flow.Message, side flow.Side) error {
	meant := a.late.Decide(ctx, x, side, a.rules)
	p, _ := waiting.Get(x)
	for _, r := range p[side] {
		if r.late && !slices.Contains(meant, r.at) {
			continue
		}
		if b.Access() != hook.Editable {
			x.Find("modify-body-skipped", fmt.Sprintf("rule %q needs the whole %s body, which could not be held: it was not changed", r.as.Name, side))
			return nil
		}
		content, err := b.Content()
		if err != nil {
			x.Find("modify-body-skipped", fmt.Sprintf("rule %q did not change the %s body: %v", r.as.Name, side, err))
			return nil
		}
		now, n, err := r.apply(content)
		if errors.Is(err, jsonedit.ErrNotJSON) {
			continue
		}
		if err != nil {
			x.Find("modify-body-skipped", fmt.Sprintf("rule %q did not change the %s body: %v", r.as.Name, side, err))
			continue
		}
		if n > 0 {
			(&teller{x: x, rule: r.as, side: side, stale: staleFields(m, side)}).matched()
			if err := b.SetContent(now); err != nil {
				return err
			}
		}
	}
	return nil
}

// teller says on the flow what a rule does to one body.
type teller struct {
	x      *hook.Exchange
	rule   *replacing
	side   flow.Side
	stale  []string
	window int64
	once   atomic.Bool
}

func (t *teller) matched() {
	if t.once.Swap(true) {
		return
	}
	t.rule.Hit()
	t.x.Find("body-modified", fmt.Sprintf("rule %q changed the %s body", t.rule.Name, t.side))
	for _, name := range t.stale {
		t.x.Find("stale-"+map[bool]string{true: "etag", false: "digest"}[name == "ETag"],
			fmt.Sprintf("the %s body was changed: its %s field was left as it came and is wrong now", t.side, name))
	}
}

func (t *teller) long() {
	t.x.Find("modify-body-long-match", fmt.Sprintf("rule %q: what began like a match in the %s body was longer than modify_body_window and went out as it came", t.rule.Name, t.side))
}

// staleFields are the fields of m that say something about the octets of its
// body (RFC 9530; RFC 9110 section 8.8.3).
func staleFields(m *flow.Message, side flow.Side) []string {
	var list []string
	for _, name := range []string{"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"} {
		if m.Fields.Has(name) {
			list = append(list, name)
		}
	}
	if tag := m.Fields.Get("ETag"); tag != "" && tag[0] == '"' && side == flow.ToClient {
		list = append(list, "ETag")
	}
	return list
}
