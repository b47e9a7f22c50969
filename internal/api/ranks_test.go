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
				before := numbers(&r)
				m := r.change(gone, added)
				now := numbers(&r)
				sorted := slices.IsSortedFunc(now, func(a, b uint64) int { return r.compare(have[a], have[b]) })
				if !sorted || len(now) != len(have) {
					t.Fatalf("%s: %d entries, want %d, in order %v", order, len(now), len(have), sorted)
				}
				stays := len(before)+m.appended == len(now) && slices.Equal(before, now[:min(len(before), len(now))])
				if stays == m.shifted {
					t.Fatalf("%s: shifted is %v, and the list stays: %v", order, m.shifted, stays)
				}
				if m.shifted && (m.first > min(len(before), len(now)) || !slices.Equal(before[:m.first], now[:m.first]) || m.first < min(len(before), len(now)) && before[m.first] == now[m.first]) {
					t.Fatalf("%s: ranks below %d stay, says a change of %v to %v", order, m.first, before, now)
				}
				if known := len(m.left)+len(m.came) > 0; known != m.shifted {
					t.Fatalf("%s: shifted is %v, with %v and %v", order, m.shifted, m.left, m.came)
				}
				if told := follow(before, now, m); !slices.Equal(told, now) {
					t.Fatalf("%s: who follows has %v, not %v", order, told, now)
				}
				for i, number := range now {
					if at, ok := r.find(number); at != i || !ok || !r.has(number) {
						t.Fatalf("%s: flow %d is at %d, found at %d", order, number, i, at)
					}
				}
				for number := range gone {
					if _, ok := r.find(number); ok || r.has(number) {
						t.Fatalf("%s: flow %d was taken away, and is there", order, number)
					}
				}
			}
		}
	}
}

// follow is what a reader that had `before` has behind a change, when it looks up what
// is new.
func follow(before, now []uint64, m moved) []uint64 {
	list := slices.Clone(before)
	for _, run := range slices.Backward(m.left) {
		list = slices.Delete(list, run[0], run[0]+run[1])
	}
	for _, run := range m.came {
		list = slices.Insert(list, run[0], now[run[0]:run[0]+run[1]]...)
	}
	return append(list, now[len(now)-m.appended:]...)
}

// Many that come and go at once are told of in bounded pieces: as runs, and where these
// are too many not at all.
func TestRanksBoundWhatTheyTell(t *testing.T) {
	for _, c := range []struct{ flows, apart, runs int }{
		{flows: 5000, apart: 1, runs: 1},
		{flows: mostRuns, apart: 2, runs: mostRuns},
		{flows: mostRuns + 1, apart: 2, runs: 0},
		{flows: 5000, apart: 2, runs: 0},
	} {
		r := ranks{desc: true}
		var old, added []entry
		gone := map[uint64]bool{}
		for i := range uint64(c.flows * c.apart) {
			if i%uint64(c.apart) == 0 {
				added = append(added, entry{number: i + 2})
				gone[i+2] = true
			} else {
				old = append(old, entry{number: i + 2})
			}
		}
		r.change(nil, append(old, entry{number: 1}))
		if m := r.change(nil, added); !m.shifted || m.appended != 0 || len(m.came) != c.runs {
			t.Errorf("%+v came: told of are %d runs, shifted is %v", c, len(m.came), m.shifted)
		}
		if m := r.change(gone, nil); !m.shifted || len(m.left) != c.runs {
			t.Errorf("%+v went: told of are %d runs, shifted is %v", c, len(m.left), m.shifted)
		}
	}
}

func numbers(r *ranks) (list []uint64) {
	for rank := range r.len() {
		list = append(list, r.at(rank))
	}
	return list
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
