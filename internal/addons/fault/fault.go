package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/rule"
)

// Kind is the kind of rule.
var Kind = rule.Kind{Name: "fault", Option: "fault", Brief: "delay, slow, stall, cut, reset, corrupt, or answer with a status",
	Params: []rule.Param{{Name: "fault", Required: true, Help: "NAME[:KEY=VALUE,...], as stall:after=3 events,for=5s"}}}

// SpecOf reads a value of the option: [/FILTER]/FAULT.
func SpecOf(value string) (rule.Rule, error) {
	filter, parts, err := rule.Split(value, 1)
	if err != nil {
		return rule.Rule{}, err
	}
	return rule.Rule{When: filter, Params: map[string]string{"fault": parts[0]}}, nil
}

// Addon runs rules of the kind.
type Addon struct {
	rules *rule.List
	specs []Spec // of the rules
	wait  func(context.Context, time.Duration) error

	mu   sync.Mutex
	dice *rand.Rand
}

// New makes the addon; errors are those of one rule.
func New(rules []*rule.Rule, env rule.Env) (any, error) {
	a := &Addon{rules: rule.NewList(rules), wait: env.Pause, dice: rand.New(rand.NewPCG(env.Seed, 0))}
	for _, r := range rules {
		spec, err := Parse(r.Params["fault"])
		if err != nil {
			return nil, r.FaultOf("fault", "fault: %w", err)
		}
		if spec.Do == "status" {
			spec.Side = flow.ToServer
		}
		a.specs = append(a.specs, spec)
	}
	return a, nil
}

// Name implements hook.Named.
func (*Addon) Name() string { return Kind.Name }

// falls throws the dice.
func (a *Addon) falls(chance float64) bool {
	if chance >= 1 {
		return true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.dice.Float64() < chance
}

// RequestHeaders implements hook.RequestHeadersHook.
func (a *Addon) RequestHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.head(ctx, x, &x.Request.Body, flow.ToServer)
}

// ResponseHeaders implements hook.ResponseHeadersHook.
func (a *Addon) ResponseHeaders(ctx context.Context, x *hook.Exchange) error {
	return a.head(ctx, x, &x.Response.Body, flow.ToClient)
}

func (a *Addon) head(ctx context.Context, x *hook.Exchange, b *hook.Body, side flow.Side) error {
	f := rule.Picture(x)
	var failed error
	a.rules.Each(f, func(i int, r *rule.Rule) rule.Step {
		s := &a.specs[i]
		if s.Side != side || !r.Matches(f) || !a.falls(s.Chance) {
			return rule.Next
		}
		var more bool
		if more, failed = a.run(ctx, x, b, r, s); !more || failed != nil {
			return rule.Stop
		}
		return rule.Anew
	})
	return failed
}

// run does one fault. more is false where the exchange is over.
func (a *Addon) run(ctx context.Context, x *hook.Exchange, b *hook.Body, r *rule.Rule, s *Spec) (more bool, err error) {
	told := func(what string) {
		r.Hit()
		x.Find("fault", fmt.Sprintf("rule %q %s", r.Name, what))
	}
	switch {
	case s.Do == "status":
		if x.Response == nil {
			told(fmt.Sprintf("answered with %d", s.Status))
			x.Response = hook.MakeResponse(s.Status, nil, nil)
		}
	case s.Do == "reset" && s.After == 0:
		told(fmt.Sprintf("broke the %s off before its head", s.Side))
		if err := x.Kill(); err != nil && !x.Killed() {
			return false, err
		}
		return false, nil
	case s.Do == "delay":
		told(fmt.Sprintf("delayed the %s by %v", s.Side, s.For))
		return a.wait(ctx, s.For) == nil, nil
	default:
		if s.Delay > 0 && a.wait(ctx, s.Delay) != nil {
			return false, nil
		}
		b.Rewrite(hook.Rewriting{Decoded: s.Events, KeepsLength: true, New: func() hook.Transform {
			return &breaker{wait: a.wait, spec: *s, side: s.Side, told: told, kill: x.Kill}
		}})
	}
	return true, nil
}

