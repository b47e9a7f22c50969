package store

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"midstream/flow"
)

// markOf is the mark of message i of a body of messages of 60 octets.
func markOf(base time.Time, i int64) flow.Mark {
	m := flow.Mark{Offset: 62 * i, Length: 60, Time: base.Add(time.Duration(i) * 731 * time.Microsecond).Truncate(time.Microsecond).UTC()}
	if i%7 == 3 {
		m.Attr = uint32(i % 5)
	}
	return m
}

func TestMarksAreReadFromAnywhere(t *testing.T) {
	const count = 3*maxMarks*maxExtents/2 + 17
	dir := t.TempDir()
	s := openStore(t, dir, Config{})
	r := s.Start()
	r.base = r.base.Truncate(time.Microsecond)
	r.Head(exchange(1), flow.ToServer)
	for i := range int64(count) {
		r.Mark(flow.ToClient, markOf(r.base, i))
	}
	look := func(t *testing.T, want int64) {
		read := openRead(t, dir)
		defer read.Close()
		m, err := read.Marks(t.Context(), 1, flow.ToClient)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		if m.Count() != want || m.First() != 0 {
			t.Fatalf("marks %d to %d, want 0 to %d", m.First(), m.Count(), want)
		}
		for _, i := range []int64{want - 1, 0, maxMarks - 1, maxMarks, want / 2, 1, maxMarks * maxExtents, maxMarks*maxExtents - 1} {
			if got, err := m.At(i); err != nil || got != markOf(r.base, i) {
				t.Fatalf("mark %d: %+v %v, want %+v", i, got, err, markOf(r.base, i))
			}
		}
		if _, err := m.At(want); err == nil {
			t.Error("there is one behind the last")
		}
		if other, err := read.Marks(t.Context(), 1, flow.ToServer); err != nil || other.Count() != 0 {
			t.Errorf("the request has marks: %v", err)
		}
	}
	s.Flush()
	look(t, count/maxMarks*maxMarks)
	f := answered(exchange(1), 0)
	f.ResponseBody.Sent, f.ResponseBody.Messages = 62*count, count
	r.End(completed(f))
	s.Flush()
	look(t, count)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	look(t, count)
	read := openRead(t, dir)
	defer read.Close()
	if f, err := read.Get(t.Context(), 1); err != nil || f.ResponseBody.Messages != count || f.RequestBody.Messages != 0 {
		t.Errorf("the flow has %d messages: %v", f.ResponseBody.Messages, err)
	}
}

// What an event of 60 octets costs on disk, one in each batch and many in one.
func TestAnEventCostsLittle(t *testing.T) {
	for name, every := range map[string]int{"one a batch": 1, "many a batch": 20} {
		dir := t.TempDir()
		s := openStore(t, dir, Config{})
		r := s.Start()
		r.base = r.base.Add(-time.Hour) // late in a long stream
		r.Head(exchange(1), flow.ToServer)
		size := func() (n int64) {
			s.Flush()
			all, _ := filepath.Glob(filepath.Join(dir, "bodies", "*.seg"))
			for _, p := range all {
				info, err := os.Stat(p)
				if err != nil {
					t.Fatal(err)
				}
				n += info.Size()
			}
			return n
		}
		const count = 2 * maxMarks
		event := make([]byte, 60)
		before := size()
		for i := range count {
			r.Piece(flow.ToClient, event)
			r.Mark(flow.ToClient, flow.Mark{Offset: int64(60 * i), Length: 60, Time: time.Now()})
			if i%every == every-1 {
				s.Flush()
			}
		}
		cost := float64(size()-before-60*count) / count
		t.Logf("%s: %.1f octets a message", name, cost)
		if limit := map[int]float64{1: 24, 20: 10}[every]; cost >= limit {
			t.Errorf("%s: an event costs %.1f octets beside its own, at most %v are allowed", name, cost, limit)
		}
		s.Close()
	}
}

// A killed process leaves the marks that were written; those of a dropped body go.
func TestMarksAfterAKillAndADrop(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Config{})
	kept, dropped := s.Start(), s.Start()
	for i, r := range []*Record{kept, dropped} {
		r.Head(exchange(i+1), flow.ToServer)
		for i := range int64(3 * maxMarks / 2) {
			r.Piece(flow.ToClient, make([]byte, 62))
			r.Mark(flow.ToClient, markOf(r.base, i))
		}
	}
	dropped.Drop(flow.ToClient)
	dropped.Mark(flow.ToClient, markOf(dropped.base, 0))
	s.Flush()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	s.Close()
	again := openStore(t, copied, Config{})
	again.Close()
	read := openRead(t, copied)
	defer read.Close()
	for number, want := range map[uint64]int64{1: maxMarks, 2: 0} {
		m, err := read.Marks(t.Context(), number, flow.ToClient)
		if err != nil {
			t.Fatal(err)
		}
		if m.Count() != want {
			t.Errorf("flow %d has %d marks, want %d", number, m.Count(), want)
		}
		m.Close()
	}
}

func TestWrittenMarksAreReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := time.UnixMicro(1_700_000_000_000_000).UTC()
		table := markTable{next: rapid.Int64Range(0, 1<<40).Draw(t, "index")}
		first := table.next
		var want []flow.Mark
		var micros int64
		for range rapid.IntRange(1, maxMarks).Draw(t, "count") {
			micros += rapid.Int64Range(0, 1<<40).Draw(t, "wait")
			m := flow.Mark{
				Offset: rapid.Int64Range(0, 1<<50).Draw(t, "offset"), Length: rapid.Int64Range(0, 1<<40).Draw(t, "length"),
				Attr: rapid.Uint32().Draw(t, "attr"), Lost: rapid.Bool().Draw(t, "lost"), Unfinished: rapid.Bool().Draw(t, "unfinished"),
				Time: base.Add(time.Duration(micros) * time.Microsecond),
			}
			table.add(&m, micros)
			want = append(want, m)
			if table.full() {
				break
			}
		}
		payload := table.payload()
		if len(payload) > maxMarkTable {
			t.Fatalf("a table of %d octets", len(payload))
		}
		got, err := parseMarks(payload, base.UnixMicro())
		if err != nil || got.index != first || len(got.marks) != len(want) {
			t.Fatalf("%d marks from %d: %v", len(got.marks), got.index, err)
		}
		for i := range want {
			if got.marks[i] != want[i] {
				t.Fatalf("mark %d: %+v, want %+v", i, got.marks[i], want[i])
			}
		}
	})
}

func FuzzMarks(f *testing.F) {
	var table markTable
	table.add(&flow.Mark{Offset: 3, Length: 60, Attr: 1}, 12)
	table.add(&flow.Mark{Offset: 90, Length: 1 << 20, Unfinished: true}, 4000)
	f.Add(table.payload())
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, p []byte) {
		got, err := parseMarks(p, 0)
		if err == nil && (len(got.marks) == 0 || len(got.marks) > maxMarks) {
			t.Fatalf("%d marks", len(got.marks))
		}
	})
}
