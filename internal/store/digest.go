package store

import (
	"encoding/binary"
	"math"
	"slices"
)

// digest is what all flows of a block have in common or may be: most blocks are
// passed over by it alone.
type digest struct {
	first, last int64 // the earliest and the latest start
	methods     []int64
	statuses    []int64
	hosts       [][2]int64 // host and target
	types       [][2]int64 // of request and response
	kinds       uint64     // a bit each
	outcomes    uint64
	any, all    uint64 // traits of one, of all
}

// digestOf sums up a block.
func digestOf(list []facts) digest {
	d := digest{first: math.MaxInt64, last: math.MinInt64, all: math.MaxUint64}
	for i := range list {
		f := &list[i]
		d.first, d.last = min(d.first, f.start), max(d.last, f.start)
		d.methods, d.statuses = put(d.methods, f.method), put(d.statuses, f.status)
		d.hosts, d.types = put(d.hosts, [2]int64{f.host, f.target}), put(d.types, [2]int64{f.asked, f.answered})
		d.kinds |= 1 << f.kind
		d.outcomes |= 1 << f.outcome
		d.any |= f.traits
		d.all &= f.traits
	}
	return d
}

func put[T comparable](list []T, v T) []T {
	// Flows of one client follow each other: the newest come first.
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == v {
			return list
		}
	}
	return append(list, v)
}

func (d *digest) append(dst []byte) []byte {
	dst = append(dst, factsVersion)
	dst = binary.AppendVarint(dst, d.first)
	dst = binary.AppendVarint(dst, d.last)
	for _, list := range [][]int64{d.methods, d.statuses} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, v := range list {
			dst = binary.AppendUvarint(dst, uint64(v))
		}
	}
	for _, list := range [][][2]int64{d.hosts, d.types} {
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, v := range list {
			dst = binary.AppendUvarint(dst, uint64(v[0]))
			dst = binary.AppendUvarint(dst, uint64(v[1]))
		}
	}
	for _, v := range [...]uint64{d.kinds, d.outcomes, d.any, d.all} {
		dst = binary.AppendUvarint(dst, v)
	}
	return dst
}

// parse reads what append wrote, into the room that d has.
func (d *digest) parse(p []byte) error {
	if len(p) == 0 || p[0] != factsVersion {
		return errFacts
	}
	r := factsReader{p: p[1:]}
	d.first, d.last = r.int(), r.int()
	for _, list := range []*[]int64{&d.methods, &d.statuses} {
		n := r.uint()
		if n > mostInBlock {
			return errFacts
		}
		*list = slices.Grow((*list)[:0], int(n))
		for range n {
			*list = append(*list, int64(r.uint()))
		}
	}
	for _, list := range []*[][2]int64{&d.hosts, &d.types} {
		n := r.uint()
		if n > mostInBlock {
			return errFacts
		}
		*list = slices.Grow((*list)[:0], int(n))
		for range n {
			*list = append(*list, [2]int64{int64(r.uint()), int64(r.uint())})
		}
	}
	d.kinds, d.outcomes, d.any, d.all = r.uint(), r.uint(), r.uint(), r.uint()
	if r.bad {
		return errFacts
	}
	return nil
}
