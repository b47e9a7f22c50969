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
	list []entry
	// loose are the entries whose keys may still change: flows that run. By number
	// there are none.
	loose map[uint64]entry
	// there has a bit for each number: whether its flow is in list. Numbers are dense.
	there []uint64
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

func (r *ranks) clear() { r.list, r.loose, r.there = nil, nil, nil }

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

// find returns the rank of a flow, and whether it is there; where it is not, the
// rank that its number would have, by number.
func (r *ranks) find(number uint64) (int, bool) {
	e := entry{number: number}
	if r.key != nil {
		loose, ok := r.loose[number]
		if !ok && !r.has(number) {
			return 0, false
		}
		if !ok {
			i := slices.IndexFunc(r.list, func(e entry) bool { return e.number == number })
			return max(i, 0), i >= 0
		}
		e = loose
	}
	return slices.BinarySearchFunc(r.list, e, r.compare)
}

// moved tells what a change did to the ranks.
type moved struct {
	appended int  // entries behind the last one
	shifted  bool // others came or went
}

// change takes entries away and adds others, none of which is there.
func (r *ranks) change(gone map[uint64]bool, added []entry) moved {
	var m moved
	if len(gone) > 0 {
		before := len(r.list)
		if len(gone) == 1 {
			for number := range gone {
				if i, ok := r.find(number); ok {
					r.list = slices.Delete(r.list, i, i+1)
				}
			}
		} else {
			r.list = slices.DeleteFunc(r.list, func(e entry) bool { return gone[e.number] })
		}
		m.shifted = len(r.list) != before
		for number := range gone {
			delete(r.loose, number)
			r.note(number, false)
		}
	}
	if len(added) == 0 {
		return m
	}
	for _, e := range added {
		r.note(e.number, true)
	}
	if !slices.IsSortedFunc(added, r.compare) {
		slices.SortFunc(added, r.compare)
	}
	old := len(r.list)
	r.list = append(r.list, added...)
	// Both are in order: what belongs further in front is moved there from the back.
	i, j := old-1, len(added)-1
	for k := len(r.list) - 1; j >= 0; k-- {
		if i >= 0 && r.compare(r.list[i], added[j]) > 0 {
			r.list[k] = r.list[i]
			i--
			continue
		}
		r.list[k] = added[j]
		if i == old-1 {
			m.appended++
		}
		j--
	}
	m.shifted = m.shifted || m.appended != len(added)
	return m
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
