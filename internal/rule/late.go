package rule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
)

// Picture is x as filters see it. It shares the heads of x.
func Picture(x *hook.Exchange) *flow.Flow {
	f := &flow.Flow{
		ID: x.ID, Number: x.Number, Kind: flow.HTTP, Client: x.Client, Server: x.Server,
		Request: &x.Request.Request, Start: x.Request.Start, RequestBody: bodyOf(&x.Request.Body),
		Marker: x.Marker, Comment: x.Comment, Metadata: x.Metadata,
	}
	if x.Response != nil {
		f.Response, f.ResponseBody = &x.Response.Response, bodyOf(&x.Response.Body)
	}
	return f
}

// bodyOf is what is known of a body.
func bodyOf(b *hook.Body) flow.Body {
	n := b.Len()
	switch {
	case b.Access() == hook.NotYet:
		return flow.Body{Disposition: flow.Tee, Declared: -1, Record: flow.Recording}
	case n == 0:
		return flow.Body{Ended: true}
	case n < 0:
		return flow.Body{Disposition: flow.Pass, Declared: -1}
	}
	return flow.Body{Disposition: flow.Hold, Declared: n, Received: n, Sent: n, Record: flow.Complete, Recorded: n, Ended: true}
}

// Contents gives a filter the bodies of an exchange as far as they have come; what
// has not is hook.ErrNotYet.
type Contents struct{ X *hook.Exchange }

// Open implements query.Bodies.
func (c Contents) Open(_ context.Context, _ *flow.Flow, side flow.Side) (io.ReadCloser, error) {
	b := &c.X.Request.Body
	if side == flow.ToClient {
		if c.X.Response == nil {
			return nil, nil
		}
		b = &c.X.Response.Body
	}
	if b.Access() == hook.Missing {
		return nil, nil
	}
	return b.Open()
}

var _ query.Bodies = Contents{}

// Late asks the rules of one addon a second time whose filters ask for a body that
// comes behind the head:
//
//	head ── Means: not known yet ──► the body is held ── Decide ──► what it means
//
// A rule that can be told by the head, or by the body of the other side, is told
// there. One that cannot be told at all does nothing, and a finding says so; guards
// use Catches and Judge, where that is an error. The zero value is ready and may be
// used from several goroutines at once.
type Late struct{ waiting hook.Key[[2][]int] }

// Means tells at the head of side whether the rule in place i means f. Where that is
// unknown the body is held, and Decide tells.
func (l *Late) Means(ctx context.Context, x *hook.Exchange, f *flow.Flow, side flow.Side, i int, r *Rule) query.Truth {
	if !r.late {
		return query.TruthOf(r.Matches(f))
	}
	t, err := l.ask(ctx, x, f, side, i, r, (*hook.Body).Hold)
	note(x, err)
	return t
}

// Catches is Means for guards: what is said at Rule.Catches, and where it is false for
// a rule that asks for a body, that is refused where it cannot be held, and Judge tells.
func (l *Late) Catches(ctx context.Context, x *hook.Exchange, f *flow.Flow, side flow.Side, i int, r *Rule) (yes, slow bool, err error) {
	if !r.late {
		yes, slow = r.Catches(f)
		return yes, slow, nil
	}
	t, err := l.ask(ctx, x, f, side, i, r, (*hook.Body).Guard)
	return t == query.Yes, false, err
}

func (l *Late) ask(ctx context.Context, x *hook.Exchange, f *flow.Flow, side flow.Side, i int, r *Rule, hold func(*hook.Body, string)) (query.Truth, error) {
	yes, err := r.filter.Match(ctx, f, Contents{x}, time.Now())
	if !errors.Is(err, hook.ErrNotYet) {
		return query.TruthOf(yes), r.undecided(err)
	}
	hold(bodyAt(x, side), fmt.Sprintf("rule %q asks for the whole body", r.Name))
	w, _ := l.waiting.Get(x)
	w[side] = append(w[side], i)
	l.waiting.Put(x, w)
	return query.Unknown, nil
}

// Decide tells which rules mean x that Means could not tell of at the head of side,
// by their places.
func (l *Late) Decide(ctx context.Context, x *hook.Exchange, side flow.Side, rules *List) []int {
	meant, err := l.Judge(ctx, x, side, rules)
	note(x, err)
	return meant
}

// Judge is Decide for guards. An error names the rules that cannot be told.
func (l *Late) Judge(ctx context.Context, x *hook.Exchange, side flow.Side, rules *List) (meant []int, err error) {
	w, _ := l.waiting.Get(x)
	list := w[side]
	if list == nil {
		return nil, nil
	}
	w[side] = nil
	l.waiting.Put(x, w)
	f := Picture(x)
	for _, i := range list {
		r := rules.rules[i]
		if bodyAt(x, side).Access() != hook.Editable {
			err = errors.Join(err, r.undecided(fmt.Errorf("that of the %s was not held, and was sent by then", side)))
			continue
		}
		yes, failed := r.filter.Match(ctx, f, Contents{x}, time.Now())
		if err = errors.Join(err, r.undecided(failed)); yes {
			meant = append(meant, i)
		}
	}
	return meant, err
}

func note(x *hook.Exchange, err error) {
	if err != nil {
		x.Find("rule-undecided", err.Error())
	}
}

func (r *Rule) undecided(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("rule %q asks for a body: %w", r.Name, err)
}

func bodyAt(x *hook.Exchange, side flow.Side) *hook.Body {
	if side == flow.ToClient {
		return &x.Response.Body
	}
	return &x.Request.Body
}
