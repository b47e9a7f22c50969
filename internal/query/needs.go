package query

import (
	"slices"
	"strconv"
)

// A need is something that must hold of an HTTP flow for a filter to be possible:
// that a text is in a subject, or that there is a response, or none.
type need struct {
	in   Op     // the subject, or Answered, Unanswered, Status
	word string // in lower case; "" for the last
}

// mostNeeds bounds the alternatives of one filter.
const mostNeeds = 64

// needs walks filters to find what each of them needs.
type needs struct{ count map[need]int }

// alternatives are the needs of which one must hold wherever n is not No, nil where
// none are known. Of the parts of an And it is those that fewest filters share.
func (s *needs) alternatives(n Node, not bool) []need {
	switch n := n.(type) {
	case *Not:
		return s.alternatives(n.Of, !not)
	case And:
		return s.several(n, not, !not)
	case Or:
		return s.several(n, not, not)
	case *Atom:
		return s.least(ofAtom(n, not))
	}
	return nil
}

// least is the best of lists that all hold.
func (s *needs) least(lists [][]need) (best []need) {
	for _, l := range lists {
		if best == nil || s.less(l, best) {
			best = l
		}
	}
	return best
}

// several are those of parts of which all must hold, or one.
func (s *needs) several(parts []Node, not, all bool) []need {
	var list []need
	for _, part := range parts {
		some := s.alternatives(part, not)
		switch {
		case all && some != nil && (list == nil || s.less(some, list)):
			list = some
		case all:
		case some == nil || len(list)+len(some) > mostNeeds:
			return nil
		default:
			list = append(list, some...)
		}
	}
	return list
}

// less tells whether a is true of fewer flows than b, as far as can be guessed.
func (s *needs) less(a, b []need) bool {
	for _, of := range []func([]need) int{s.shared, rankOf, lackOf} {
		if x, y := of(a), of(b); x != y {
			return x < y
		}
	}
	return false
}

func (s *needs) shared(list []need) (n int) {
	for _, k := range list {
		n += s.count[k]
	}
	return n
}

// rankOf is how much a subject tells flows apart: the less the more.
func rankOf(list []need) int {
	worst := 0
	for _, k := range list {
		rank := slices.Index([]Op{Domain, URL, Head, RequestHead, ResponseHead, Source, Destination, Type, RequestType, ResponseType, Status, Method}, k.in)
		if rank < 0 {
			rank = 99
		}
		worst = max(worst, rank)
	}
	return worst
}

// lackOf is less the longer the shortest word is.
func lackOf(list []need) int {
	short := 1 << 20
	for _, k := range list {
		short = min(short, len(k.word))
	}
	return -short
}

// collect counts what every part of n needs.
func (s *needs) collect(n Node, not bool) {
	switch n := n.(type) {
	case *Not:
		s.collect(n.Of, !not)
	case And:
		for _, part := range n {
			s.collect(part, not)
		}
	case Or:
		for _, part := range n {
			s.collect(part, not)
		}
	case *Atom:
		for _, list := range ofAtom(n, not) {
			for _, k := range list {
				s.count[k]++
			}
		}
	}
}

// ofAtom are lists of needs, of each of which one must hold wherever a is not No,
// or with not, wherever it is not Yes.
func ofAtom(a *Atom, not bool) [][]need {
	switch a.Op {
	case Answered, Unanswered:
		if (a.Op == Answered) != not {
			return [][]need{{{in: Answered}}}
		}
		return [][]need{{{in: Unanswered}}}
	}
	if not {
		return nil
	}
	switch a.Op {
	case Status:
		if a.Min == a.Max {
			return [][]need{{{Status, strconv.FormatInt(a.Min, 10)}}}
		}
		return [][]need{{{in: Answered}}}
	case Asset, WebSocket:
		return [][]need{{{in: Answered}}}
	case URL, Domain, Method, Type, RequestType, ResponseType, Head, RequestHead, ResponseHead, Source, Destination:
		var lists [][]string
		if a.text != nil {
			lists = a.text.Required()
		} else if a.octets != nil {
			lists = a.octets.Required()
		}
		var all [][]need
		for _, words := range lists {
			var list []need
			for _, w := range words {
				list = append(list, need{a.Op, w})
			}
			all = append(all, list)
		}
		return all
	}
	return nil
}

// backtracks tells whether a pattern below n may be given up.
func backtracks(n Node) bool {
	switch n := n.(type) {
	case And:
		return slices.ContainsFunc(n, backtracks)
	case Or:
		return slices.ContainsFunc(n, backtracks)
	case *Not:
		return backtracks(n.Of)
	case *Atom:
		return n.text != nil && n.text.Backtracks() || n.octets != nil && n.octets.Backtracks()
	}
	return false
}
