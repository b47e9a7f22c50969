package api

import (
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/query"
)

// A view has the rows of its window in full, whether or not the pictures of the
// others were kept.
func TestOnlyPicturesThatAreNeededAreKept(t *testing.T) {
	filter, err := query.Parse("~m GET", query.Folded)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		view *view
		kept func(n, total int) bool // how many of n new flows may be kept, and must
	}{
		"a window that is full":     {&view{from: 0, n: 10}, func(n, _ int) bool { return n == 0 }},
		"a window at the end":       {&view{from: 90, n: 10}, func(n, _ int) bool { return n == mostNew }},
		"a window with room":        {&view{from: 90, n: 30}, func(n, _ int) bool { return n == mostNew }},
		"a window behind the end":   {&view{from: 150, n: 10}, func(n, _ int) bool { return n == mostNew }},
		"a window that stays there": {&view{from: -10, n: 10}, func(n, _ int) bool { return n == mostNew }},
		"the newest first":          {&view{from: 0, n: 10, ranks: ranks{desc: true}}, func(n, _ int) bool { return n == mostNew }},
		"the oldest of those":       {&view{from: 50, n: 10, ranks: ranks{desc: true}}, func(n, _ int) bool { return n == 0 }},
		"no window":                 {&view{}, func(n, _ int) bool { return n == 0 }},
		"a filter":                  {&view{filter: filter}, func(n, total int) bool { return n == total }},
		"another order than number": {&view{ranks: ranks{key: orders["size"]}}, func(n, total int) bool { return n == total }},
	} {
		h := NewHub()
		v := c.view
		v.cancel = func() {}
		h.views["v"] = v
		v.feed.open()
		var first []entry
		for n := range 100 {
			first = append(first, entry{number: uint64(n + 1)})
		}
		v.ranks.change(nil, first)
		h.mu.Lock()
		h.setWatching()
		h.wish()
		h.mu.Unlock()
		const more = 300
		for n := range more { // each twice, as it begins and as it ends
			h.Watch(&flow.Flow{Number: uint64(101 + n)})
			h.Watch(&flow.Flow{Number: uint64(101 + n)})
		}
		n := newsOf(h.recent.take(h.pending), h.seen, nil)
		if got := len(n.flows); !c.kept(got, more) || got > 0 && n.flows[got-1].Number != 400 {
			t.Errorf("%s: %d pictures were kept", name, got)
		}
		if len(n.numbers) != more || n.numbers[0] != 101 || n.last() != 400 {
			t.Errorf("%s: %d numbers", name, len(n.numbers))
		}
		if lo, hi := uint64(1), uint64(10); name == "a window that is full" {
			for number := range uint64(101) {
				h.mu.Lock()
				if got := h.need(number) == needed; got != (lo <= number && number <= hi) {
					t.Errorf("%s: flow %d is needed: %v", name, number, got)
				}
				h.mu.Unlock()
			}
		}
		h.endAll()
	}
}

// What comes in any order, in batches of any size, is in every view.
func TestNumbersAreNotLost(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	h := NewHub()
	h.ctx = t.Context()
	views := map[string]*view{"up": {n: 20}, "down": {n: 20, ranks: ranks{desc: true}}, "size": {n: 20, ranks: ranks{key: orders["size"]}}}
	for id, v := range views {
		v.cancel = func() {}
		v.facts.ID = id
		h.views[id] = v
		v.feed.open()
	}
	h.mu.Lock()
	h.setWatching()
	h.wish()
	h.mu.Unlock()
	order := random.Perm(2000)
	for i, n := range order {
		h.Watch(&flow.Flow{Number: uint64(n + 1), Outcome: flow.Outcome{Kind: flow.Completed}, ResponseBody: flow.Body{Sent: int64(random.IntN(50))}})
		if random.IntN(90) == 0 || i == len(order)-1 {
			h.batch(t.Context())
		}
	}
	for id, v := range views {
		if v.ranks.len() != len(order) || v.facts.Of != uint64(len(order)) {
			t.Errorf("%s has %d, of %d", id, v.ranks.len(), v.facts.Of)
		}
	}
	h.endAll()
}

// Who is at the end of a list has the newest rows without asking, however many came.
func TestTheNewestRowsAreTold(t *testing.T) {
	h := NewHub()
	h.ctx = t.Context()
	v := &view{cancel: func() {}, from: 0, n: 30}
	h.views["v"] = v
	mine, _ := v.feed.open()
	h.mu.Lock()
	h.setWatching()
	h.wish()
	h.mu.Unlock()
	for n := range 500 {
		h.Watch(&flow.Flow{Number: uint64(n + 1), Outcome: flow.Outcome{Kind: flow.Completed}})
	}
	h.batch(t.Context())
	var b Batch
	if err := json.Unmarshal((<-mine.queue).data, &b); err != nil {
		t.Fatal(err)
	}
	if b.Total != 500 || b.Appended != 500 || len(b.Rows) != mostNew || b.Rows[0].Number != 401 || *b.Rows[mostNew-1].Rank != 499 {
		t.Errorf("%d of %d rows, from %+v", len(b.Rows), b.Total, b.Rows[0])
	}
	// The window is full now, and elsewhere: nothing of what comes is told in full.
	ended := func(from, to int) {
		for n := from; n <= to; n++ {
			h.Watch(&flow.Flow{Number: uint64(n), Outcome: flow.Outcome{Kind: flow.Completed}})
		}
		h.batch(t.Context())
		b = Batch{}
		if err := json.Unmarshal((<-mine.queue).data, &b); err != nil {
			t.Fatal(err)
		}
	}
	ended(501, 1000)
	if b.Total != 1000 || len(b.Rows) != 0 {
		t.Errorf("%d of %d rows", len(b.Rows), b.Total)
	}
	// At the end it goes on with what comes, and has what of it changes.
	v.setWindow(window{From: -20, N: 20})
	h.wishAnew()
	ended(1001, 1500)
	if b.Total != 1500 || len(b.Rows) != 20 || b.Rows[0].Number != 1481 || *b.Rows[19].Rank != 1499 {
		t.Errorf("%d of %d rows at the end", len(b.Rows), b.Total)
	}
	ended(1470, 1490)
	if b.Total != 1500 || len(b.Rows) != 10 || b.Rows[0].Number != 1481 || b.Rows[9].Number != 1490 {
		t.Errorf("%d of %d rows at the end have changed", len(b.Rows), b.Total)
	}
	h.endAll()
}

// Readers are told at most 20 times a second, and 4 times where very much passes.
func TestThePaceOfBatches(t *testing.T) {
	for pictures, want := range map[int]time.Duration{0: batchEvery, 20: batchEvery, 100: batchEvery, 200: 100 * time.Millisecond, 1000: batchSlowest, maxPending: batchSlowest} {
		if got := pace(pictures); got != want {
			t.Errorf("%d pictures: %v, want %v", pictures, got, want)
		}
	}
}
