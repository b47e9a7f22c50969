package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"midstream/flow"
)

// numbersOf are what a search finds, in its order.
func numbersOf(t testing.TB, r *Reader, o SearchOptions) []uint64 {
	t.Helper()
	var list []uint64
	for s, err := range r.Search(context.Background(), o) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, s.Number)
	}
	return list
}

// many records n flows of few sorts, some of which end late or never.
func many(t testing.TB, s *Store, n int, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	type open struct {
		r *Record
		f *flow.Flow
	}
	var late []open
	for i := range n {
		f := answered(exchange(i), 3)
		f.Request.Method = []string{"GET", "PUT", "DELETE"}[random.IntN(3)]
		f.Request.Host = fmt.Sprintf("h%d.example", random.IntN(40))
		if random.IntN(2) == 0 {
			f.Request.Fields.Set("Host", f.Request.Host)
		}
		f.Response.Status = 200 + random.IntN(4)*100
		if random.IntN(50) == 0 {
			f.Kind, f.Request, f.Response = flow.TCP, nil, nil
		}
		if random.IntN(100) == 0 {
			f.Marker = "m"
		}
		r := s.Start()
		r.Head(f, flow.ToClient)
		switch random.IntN(30) {
		case 0:
			late = append(late, open{r, f})
		default:
			r.End(completed(f))
		}
		if random.IntN(200) == 0 {
			s.Flush()
		}
	}
	for i, o := range late {
		if i%5 > 0 {
			f := completed(o.f)
			f.Outcome.Kind = flow.OutcomeKind(1 + random.IntN(8))
			o.r.End(f)
		}
	}
	s.Flush()
}

var searched = []string{"~all", "~m put", "!~m put", "~d h7", "!~d h1", "~c 3xx", "~c 200-399 & ~m get", "~e", "~tcp", "~http", "~s", "~q",
	"~marked", "~outcome reset", "~d example.test", "~u h3", "~t plain", "~dur <1s", "~proto h1 | ~tcp", "~d nowhere", "!~all"}

// check compares every way to search with what the flows themselves say.
func checkSearch(t *testing.T, r *Reader) {
	t.Helper()
	type known struct {
		number uint64
		f      *flow.Flow
	}
	var all []known
	for _, s := range list(t, r, ListOptions{}) {
		f, err := r.Get(t.Context(), s.Number)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, known{s.Number, f})
	}
	for _, text := range searched {
		q := filter(t, text)
		now := r.matching(q).now
		var want []uint64
		for _, k := range all {
			yes, err := q.Match(t.Context(), k.f, bodies{r}, now)
			if err != nil {
				t.Fatal(err)
			}
			if yes {
				want = append(want, k.number)
			}
		}
		if got := numbersOf(t, r, SearchOptions{Filter: q, Oldest: true}); !slices.Equal(got, want) {
			t.Errorf("%s, the oldest first: %d flows, want %d", text, len(got), len(want))
		}
		if n, err := r.Count(t.Context(), SearchOptions{Filter: q}); err != nil || n != uint64(len(want)) {
			t.Errorf("%s: counted %d, %v, want %d", text, n, err, len(want))
		}
		slices.Reverse(want)
		if got := numbersOf(t, r, SearchOptions{Filter: q}); !slices.Equal(got, want) {
			t.Errorf("%s: %d flows, want %d", text, len(got), len(want))
		}
		skip := len(want) / 3
		if got := numbersOf(t, r, SearchOptions{Filter: q, Skip: skip, Limit: 40}); !slices.Equal(got, want[skip:min(len(want), skip+40)]) {
			t.Errorf("%s: the page behind %d: %v", text, skip, got)
		}
		var inside []uint64
		for _, n := range want {
			if n > 200 && n < 600 {
				inside = append(inside, n)
			}
		}
		if got := numbersOf(t, r, SearchOptions{Filter: q, After: 200, Before: 600}); !slices.Equal(got, inside) {
			t.Errorf("%s: between 200 and 600: %d flows, want %d", text, len(got), len(inside))
		}
		if n, err := r.Count(t.Context(), SearchOptions{Filter: q, After: 200, Before: 600}); err != nil || n != uint64(len(inside)) {
			t.Errorf("%s: between 200 and 600: counted %d, %v, want %d", text, n, err, len(inside))
		}
	}
}

func TestSearch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	many(t, s, 700, 1)
	t.Run("live", func(t *testing.T) { checkSearch(t, openRead(t, dir)) })
	s.Close()
	t.Run("closed", func(t *testing.T) { checkSearch(t, openRead(t, dir)) })
	for _, p := range indexFiles(dir) {
		os.Remove(p) // not all are there
	}
	t.Run("made anew", func(t *testing.T) { checkSearch(t, openRead(t, dir)) })
}

// An index of version 1 is searched as it is, and is brought to version 2 by
// the next writer, after a copy.
func TestIndexOfVersion1(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	many(t, s, 400, 2)
	s.Close()
	x, err := openIndex(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"DROP TABLE blocks", "PRAGMA user_version=1"} {
		if _, err := x.conn.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	t.Run("read as it is", func(t *testing.T) { checkSearch(t, openRead(t, dir)) })
	s = openStore(t, dir, Config{})
	many(t, s, 300, 3)
	t.Run("with new flows", func(t *testing.T) { checkSearch(t, openRead(t, dir)) })
	s.Close()
	t.Run("closed", func(t *testing.T) {
		r := openRead(t, dir)
		checkSearch(t, r)
		if _, err := os.Stat(indexPath(dir) + ".v1"); r.version != indexVersion || err != nil {
			t.Errorf("version %d, and the copy: %v", r.version, err)
		}
	})
	if err := Remove(dir); err != nil {
		t.Error(err)
	}
}

// What is removed from the index is found no more.
func TestSearchAfterRowsAreGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	many(t, s, 700, 4)
	s.Close()
	x, err := openIndex(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.remove("number < 300 AND marker = ''"); err != nil {
		t.Fatal(err)
	}
	if err := x.remove("number % 7 = 3"); err != nil {
		t.Fatal(err)
	}
	if err := x.close(); err != nil {
		t.Fatal(err)
	}
	checkSearch(t, openRead(t, dir))
}

func TestASearchCanBeStopped(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	many(t, s, 1200, 5)
	r := openRead(t, dir)
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	why := errors.New("enough of it")
	var told Progress
	n := 0
	var last error
	for _, err := range r.Search(ctx, SearchOptions{Progress: func(p Progress) { told = p }}) {
		if last = err; err == nil {
			if n++; n == 700 {
				stop(why)
			}
		}
	}
	if !errors.Is(last, why) || told.Of != 1200 || told.Seen == 0 || told.Found == 0 {
		t.Errorf("after %d flows: %v, told %+v", n, last, told)
	}
}

func FuzzFacts(f *testing.F) {
	list := []facts{{number: 5, start: 9, method: 3, traits: 77}, {number: 9, start: 3, status: 404}}
	d := digestOf(list)
	f.Add(appendFacts(nil, list), d.append(nil))
	f.Fuzz(func(t *testing.T, p, q []byte) {
		if list, err := parseFacts(p, nil); err == nil {
			again, err := parseFacts(appendFacts(nil, list), nil)
			if err != nil || len(again) != len(list) {
				t.Errorf("%d facts, then %d, %v", len(list), len(again), err)
			}
		}
		var d digest
		if d.parse(q) == nil {
			(&judge{}).block(&d)
		}
	})
}
