package store

import (
	"context"
	"io"
	"path/filepath"
	"testing"
	"time"

	"midstream/flow"
)

// Who follows a body reads it piece by piece, each with the time that its record
// has: of what lay there already, and of what comes, several in one record too.
func TestFollowerHasTheTimesOfPieces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	rec := s.Start()
	f := answered(exchange(1), 0)
	rec.Head(f, flow.ToClient)
	at := time.Now()
	sent := int64(0)
	var want []Piece
	send := func(sizes ...int) {
		for _, n := range sizes {
			at = at.Add(7 * time.Millisecond)
			rec.PieceAt(flow.ToClient, make([]byte, n), at)
			want = append(want, Piece{Offset: sent, Len: n, Time: at})
			sent += int64(n)
		}
		s.Flush()
	}
	send(3, 1000, 5)
	send(60<<10, 1)
	r := openRead(t, dir)
	body, err := r.FollowFrom(context.Background(), rec.Number(), flow.ToClient, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if !body.Time().IsZero() {
		t.Errorf("nothing was read, and its time is %v", body.Time())
	}
	pos := int64(2)
	check := func() {
		t.Helper()
		for p := make([]byte, 100<<10); pos < sent; {
			n, err := body.Read(p)
			if err != nil {
				t.Fatal(err)
			}
			for len(want) > 0 && want[0].Offset+int64(want[0].Len) <= pos {
				want = want[1:]
			}
			w := want[0]
			if pos += int64(n); pos > w.Offset+int64(w.Len) {
				t.Fatalf("a read of %d octets to %d crosses the end of the piece %+v", n, pos, w)
			}
			if d := body.Time().Sub(w.Time); d.Abs() >= time.Millisecond {
				t.Errorf("the octets before %d have the time %v, want %v", pos, body.Time(), w.Time)
			}
		}
	}
	check()
	for _, sizes := range [][]int{{1}, {20, 30, 40}, {90 << 10}, {2, 100 << 10, 3}} {
		send(sizes...)
		check()
	}
	f = completed(f)
	f.ResponseBody.Sent = sent
	rec.End(f)
	if _, err := body.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}
