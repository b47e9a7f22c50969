package api

import (
	"cmp"
	"slices"
	"strings"

	"midstream/internal/store"
)

// maxKey bounds the text that flows are sorted by, in octets.
const maxKey = 64

// orders are what flows can be sorted by: a number, or a text.
var orders = map[string]func(s *store.Summary) (int64, string){
	"number":       nil,
	"start":        func(s *store.Summary) (int64, string) { return s.Start.UnixMicro(), "" },
	"duration":     func(s *store.Summary) (int64, string) { return int64(s.Duration), "" },
	"size":         func(s *store.Summary) (int64, string) { return s.Response.Size, "" },
	"request_size": func(s *store.Summary) (int64, string) { return s.Request.Size, "" },
	"status":       func(s *store.Summary) (int64, string) { return int64(s.Status), "" },
	"method":       func(s *store.Summary) (int64, string) { return 0, s.Method },
	"host":         func(s *store.Summary) (int64, string) { return 0, s.Host },
	"path":         func(s *store.Summary) (int64, string) { return 0, s.Path },
	"url":          func(s *store.Summary) (int64, string) { return 0, s.URL() },
	"type":         func(s *store.Summary) (int64, string) { return 0, s.Type },
	"marker":       func(s *store.Summary) (int64, string) { return 0, s.Marker },
	"outcome":      func(s *store.Summary) (int64, string) { return int64(s.Outcome.Kind), "" },
}

// entry is a flow's place in an order.
type entry struct {
	number uint64
	key    int64
	text   string
}

// ranks are flows in an order. The zero value is empty, by number.
type ranks struct {
	key  func(s *store.Summary) (int64, string) // nil is by number
	desc bool
	// list has the flows where there is a key, plain where there is none: it is small,
	// and nothing for the collector to look through.
	list  []entry
	plain []uint64
	// loose are the entries whose keys may still change: flows that run. By number
	// there are none.
	loose map[uint64]entry
	// there has a bit for each number: whether its flow is in the list. Numbers are
	// dense.
	there []uint64
}

// len is how many flows there are.
func (r *ranks) len() int { return len(r.list) + len(r.plain) }

// at is the flow of a rank.
func (r *ranks) at(rank int) uint64 {
	if r.key == nil {
		return r.plain[rank]
	}
	return r.list[rank].number
}

// has tells whether a flow is there.
func (r *ranks) has(number uint64) bool {
	i := number / 64
	return i < uint64(len(r.there)) && r.there[i]&(1<<(number%64)) != 0
}

func (r *ranks) note(number uint64, there bool) {
	i := number / 64
	if there {
		if i >= uint64(len(r.there)) {
			r.there = append(r.there, make([]uint64, i+1-uint64(len(r.there)))...)
		}
		r.there[i] |= 1 << (number % 64)
	} else if i < uint64(len(r.there)) {
		r.there[i] &^= 1 << (number % 64)
	}
}

func (r *ranks) clear() { r.list, r.plain, r.loose, r.there = nil, nil, nil, nil }

// entryOf is the place of a flow.
func (r *ranks) entryOf(s *store.Summary) entry {
	e := entry{number: s.Number}
	if r.key != nil {
		e.key, e.text = r.key(s)
		e.text = strings.Clone(e.text[:min(len(e.text), maxKey)])
	}
	return e
}

func (r *ranks) compare(a, b entry) int {
	c := cmp.Compare(a.key, b.key)
	if c == 0 {
		c = strings.Compare(a.text, b.text)
	}
	if c == 0 {
		c = cmp.Compare(a.number, b.number)
	}
	if r.desc {
		return -c
	}
	return c
}

func (r *ranks) compareNumbers(a, b uint64) int {
	if r.desc {
		a, b = b, a
	}
	return cmp.Compare(a, b)
}

// find returns the rank of a flow, and whether it is there; where it is not, the
// rank that its number would have, by number.
func (r *ranks) find(number uint64) (int, bool) {
	if r.key == nil {
		return slices.BinarySearchFunc(r.plain, number, r.compareNumbers)
	}
	if !r.has(number) {
		return 0, false
	}
	if e, ok := r.loose[number]; ok {
		return slices.BinarySearchFunc(r.list, e, r.compare)
	}
	i := slices.IndexFunc(r.list, func(e entry) bool { return e.number == number })
	return max(i, 0), i >= 0
}

