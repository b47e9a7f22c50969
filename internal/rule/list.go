package rule

import (
	"slices"

	"midstream/flow"
	"midstream/internal/query"
)

// A List is the rules of one addon, in their order. It finds those that mean a flow
// without asking each. It is immutable and may be used from several goroutines at
// once.
type List struct {
	rules []*Rule
	index *query.Index // nil where no rule has a filter
}

// NewList makes one.
func NewList(rules []*Rule) *List {
	l := &List{rules: rules}
	filters, some := make([]*query.Filter, len(rules)), false
	for i, r := range rules {
		filters[i] = r.filter
		some = some || r.filter != nil
	}
	if some {
		l.index = query.NewIndex(filters)
	}
	return l
}

// At is the rule in place i.
func (l *List) At(i int) *Rule { return l.rules[i] }

// Late tells whether a rule has to wait for bodies.
func (l *List) Late() bool { return slices.ContainsFunc(l.rules, (*Rule).Late) }

// stackSet is how many words of a Set need no allocation.
const stackSet = 16

// A Step is how a walk over rules goes on.
type Step uint8

// The steps.
const (
	// Next is the next rule.
	Next Step = iota
	// Anew is the next rule, and the flow has changed: others may mean it now.
	Anew
	// Stop ends the walk.
	Stop
)

// Each calls do for each rule that may mean f, in their order, with its place. The
// rules that it leaves out do not mean f, neither for Matches nor for Catches; those
// that it gives are to be asked.
func (l *List) Each(f *flow.Flow, do func(i int, r *Rule) Step) {
	if l.index == nil {
		for i, r := range l.rules {
			if do(i, r) == Stop {
				return
			}
		}
		return
	}
	var small [stackSet]uint64
	set := query.Set(small[:])
	if n := (len(l.rules) + 63) / 64; n <= stackSet {
		set = set[:n]
	} else {
		set = query.NewSet(len(l.rules))
	}
	l.index.Candidates(f, set)
	for i, ok := set.From(0); ok; i, ok = set.From(i + 1) {
		switch do(i, l.rules[i]) {
		case Stop:
			return
		case Anew:
			clear(set)
			l.index.Candidates(f, set)
		}
	}
}

// Any tells whether a rule matches f, and which is the first.
func (l *List) Any(f *flow.Flow) (first *Rule, ok bool) {
	l.Each(f, func(_ int, r *Rule) Step {
		if !r.Matches(f) {
			return Next
		}
		first, ok = r, true
		return Stop
	})
	return first, ok
}