// breaker does a fault to one body.
type breaker struct {
	wait func(context.Context, time.Duration) error
	spec Spec
	side flow.Side
	told func(what string)
	kill func() error

	passed int64 // octets, or events
	bare   bool  // the line of an event stream has nothing in it yet
	begun  bool  // there is something of an event
	done   bool
	owed   time.Duration
}

// Chunk implements hook.Transform.
func (b *breaker) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	if b.spec.Do == "bandwidth" {
		return b.slowly(ctx, p, emit)
	}
	if b.done {
		return emit(p)
	}
	n, reached := b.advance(p)
	if n > 0 {
		if err := emit(p[:n]); err != nil {
			return err
		}
	}
	if !reached {
		return nil
	}
	b.done = true
	return b.strike(ctx, p[n:], emit)
}

// advance tells how much of p passes before the fault, and whether it comes then.
func (b *breaker) advance(p []byte) (n int, reached bool) {
	if !b.spec.Events {
		// With nothing behind them the octets may be all that there are.
		if left := b.spec.After - b.passed; int64(len(p)) > left || left == 0 {
			return int(left), true
		}
		b.passed += int64(len(p))
		return len(p), false
	}
	if b.passed >= b.spec.After {
		return 0, true
	}
	for i, c := range p {
		switch {
		case c == '\n' && b.bare && b.begun:
			b.passed++
			b.begun = false
			if b.passed >= b.spec.After {
				return i + 1, true
			}
		case c == '\n':
			b.bare = true
		case c != '\r':
			b.bare, b.begun = false, true
		}
	}
	return len(p), false
}

// errCut ends a body.
var errCut = errors.New("a rule of faults cut it")

func (b *breaker) strike(ctx context.Context, rest []byte, emit func([]byte) error) error {
	unit := "bytes"
	if b.spec.Events {
		unit = "events"
	}
	at := fmt.Sprintf("the %s body after %d %s", b.side, b.spec.After, unit)
	switch b.spec.Do {
	case "stall":
		b.told(fmt.Sprintf("stalled %s for %v", at, b.spec.For))
		if err := b.wait(ctx, b.spec.For); err != nil {
			return err
		}
	case "cut":
		b.told("cut " + at)
		return errCut
	case "reset":
		b.told("broke off " + at)
		_ = b.kill() // it may have ended
		return errCut
	case "corrupt":
		if len(rest) == 0 {
			b.done = false
			return nil
		}
		b.told("changed one octet of " + at)
		rest = append([]byte(nil), rest...)
		rest[0] ^= 0x20
	}
	if len(rest) == 0 {
		return nil
	}
	return emit(rest)
}

// tick is the grain of a slow body.
const tick = 50 * time.Millisecond

// slowly passes p at the rate.
func (b *breaker) slowly(ctx context.Context, p []byte, emit func([]byte) error) error {
	if !b.done {
		b.done = true
		b.told(fmt.Sprintf("slowed the %s body down to %d bytes a second", b.side, b.spec.Rate))
	}
	grain := max(1, b.spec.Rate/int64(time.Second/tick))
	for len(p) > 0 {
		n := min(int64(len(p)), grain)
		if err := emit(p[:n]); err != nil {
			return err
		}
		p = p[n:]
		if b.owed += time.Duration(n) * time.Second / time.Duration(b.spec.Rate); b.owed < tick/2 {
			continue
		}
		if err := b.wait(ctx, b.owed); err != nil {
			return err
		}
		b.owed = 0
	}
	return nil
}

// End implements hook.Transform.
func (b *breaker) End(ctx context.Context, emit func([]byte) error) error {
	if b.done || b.spec.Events || b.spec.Do == "bandwidth" || b.spec.Do == "corrupt" || b.passed < b.spec.After {
		return nil
	}
	b.done = true
	return b.strike(ctx, nil, emit)
}
