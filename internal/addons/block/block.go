package block

import (
	"context"
	"fmt"
	"strconv"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "block_list", Option: "block_list", Brief: "answer with a status instead of the server", Late: true,
	Params: []rule.Param{{Name: "status", Required: true, Help: "the status of the answer, as 404; 444 closes the connection without one"}}}

// Spec reads a value of the option: /FILTER/STATUS.
func Spec(value string) (rule.Rule, error) {
	filter, parts, err := rule.Split(value, 1)
	if err != nil {
		return rule.Rule{}, err
	}
	if filter == "" {
		return rule.Rule{}, fmt.Errorf("it is written /FILTER/STATUS")
	}
	return rule.Rule{When: filter, Params: map[string]string{"status": parts[0]}}, nil
}

// closing is the status that closes the connection.
const closing = 444

// Addon runs rules of the kind on requests as they come.
type Addon struct {
	rules    *rule.List
	statuses []int // of the rules
	server   string
	late     rule.Late
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	a := &Addon{rules: rule.NewList(rules), server: env.Server}
	for _, r := range rules {
		n, err := strconv.Atoi(r.Params["status"])
		if err != nil || n < 200 || n > 599 {
			return nil, r.FaultOf("status", "status %q is none: it is a number from 200 to 599, and 444 closes the connection", r.Params["status"])
		}
		a.statuses = append(a.statuses, n)
	}
	return a, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// Required implements hook.Guard.
func (*Addon) Required() bool { return true }

// Observe implements hook.Observer: a body is held where a filter asks for it.
func (*Addon) Observe() bool { return true }

// Wants implements hook.Selective.
func (a *Addon) Wants() hook.Events {
	if a.rules.Late() {
		return hook.OnRequestHeaders | hook.OnRequest | hook.OnTCPStart
	}
	return hook.OnRequestHeaders | hook.OnTCPStart
}

// target is where a request goes; judged is the one that rules were asked about last.
type target struct{ scheme, host, path string }

var judged = new(hook.Key[target])

func targetOf(x *hook.Exchange) target {
	r := &x.Request.Request
	return target{r.Scheme, r.Address(), r.Path}
}

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	judged.Put(x, targetOf(x))
	return a.judge(ctx, x)
}

// Request implements hook.RequestHook.
func (a *Addon) Request(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	meant, err := a.late.Judge(ctx, x, flow.ToServer, a.rules)
	if len(meant) == 0 {
		return err
	}
	return a.block(x, meant[0], false)
}

func (a *Addon) judge(ctx context.Context, x *hook.Exchange) error {
	if x.Response != nil {
		return nil
	}
	f := rule.Picture(x)
	var failed error
	a.rules.Each(f, func(i int, r *rule.Rule) rule.Step {
		yes, slow, err := a.late.Catches(ctx, x, f, flow.ToServer, i, r)
		switch {
		case err != nil:
			failed = err
		case yes:
			failed = a.block(x, i, slow)
		default:
			return rule.Next
		}
		return rule.Stop
	})
	return failed
}

// block does what the rule in place i says.
func (a *Addon) block(x *hook.Exchange, i int, slow bool) error {
	r, status := a.rules.At(i), a.statuses[i]
	r.Hit()
	why := ""
	if slow {
		why = "; its filter took too long, so that it counts as matched"
	}
	if status == closing {
		x.Find("blocked", fmt.Sprintf("rule %q closed the connection%s", r.Name, why))
		if err := x.Kill(); err != nil && !x.Killed() {
			return err
		}
		return nil
	}
	x.Find("blocked", fmt.Sprintf("rule %q answered with %d%s", r.Name, status, why))
	var fields flow.Fields
	if a.server != "" {
		fields.Add("Server", a.server)
	}
	x.Response = hook.MakeResponse(status, fields, nil)
	return nil
}

// Target asks the rules of an Addon again, behind whatever may have sent the
// request elsewhere. Its place is behind all of that.
type Target struct{ of *Addon }

// NewTarget makes the second addon.
func NewTarget(of *Addon) *Target { return &Target{of} }

// Name implements hook.Named.
func (*Target) Name() string { return Kind.Name }

// Required implements hook.Guard.
func (*Target) Required() bool { return true }

// Observe implements hook.Observer: nothing is held for it.
func (*Target) Observe() bool { return true }

// RequestHeaders implements hook.RequestHeadersHook.
func (t *Target) RequestHeaders(ctx context.Context, x *hook.Exchange) error { return t.again(ctx, x) }

// Request implements hook.RequestHook: a hook on the whole request may have sent
// it elsewhere, too.
func (t *Target) Request(ctx context.Context, x *hook.Exchange) error { return t.again(ctx, x) }

func (t *Target) again(ctx context.Context, x *hook.Exchange) error {
	now := targetOf(x)
	if was, ok := judged.Get(x); ok && was == now {
		return nil
	}
	judged.Put(x, now)
	return t.of.judge(ctx, x)
}
