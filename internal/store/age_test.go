package store

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"midstream/flow"
)

// What is older than session_max_age goes from the list and from the disk;
// marked flows stay whole, and so does what is young.
func TestMaxAge(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{MaxAge: time.Hour, bodiesRoll: 64 << 10, headsRoll: 16 << 10})
	record := func(n int, start time.Time, marker string) {
		for i := range n {
			f := answered(exchange(i), 0)
			f.Start, f.Marker = start, marker
			f.Request.Path = "/" + start.Format("15:04")
			r := s.Start()
			r.Head(f, flow.ToClient)
			body := make([]byte, 3000)
			r.Piece(flow.ToClient, body)
			f = completed(f)
			f.ResponseBody.Sent, f.ResponseBody.Received = 3000, 3000
			r.End(f)
			s.Flush()
		}
	}
	now := time.Now()
	record(60, now.Add(-2*time.Hour), "")
	record(2, now.Add(-2*time.Hour), "m")
	record(1, now.Add(-2*time.Hour), "")
	for _, stream := range []uint8{headsStream, bodiesStream} {
		list, err := listSegments(dir, stream)
		if err != nil || len(list) < 3 {
			t.Fatalf("%d segments, %v", len(list), err)
		}
		for _, seg := range list {
			old := now.Add(-90 * time.Minute)
			if err := os.Chtimes(segmentPath(dir, stream, seg.number), old, old); err != nil {
				t.Fatal(err)
			}
		}
	}
	record(3, now, "")
	if err := s.orders(func(w *writer) error { w.expire(now); return nil }); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T) {
		t.Helper()
		r := openRead(t, dir)
		var numbers []uint64
		for _, row := range list(t, r, ListOptions{}) {
			numbers = append(numbers, row.Number)
			if n := len(bodyOf(t, r, row.Number, flow.ToClient)); n != 3000 {
				t.Errorf("flow %d: %d octets of its body", row.Number, n)
			}
		}
		if want := []uint64{61, 62, 64, 65, 66}; !slices.Equal(numbers, want) {
			t.Errorf("left are %v, want %v", numbers, want)
		}
	}
	check(t)
	if first, err := listSegments(dir, bodiesStream); err != nil || first[0].number < 3 {
		t.Errorf("the oldest segment is %v, %v", first, err)
	}
	// An eighth of the bound later the present segments are closed, so that they
	// can go when their time has come.
	var before, after uint32
	err := s.orders(func(w *writer) error {
		before = w.bodies.number
		w.expire(now.Add(10 * time.Minute))
		after = w.bodies.number
		return nil
	})
	if err != nil || after != before+1 {
		t.Errorf("segment %d is written, %d was; %v", after, before, err)
	}
	s.Close()
	check(t)
}