// moved tells what a change did to the ranks.
type moved struct {
	appended int  // entries behind the last one
	shifted  bool // others came or went
	first    int  // where they did: ranks below it are what they were
	// left are the ranks that entries had which went, came those that entries have
	// which are new, but for the appended: runs in order, each its first rank and how
	// many. Neither is there where they are more than mostRuns.
	left, came [][2]int
}

// mostRuns bounds what is told of entries that come and go within a list: past it a
// reader asks for what it shows.
const mostRuns = 100

// at notes where entries came or went.
func (m *moved) at(rank int) {
	if !m.shifted || rank < m.first {
		m.first = rank
	}
	m.shifted = true
}

// gone notes a rank that an entry had, behind those noted before.
func (m *moved) gone(rank int) {
	m.at(rank)
	if n := len(m.left); n > 0 && m.left[n-1][0]+m.left[n-1][1] == rank {
		m.left[n-1][1]++
	} else if n <= mostRuns {
		m.left = append(m.left, [2]int{rank, 1})
	}
}

// new notes a rank that an entry has, before those noted before.
func (m *moved) new(rank int) {
	m.at(rank)
	if n := len(m.came); n > 0 && m.came[n-1][0] == rank+1 {
		m.came[n-1][0]--
		m.came[n-1][1]++
	} else if n <= mostRuns {
		m.came = append(m.came, [2]int{rank, 1})
	}
}

// close ends the notes of a change.
func (m *moved) close() {
	slices.Reverse(m.came)
	if len(m.left)+len(m.came) > mostRuns {
		m.left, m.came = nil, nil
	}
}

// change takes flows away and adds others, none of which is there.
func (r *ranks) change(gone map[uint64]bool, added []entry) moved {
	var m moved
	r.remove(gone, &m)
	if len(added) == 0 {
		m.close()
		return m
	}
	for _, e := range added {
		r.note(e.number, true)
	}
	inside := 0
	if r.key == nil {
		numbers := make([]uint64, 0, len(added))
		for _, e := range added {
			numbers = append(numbers, e.number)
		}
		r.plain, inside = merge(r.plain, numbers, r.compareNumbers, &m)
	} else {
		r.list, inside = merge(r.list, added, r.compare, &m)
	}
	m.appended = len(added) - inside
	m.close()
	return m
}

// remove takes flows away.
func (r *ranks) remove(gone map[uint64]bool, m *moved) {
	switch {
	case len(gone) == 0:
		return
	case len(gone) > fewGone:
		for rank := range r.len() {
			if gone[r.at(rank)] {
				m.gone(rank)
			}
			if len(m.left) > mostRuns {
				break
			}
		}
		r.plain = slices.DeleteFunc(r.plain, func(number uint64) bool { return gone[number] })
		r.list = slices.DeleteFunc(r.list, func(e entry) bool { return gone[e.number] })
	default:
		var places []int
		for number := range gone {
			if i, ok := r.find(number); ok {
				places = append(places, i)
			}
		}
		slices.Sort(places)
		for _, i := range places {
			m.gone(i)
		}
		for _, i := range slices.Backward(places) {
			if r.key == nil {
				r.plain = slices.Delete(r.plain, i, i+1)
			} else {
				r.list = slices.Delete(r.list, i, i+1)
			}
		}
	}
	for number := range gone {
		delete(r.loose, number)
		r.note(number, false)
	}
}

// fewGone is how many flows are taken away one by one.
const fewGone = 2

// merge puts more into list, which is in order, notes where, and tells how many are
// not behind the last one.
func merge[E any](list, more []E, compare func(a, b E) int, m *moved) (merged []E, inside int) {
	if !slices.IsSortedFunc(more, compare) {
		slices.SortFunc(more, compare)
	}
	old := len(list)
	list = append(list, more...)
	// Both are in order: what belongs further in front is moved there from the back.
	i, j := old-1, len(more)-1
	for k := len(list) - 1; j >= 0; k-- {
		if i >= 0 && compare(list[i], more[j]) > 0 {
			list[k] = list[i]
			i--
			continue
		}
		list[k] = more[j]
		if i != old-1 {
			m.new(k)
			inside++
		}
		j--
	}
	return list, inside
}

// loosen notes whether the keys of an entry may still change.
func (r *ranks) loosen(e entry, runs bool) {
	switch {
	case r.key == nil:
	case runs:
		if r.loose == nil {
			r.loose = make(map[uint64]entry)
		}
		r.loose[e.number] = e
	default:
		delete(r.loose, e.number)
	}
}
