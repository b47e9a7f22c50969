package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"midstream/flow"
)

// badDisk is a disk that takes nothing while it is set.
type badDisk struct{ atomic.Bool }

func (b *badDisk) fault() error {
	if b.Load() {
		return syscall.ENOSPC
	}
	return nil
}

// When the disk works again recording goes on, with a word: what was in the
// writer's hands is written, ends that came meanwhile are too, and bodies that
// passed meanwhile say where they are cut.
func TestRecordingGoesOnWhenTheDiskWorksAgain(t *testing.T) {
	var disk badDisk
	log, text := logged()
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{Stall: -1, Log: log, retry: time.Nanosecond, fault: disk.fault})
	start := func() (*Record, *flow.Flow) {
		r, f := s.Start(), answered(exchange(1), 0)
		r.Head(f, flow.ToClient)
		return r, f
	}
	end := func(r *Record, f *flow.Flow, sent int64) {
		f = completed(f)
		f.ResponseBody.Sent = sent
		r.End(f)
		s.Flush()
	}
	stream, streamFlow := start()
	stream.Piece(flow.ToClient, []byte("before "))
	early, earlyFlow := start()
	early.Piece(flow.ToClient, []byte("whole"))
	s.Flush()

	disk.Store(true)
	stream.Piece(flow.ToClient, []byte("in hand "))
	s.Flush()
	stream.Piece(flow.ToClient, []byte("lost"))
	end(early, earlyFlow, 5)
	meanwhile, meanwhileFlow := start()
	meanwhile.Piece(flow.ToClient, []byte("lost"))
	end(meanwhile, meanwhileFlow, 4)
	if s.Failure() == nil {
		t.Fatal("the disk does not fail")
	}

	disk.Store(false)
	s.Flush()
	if err := s.Failure(); err != nil {
		t.Fatal(err)
	}
	stream.Piece(flow.ToClient, []byte("later"))
	end(stream, streamFlow, 24)
	later, laterFlow := start()
	later.Piece(flow.ToClient, []byte("later"))
	end(later, laterFlow, 5)

	check := func(t *testing.T) {
		r := openRead(t, dir)
		for _, c := range []struct {
			r      *Record
			body   string
			record flow.Record
			reason string
		}{
			{stream, "before in hand ", flow.Cut, "recording has stopped"},
			{early, "whole", flow.Complete, ""},
			{meanwhile, "", flow.Cut, "recording has stopped"},
			{later, "later", flow.Complete, ""},
		} {
			f, err := r.Get(t.Context(), c.r.Number())
			if err != nil {
				t.Fatal(err)
			}
			b := f.ResponseBody
			if f.Outcome.Kind != flow.Completed || b.Record != c.record || b.Recorded != int64(len(c.body)) || !strings.HasPrefix(b.CutReason, c.reason) {
				t.Errorf("flow %d: %v, %+v", c.r.Number(), f.Outcome, b)
			}
			if got := bodyOf(t, r, c.r.Number(), flow.ToClient); string(got) != c.body {
				t.Errorf("flow %d: %q is recorded, want %q", c.r.Number(), got, c.body)
			}
		}
		if rows := list(t, r, ListOptions{}); len(rows) != 4 {
			t.Errorf("%d flows are listed", len(rows))
		}
	}
	t.Run("live", check)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Run("closed", check)
	dropIndex(dir)
	t.Run("index made anew", check)
	for _, word := range []string{"recording has stopped", "the disk works again"} {
		if n := strings.Count(text(), word); n != 1 {
			t.Errorf("%q was said %d times:\n%s", word, n, text())
		}
	}
	if n := s.Missing(); n != 0 {
		t.Errorf("%d flows counted as missing", n)
	}
}

// Flows that end while the disk fails are kept up to a bound; more are counted.
func TestFlowsThatNoDiskTakesAreCounted(t *testing.T) {
	var disk badDisk
	log, text := logged()
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{Stall: -1, Log: log, retry: time.Nanosecond, fault: disk.fault})
	f := completed(answered(exchange(1), 0))
	disk.Store(true)
	const flows = 12_000 // of more than 1 KiB each
	for i := range flows {
		s.Start().End(f)
		if i%100 == 99 {
			s.Flush()
		}
	}
	if s.w.heldSize > heldEnds {
		t.Errorf("%d octets are held", s.w.heldSize)
	}
	disk.Store(false)
	s.Flush()
	s.Flush()
	kept := len(list(t, openRead(t, dir), ListOptions{}))
	if n := s.Missing(); n == 0 || uint64(kept)+n != flows {
		t.Errorf("%d flows are listed and %d counted as missing, of %d", kept, n, flows)
	}
	if n := strings.Count(text(), "a flow could not be recorded"); n != 1 {
		t.Errorf("said %d times:\n%s", n, text())
	}
}

// Whatever moments the disk fails at: a flow is listed or counted, and what is
// recorded of a body is how it began.
func TestDiskFailsAtAnyMoment(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			faults := rand.New(rand.NewPCG(seed, 2)) // the writer's
			var disk, begun badDisk
			dir := filepath.Join(t.TempDir(), "s")
			s := openStore(t, dir, Config{Stall: -1, retry: time.Nanosecond, bodiesRoll: 300 << 10, headsRoll: 20 << 10, fault: func() error {
				// Now and then in the middle of a batch.
				if begun.Load() && faults.IntN(40) == 0 {
					disk.Store(!disk.Load())
				}
				return disk.fault()
			}})
			begun.Store(true)
			type one struct {
				r    *Record
				f    *flow.Flow
				sent []byte
			}
			var open []*one
			sent := make(map[uint64][]byte)
			for range 400 {
				switch random.IntN(6) {
				case 0, 1:
					r, f := s.Start(), answered(exchange(1), 0)
					r.Head(f, flow.ToClient)
					open = append(open, &one{r: r, f: f})
				case 2:
					s.Flush()
				default:
					if len(open) == 0 {
						continue
					}
					i := random.IntN(len(open))
					o := open[i]
					if random.IntN(3) == 0 {
						f := completed(o.f)
						f.ResponseBody.Sent = int64(len(o.sent))
						o.r.End(f)
						sent[o.r.Number()] = o.sent
						open = append(open[:i], open[i+1:]...)
						continue
					}
					p := bytes.Repeat([]byte{byte(random.IntN(256))}, 1+random.IntN(60_000))
					o.r.Piece(flow.ToClient, p)
					o.sent = append(o.sent, p...)
				}
			}
			for _, o := range open {
				sent[o.r.Number()] = o.sent
			}
			s.Close() // may say that the disk fails
			missing := s.Missing()
			dropIndex(dir)
			r := openRead(t, dir)
			rows := list(t, r, ListOptions{})
			if len(rows)+int(missing) < len(sent) {
				t.Errorf("%d flows are listed and %d counted as missing, of %d", len(rows), missing, len(sent))
			}
			for _, row := range rows {
				f, err := r.Get(t.Context(), row.Number)
				if err != nil {
					t.Fatal(err)
				}
				got, want := bodyOf(t, r, row.Number, flow.ToClient), sent[row.Number]
				b := f.ResponseBody
				if !bytes.HasPrefix(want, got) || b.Recorded != int64(len(got)) || b.Record == flow.Complete && len(got) != len(want) {
					t.Errorf("flow %d: %d octets of %d, %+v", row.Number, len(got), len(want), b)
				}
			}
		})
	}
}
