package store

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"midstream/flow"
)

// set is t as the clock shows it after it was set by that many seconds: the steady
// clock, which time.Now reads as well, goes on.
func set(t time.Time, seconds int64) time.Time {
	// The seconds since 1885 are bits 30 to 62 of the first word, see time.Time.
	*(*uint64)(unsafe.Pointer(&t)) += uint64(seconds) << 30
	return t
}

// What took a second took it also where the clock of the machine was set meanwhile.
func TestTheClockIsSetWhileAFlowLives(t *testing.T) {
	for _, by := range []int64{-3600, 0, 3600} {
		start := time.Now()
		at := func(d time.Duration) time.Time { return set(start.Add(d), by) }
		if end := at(time.Second); end.Sub(start) != time.Second || end.Unix() != start.Add(time.Second).Unix()+by {
			t.Fatalf("the test sets the clock wrong: %v after %v", end, start)
		}
		f := completed(answered(exchange(1), 0))
		f.Start, f.Request.Start, f.Request.End = start, start, at(time.Millisecond)
		f.Response.Start, f.Response.End = at(500*time.Millisecond), at(time.Second)
		f.Interim = []flow.Response{{Message: flow.Message{Start: at(100 * time.Millisecond)}, Status: 103}}
		f.Tries = []flow.Try{{Address: "a", Start: at(2 * time.Millisecond)}}
		f.End = at(time.Second)
		f.Server.Start, f.Server.Connected, f.Server.Secured = start, at(time.Millisecond), at(3*time.Millisecond)

		dir := t.TempDir()
		s := openStore(t, dir, Config{})
		r := s.StartAt(start)
		r.Head(f, flow.ToServer)
		r.Head(f, flow.ToClient)
		r.End(f)
		s.Flush()
		reader := openRead(t, dir)
		got, err := reader.Get(context.Background(), 1)
		if err != nil {
			t.Fatal(err)
		}
		rows := list(t, reader, ListOptions{})
		if len(rows) != 1 {
			t.Fatalf("rows %v", rows)
		}
		for what, d := range map[string][2]time.Duration{
			"the flow":         {got.End.Sub(got.Start), time.Second},
			"the row":          {rows[0].Duration, time.Second},
			"the request":      {got.Request.End.Sub(got.Start), time.Millisecond},
			"the response":     {got.Response.End.Sub(got.Response.Start), 500 * time.Millisecond},
			"the interim one":  {got.Interim[0].Start.Sub(got.Start), 100 * time.Millisecond},
			"the try":          {got.Tries[0].Start.Sub(got.Start), 2 * time.Millisecond},
			"the connection":   {got.Server.Connected.Sub(got.Server.Start), time.Millisecond},
			"its handshake":    {got.Server.Secured.Sub(got.Server.Connected), 2 * time.Millisecond},
			"when the flow is": {got.Start.Sub(start.Round(0)), 0},
		} {
			if (d[0] - d[1]).Abs() > time.Millisecond {
				t.Errorf("the clock is set by %d s: %s took %v, not %v", by, what, d[0], d[1])
			}
		}
	}
}
