package query

import (
	"math"
	"slices"

	"midstream/internal/pattern"
)

// A Node is a filter or a part of one: *Atom, *Not, And or Or.
type Node interface{ node() }

// And is true where all of it are; it has at least one part.
type And []Node

// Or is true where one of it is; it has at least one part.
type Or []Node

// Not is true where Of is not.
type Not struct{ Of Node }

// An Atom is one operator with what stands behind it.
type Atom struct {
	Op Op
	// Name is the operator as written, "" for a word alone.
	Name string
	// Argument is what stands behind it, without its quotes.
	Argument string
	// At and End are the octets of the filter from the operator to the end of
	// the argument.
	At, End int
	// Min and Max bound, both included, what Status, Size (octets), Duration and
	// Age (both in microseconds) compare.
	Min, Max int64
	// Words are the chosen words of an operator that has a list.
	Words []string

	text   *pattern.Pattern
	octets *pattern.Octets
}

func (And) node()   {}
func (Or) node()    {}
func (*Not) node()  {}
func (*Atom) node() {}

// Matches tells whether the pattern of a is in s. An atom without a pattern
// matches everything.
func (a *Atom) Matches(s string) bool {
	switch {
	case a.text != nil:
		return a.text.MatchString(s)
	case a.octets != nil:
		return a.octets.Match([]byte(s))
	}
	return true
}

// Within tells whether v is between the bounds.
func (a *Atom) Within(v int64) bool { return v >= a.Min && v <= a.Max }

// Has tells whether word was chosen.
func (a *Atom) Has(word string) bool { return slices.Contains(a.Words, word) }

const unbounded = math.MaxInt64

// Filter is a filter that has been read.
type Filter struct {
	text string
	root Node
	now  bool // it asks for the time
}

// String returns the text that it was read from.
func (f *Filter) String() string { return f.text }

// Root is its tree.
func (f *Filter) Root() Node { return f.root }

// Truth is what is known of a question.
type Truth uint8

// What can be known.
const (
	No Truth = iota
	Unknown
	Yes
)

// TruthOf makes a Truth of what is known.
func TruthOf(yes bool) Truth {
	if yes {
		return Yes
	}
	return No
}

// Eval answers the filter from what ask says of its leaves. It asks no more
// than it must; in an And or Or the parts are asked in the order in which they
// cost.
func (f *Filter) Eval(ask func(a *Atom) Truth) Truth { return Eval(f.root, ask) }

// Eval is Filter.Eval for a part of a filter.
func Eval(n Node, ask func(a *Atom) Truth) Truth {
	switch n := n.(type) {
	case And:
		all := Yes
		for _, part := range n {
			if all = min(all, Eval(part, ask)); all == No {
				break
			}
		}
		return all
	case Or:
		one := No
		for _, part := range n {
			if one = max(one, Eval(part, ask)); one == Yes {
				break
			}
		}
		return one
	case *Not:
		return Yes - Eval(n.Of, ask)
	case *Atom:
		return ask(n)
	}
	return Unknown
}

// cost is how far one must look to answer n: 0 a row, 1 a head, 2 a body.
func cost(n Node) int {
	most := 0
	switch n := n.(type) {
	case And:
		for _, part := range n {
			most = max(most, cost(part))
		}
	case Or:
		for _, part := range n {
			most = max(most, cost(part))
		}
	case *Not:
		return cost(n.Of)
	case *Atom:
		switch n.Op {
		case Body, RequestBody, ResponseBody, Event:
			return 2
		case Head, RequestHead, ResponseHead, Source, Destination, Meta, Comment, Found, Secured, RequestType, ResponseType, Type:
			return 1
		}
	}
	return most
}

// byCost orders the parts so that the cheap ones are asked first.
func byCost(parts []Node) []Node {
	slices.SortStableFunc(parts, func(a, b Node) int { return cost(a) - cost(b) })
	return parts
}

// Bodies tells whether the filter may have to look into bodies.
func (f *Filter) Bodies() bool { return cost(f.root) == 2 }

// Linear tells whether every pattern of the filter runs in time linear in what
// it is searched for in; others are given up after pattern.MatchLimit.
func (f *Filter) Linear() bool { return linear(f.root) }

func linear(n Node) bool {
	switch n := n.(type) {
	case And:
		return !slices.ContainsFunc(n, func(n Node) bool { return !linear(n) })
	case Or:
		return !slices.ContainsFunc(n, func(n Node) bool { return !linear(n) })
	case *Not:
		return linear(n.Of)
	case *Atom:
		return (n.text == nil || n.text.Linear()) && (n.octets == nil || n.octets.Linear())
	}
	return true
}
