package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/query"
)

func filter(t testing.TB, text string) *query.Filter {
	t.Helper()
	f, err := query.Parse(text, query.Folded)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// variety records flows of many sorts; those from 20 on live.
func variety(t testing.TB, s *Store) []*flow.Flow {
	t.Helper()
	var all []*flow.Flow
	for i := range 24 {
		f := answered(exchange(i), 5)
		f.Request.Method = []string{"GET", "POST", "DELETE"}[i%3]
		f.Request.Fields.Set("Host", []string{"a.example", "b.example:8080"}[i%2])
		f.Response.Status = 200 + 100*(i%4)
		f.Response.Fields.Set("Content-Type", []string{"text/html; charset=utf-8", "application/json", "image/png"}[i%3])
		if i%5 == 0 {
			f.Response = nil
		}
		if i%7 == 0 {
			f.Marker, f.Comment = "m", "why"
		}
		r := s.Start()
		if f.Response == nil {
			r.Head(f, flow.ToServer)
		} else {
			r.Head(f, flow.ToClient)
			r.Piece(flow.ToClient, []byte([]string{"hello", "world"}[i%2]))
		}
		if i < 20 {
			f = completed(f)
			if f.Response == nil {
				f.Outcome = flow.Outcome{Kind: flow.Failed, Text: "no"}
				f.ResponseBody = flow.Body{}
			}
			r.End(f)
		}
		c := *f
		c.Number = uint64(i + 1)
		all = append(all, &c)
	}
	s.Flush()
	return all
}

// What is found among rows is what the flows themselves say.
func TestListOfAFilter(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	variety(t, s)
	filters := []string{
		"~all", "~m get", "~m 'T$'", "~c 2xx", "!~c 2xx", "~c >400", "~d a.ex", "~d example", "~d 8080", "!~d b", "~u example", "~u 8080",
		"~t json", "~ts charset", "~a", "!~a", "~q", "~s", "~e", "!~e", "~marked", "~comment why", "~b hello", "~bs world", "!~b hello",
		"~q & ~marked", "~m get | ~b world", "~http", "~tcp", "~websocket", "~size >4", "~size <1", "~age <1h", "~age >1h", "~dur <1h",
		"~disp tee", "~outcome failed", "~proto h1", "~h charset", "~hq host", "~src .", "~dst .", "~finding", "~replay", "~meta .", "~tq .",
	}
	check := func(t *testing.T) {
		r := openRead(t, dir)
		for _, text := range filters {
			q := filter(t, text)
			var want, got []uint64
			for _, row := range list(t, r, ListOptions{}) {
				f, err := r.Get(t.Context(), row.Number)
				if err != nil {
					t.Fatal(err)
				}
				yes, err := q.Match(t.Context(), f, bodies{r}, r.matching(q).now)
				if err != nil {
					t.Fatal(err)
				}
				if yes {
					want = append(want, row.Number)
				}
			}
			for _, row := range list(t, r, ListOptions{Filter: q}) {
				got = append(got, row.Number)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", text, got, want)
			}
			got = nil
			for _, row := range list(t, r, ListOptions{Filter: q, Last: 3}) {
				got = append(got, row.Number)
			}
			if want = want[max(0, len(want)-3):]; !slices.Equal(got, want) {
				t.Errorf("the last 3 of %s: %v, want %v", text, got, want)
			}
		}
	}
	t.Run("live", check)
	s.Close()
	t.Run("closed", check)
}

// A body that is gone leaves its flow undecided, and the others as they are.
func TestListOfAFilterWithoutBodies(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	variety(t, s)
	s.Close()
	if err := os.Remove(segmentPath(dir, bodiesStream, 1)); err != nil {
		t.Fatal(err)
	}
	r := openRead(t, dir)
	n := 0
	var last error
	for _, err := range r.List(t.Context(), ListOptions{Filter: filter(t, "~q | ~bs hello")}) {
		if err == nil {
			n++
		}
		last = err
	}
	if u, ok := Undecided(last); !ok || u.Flows == 0 || !strings.Contains(last.Error(), "cannot be told") || n != 5 {
		t.Errorf("%d flows, then %v", n, last)
	}
}
