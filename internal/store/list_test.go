package store

import (
	"path/filepath"
	"strings"
	"testing"

	"midstream/flow"
)

// The list is read some rows at a time, and is the same as one that is read at
// once; the newest of many are found without reading the others.
func TestListReadsSomeAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	const flows = 3*rowsAtATime + 7
	for i := range flows {
		f := completed(answered(exchange(i), 0))
		r := s.Start()
		if i%100 == 50 {
			r.Head(answered(exchange(i), 0), flow.ToClient)
			continue // lives
		}
		r.End(f)
	}
	s.Flush()
	check := func(t *testing.T) {
		r := openRead(t, dir)
		for _, c := range []struct {
			o           ListOptions
			first, last uint64
		}{
			{ListOptions{}, 1, flows},
			{ListOptions{After: rowsAtATime}, rowsAtATime + 1, flows},
			{ListOptions{After: flows}, 1, 0},
			{ListOptions{Last: 50}, flows - 49, flows},
			{ListOptions{Last: 2 * rowsAtATime}, flows - 2*rowsAtATime + 1, flows},
			{ListOptions{Last: 2 * flows}, 1, flows},
			{ListOptions{After: flows - 10, Last: 50}, flows - 9, flows},
		} {
			next := c.first
			for _, row := range list(t, r, c.o) {
				if row.Number != next || (row.Outcome.Kind == flow.Running) != (row.Number%100 == 51 && r.Live()) {
					t.Fatalf("%+v: row %d, want %d; %v", c.o, row.Number, next, row.Outcome)
				}
				next++
			}
			if next != c.last+1 {
				t.Errorf("%+v: the list ends before %d, want %d", c.o, next, c.last+1)
			}
		}
	}
	t.Run("live", check)
	s.Close()
	t.Run("closed", check)

	r := openRead(t, dir)
	for _, query := range []string{
		selectRow + "WHERE f.number > 1 AND f.number <= 9 ORDER BY f.number LIMIT 5",
		"SELECT number FROM flows ORDER BY number DESC LIMIT 5",
		"SELECT max(number) FROM flows",
		"SELECT number, head FROM flows WHERE marker <> '' AND outcome <> 0 AND number > 5 AND bodies >= 0 AND bodies < 9 ORDER BY number LIMIT 5",
	} {
		rows, err := r.db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			all := strings.HasPrefix(detail, "SCAN") && !strings.Contains(query, "DESC LIMIT")
			if all || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s: %s", query, detail)
			}
		}
		rows.Close()
	}
}

// A flow without a request goes by the name of its server, wherever its line is read
// from: its connections stand apart from it on disk.
func TestRawFlowsAreNamedByTheirServer(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	raw := func() (*Record, *flow.Flow) {
		r := s.Start()
		f := exchange(1)
		f.Kind, f.Request, f.Response = flow.TCP, nil, nil
		r.Head(f, flow.ToServer)
		return r, f
	}
	raw()
	r, f := raw()
	r.End(completed(f))
	s.Flush()
	want := func(t *testing.T) {
		t.Helper()
		rows := list(t, openRead(t, dir), ListOptions{})
		if len(rows) != 2 {
			t.Fatalf("%d flows are listed, want 2", len(rows))
		}
		for _, row := range rows {
			if row.Host != "example.test:443" {
				t.Errorf("flow %d is at %q", row.Number, row.Host)
			}
		}
	}
	want(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want(t)
	dropIndex(dir)
	openStore(t, dir, Config{})
	want(t)
}

// The newest flow is there at any moment: also while the index takes it over from
// the segments.
func TestTheNewestIsFoundWhileTheIndexTakesIt(t *testing.T) {
	for range 8 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "s")
			s := openStore(t, dir, Config{})
			rec := s.Start()
			f := completed(answered(exchange(1), 0))
			rec.End(f)
			s.Flush()
			r := openRead(t, dir)
			for indexed := false; !indexed; {
				mark, err := r.mark(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				indexed = mark > posOf(1, segmentHeader)
				if n, err := r.Last(t.Context()); n != 1 || err != nil {
					t.Fatalf("the newest is flow %d, %v", n, err)
				}
				if n, err := r.Find(t.Context(), f.ID.String()); n != 1 || err != nil {
					t.Fatalf("by its ID it is flow %d, %v", n, err)
				}
			}
		})
	}
}
