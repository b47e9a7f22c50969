package api

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"midstream/internal/store"
)

// What comes and goes in any order leaves the list in its order, and tells truly
// whether ranks have changed.
func TestRanksStayInOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, order := range []string{"number", "size", "host"} {
		for _, desc := range []bool{false, true} {
			r := ranks{key: orders[order], desc: desc}
			have := map[uint64]entry{}
			next := uint64(1)
			for range 300 {
				gone := map[uint64]bool{}
				for number := range have {
					if random.IntN(10) == 0 {
						gone[number] = true
						delete(have, number)
					}
				}
				var added []entry
				for range random.IntN(6) {
					e := r.entryOf(&store.Summary{Number: next, Host: fmt.Sprint(random.IntN(5)), Response: store.BodySummary{Size: int64(random.IntN(5))}})
					have[next] = e
					added = append(added, e)
					next++
				}
				before := slices.Clone(r.list)
				m := r.change(gone, added)
				if !slices.IsSortedFunc(r.list, r.compare) || len(r.list) != len(have) {
					t.Fatalf("%s: %d entries, want %d, in order %v", order, len(r.list), len(have), slices.IsSortedFunc(r.list, r.compare))
				}
				stays := len(before)+m.appended == len(r.list) && slices.Equal(before, r.list[:min(len(before), len(r.list))])
				if stays == m.shifted {
					t.Fatalf("%s: shifted is %v, and the list stays: %v", order, m.shifted, stays)
				}
				for i, e := range r.list {
					if at, ok := r.find(e.number); at != i || !ok {
						t.Fatalf("%s: flow %d is at %d, found at %d", order, e.number, i, at)
					}
				}
			}
		}
	}
}

func TestRanksTellWhereAFlowWouldBe(t *testing.T) {
	r := ranks{}
	r.change(nil, []entry{{number: 2}, {number: 4}, {number: 9}})
	for number, want := range map[uint64]int{1: 0, 2: 0, 3: 1, 5: 2, 9: 2, 10: 3} {
		if at, there := r.find(number); at != want || there != (number == 2 || number == 9) {
			t.Errorf("flow %d: %d, %v", number, at, there)
		}
	}
}

// A view that nobody looks at ends; one with a reader stays.
func TestViewsThatNobodyWantsEnd(t *testing.T) {
	h := NewHub()
	for _, id := range []string{"left", "read", "fresh"} {
		h.views[id] = &view{cancel: func() {}, used: time.Now().Add(-2 * viewIdle)}
	}
	h.views["fresh"].touch()
	h.views["read"].feed.open()
	h.expire(time.Now())
	if len(h.views) != 2 || h.views["left"] != nil || !h.watching.Load() {
		t.Errorf("%v", h.views)
	}
	h.endAll()
	if h.watching.Load() {
		t.Error("it watches for nobody")
	}
}
