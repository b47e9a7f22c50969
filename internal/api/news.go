package api

import (
	"cmp"
	"slices"

	"midstream/flow"
	"midstream/internal/store"
)

// news are the flows that have changed since the last batch, each once, in the
// order of their numbers. What lists show of them is made when a view asks for it,
// and once for all views.
type news struct {
	numbers []uint64     // all of them
	flows   []*flow.Flow // those of which there are pictures
	sums    []store.Summary
	made    []bool
	gone    map[uint64]bool // removed flows
}

// newsOf takes pictures in the order in which they came, of a flow the last counts,
// and the numbers of flows without a picture. Both lists become its own.
func newsOf(pictures []*flow.Flow, seen []uint64, gone map[uint64]bool) *news {
	slices.SortStableFunc(pictures, func(a, b *flow.Flow) int { return cmp.Compare(a.Number, b.Number) })
	flows := pictures[:0]
	for i, f := range pictures {
		if i+1 < len(pictures) && pictures[i+1].Number == f.Number || gone[f.Number] {
			continue
		}
		flows = append(flows, f)
	}
	clear(pictures[len(flows):])
	numbers := slices.Grow(seen, len(flows))
	for _, f := range flows {
		numbers = append(numbers, f.Number)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	if len(gone) > 0 {
		numbers = slices.DeleteFunc(numbers, func(number uint64) bool { return gone[number] })
	}
	return &news{numbers: numbers, flows: flows, sums: make([]store.Summary, len(flows)), made: make([]bool, len(flows)), gone: gone}
}

// sum is what lists show of flow i.
func (n *news) sum(i int) *store.Summary {
	if !n.made[i] {
		n.sums[i], n.made[i] = store.Summarize(n.flows[i]), true
	}
	return &n.sums[i]
}

// find returns where the picture of a flow is.
func (n *news) find(number uint64) (int, bool) {
	return slices.BinarySearchFunc(n.flows, number, func(f *flow.Flow, number uint64) int { return cmp.Compare(f.Number, number) })
}

// row is what lists show of a flow, where it is news and has a picture.
func (n *news) row(number uint64) (*store.Summary, *flow.Flow, bool) {
	i, ok := n.find(number)
	if !ok {
		return nil, nil, false
	}
	return n.sum(i), n.flows[i], true
}

// last is the largest number.
func (n *news) last() uint64 {
	if len(n.numbers) == 0 {
		return 0
	}
	return n.numbers[len(n.numbers)-1]
}
