package store

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"midstream/flow"
)

// holdWriter makes the writer wait in the middle of a batch until release.
func holdWriter(t *testing.T, s *Store) (release func()) {
	t.Helper()
	r := s.Start()
	r.mu.Lock()
	r.queued = true
	s.q.put(r)
	var once sync.Once
	release = func() { once.Do(r.mu.Unlock) }
	t.Cleanup(release)
	return release
}

// logged is a logger and what it was told.
func logged() (*slog.Logger, func() string) {
	var mu sync.Mutex
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
			mu.Lock()
			defer mu.Unlock()
			return b.Write(p)
		}), nil)), func() string {
			mu.Lock()
			defer mu.Unlock()
			return b.String()
		}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A disk that does not keep up cuts the record of the flow that waited, and
// marks it; what was queued before is kept.
func TestStallCutsTheRecord(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{Stall: time.Millisecond})
	release := holdWriter(t, s)
	r := s.Start()
	f := answered(exchange(1), 0)
	r.Head(f, flow.ToClient)
	piece := make([]byte, 32<<10)
	sent := 0
	for state := flow.Unrecorded; state != flow.Cut; state, _, _ = r.State(flow.ToClient) {
		r.Piece(flow.ToClient, piece)
		if sent += len(piece); sent > 2*flowQueue {
			t.Fatal("more than the flow's queue was taken")
		}
	}
	_, kept, reason := r.State(flow.ToClient)
	if !strings.Contains(reason, "record_stall") || kept == 0 {
		t.Fatalf("kept %d: %q", kept, reason)
	}
	release()
	f = completed(f)
	f.ResponseBody.Sent = int64(sent)
	r.End(f)
	s.Flush()
	got, err := openRead(t, dir).Get(t.Context(), r.Number())
	if err != nil || got.ResponseBody.Record != flow.Cut || got.ResponseBody.Recorded != kept || got.ResponseBody.CutReason != reason {
		t.Fatalf("%+v, %v; want %d octets", got.ResponseBody, err, kept)
	}
	if n := len(bodyOf(t, openRead(t, dir), r.Number(), flow.ToClient)); int64(n) != kept {
		t.Fatalf("%d octets on disk, want %d", n, kept)
	}
}

// Downloads that fill the queue leave room for events: a small piece is taken
// at once while they wait.
func TestBulkNeverDelaysEvents(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "s"), Config{Stall: -1})
	release := holdWriter(t, s)
	var downloads sync.WaitGroup
	for range 2 * bodyQueue / flowQueue {
		downloads.Add(1)
		go func() {
			defer downloads.Done()
			r := s.Start()
			for range 2 * flowQueue / (64 << 10) {
				r.Piece(flow.ToClient, make([]byte, 64<<10))
			}
		}()
	}
	full := func() bool {
		s.q.mu.Lock()
		defer s.q.mu.Unlock()
		return len(s.q.waiters) == 2*bodyQueue/flowQueue
	}
	for !full() {
		runtime.Gosched()
	}
	events := s.Start()
	for range 100 {
		events.Piece(flow.ToClient, []byte("data: an event that must not wait\n\n")) // would hang
	}
	if state, n, _ := events.State(flow.ToClient); state != flow.Recording || n != 3500 {
		t.Fatalf("%v, %d octets", state, n)
	}
	release()
	downloads.Wait()
}

// A disk error is said once, cuts what is being recorded, and never stops the
// traffic; flows without a record are counted.
func TestDiskErrorIsSaidOnce(t *testing.T) {
	log, text := logged()
	s, err := Open(filepath.Join(t.TempDir(), "s"), Config{Stall: -1, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	s.w.bodies.file.Close()
	s.w.bodies.direct = nil
	for range 3 {
		r := s.Start()
		f := answered(exchange(1), 100)
		r.Head(f, flow.ToClient)
		for range 100 {
			r.Piece(flow.ToClient, make([]byte, 64<<10))
		}
		r.End(completed(f))
		s.Flush()
	}
	r := s.Start()
	r.Piece(flow.ToClient, []byte("x"))
	if state, _, reason := r.State(flow.ToClient); state != flow.Cut || !strings.Contains(reason, "recording has stopped") {
		t.Fatalf("%v, %q", state, reason)
	}
	if err := s.Close(); err == nil {
		t.Fatal("Close says nothing of the disk error")
	}
	if s.Missing() != 3 {
		t.Fatalf("%d flows counted as missing", s.Missing())
	}
	if n := strings.Count(text(), "recording has stopped"); n != 1 {
		t.Fatalf("said %d times:\n%s", n, text())
	}
}

func TestDropForgetsTheBody(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	var numbers []uint64
	for _, flushed := range []func(){func() {}, s.Flush} {
		r := s.Start()
		f := answered(exchange(1), 0)
		r.Head(f, flow.ToClient)
		r.Piece(flow.ToClient, make([]byte, 300<<10))
		flushed()
		r.Drop(flow.ToClient)
		r.Piece(flow.ToClient, []byte("later"))
		if state, n, _ := r.State(flow.ToClient); state != flow.Unrecorded || n != 0 {
			t.Fatalf("%v, %d octets", state, n)
		}
		f = completed(f)
		f.ResponseBody.Disposition, f.ResponseBody.Sent = flow.Pass, 300<<10+5
		r.End(f)
		numbers = append(numbers, r.Number())
	}
	s.Flush()
	r := openRead(t, dir)
	for _, n := range numbers {
		f, err := r.Get(t.Context(), n)
		if err != nil || f.ResponseBody.Record != flow.Unrecorded || f.ResponseBody.Recorded != 0 {
			t.Fatalf("%+v, %v", f.ResponseBody, err)
		}
		if p := bodyOf(t, r, n, flow.ToClient); len(p) != 0 {
			t.Fatalf("%d octets are left", len(p))
		}
	}
}

// Hooks read what was recorded while the flow still lives.
func TestOpenReadsWhatWasRecorded(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "s"), Config{})
	r := s.Start()
	want := bytes.Repeat([]byte("0123456789"), 50_000)
	r.Piece(flow.ToServer, want)
	body, err := r.Open(flow.ToServer)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(body); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Fatalf("%d octets, %v", got.Len(), err)
	}
}

// Many flows at once, some cut off by Close, leave no goroutine behind.
func TestCloseLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{bodiesRoll: 1 << 20})
	var all sync.WaitGroup
	for i := range 32 {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := range 20 {
				r := s.Start()
				f := answered(exchange(n), 3000)
				r.Head(f, flow.ToServer)
				r.Interim(&flow.Response{Status: 103})
				for range 3 {
					r.Piece(flow.ToClient, make([]byte, 1000))
				}
				if i == 7 && n == 19 {
					continue // never ends
				}
				r.End(completed(f))
			}
		}()
	}
	all.Wait()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Start().Piece(flow.ToClient, make([]byte, 1<<20)) // after Close: nothing happens
	s.Flush()
	r := openRead(t, dir)
	outcomes := map[flow.OutcomeKind]int{}
	for _, row := range list(t, r, ListOptions{}) {
		outcomes[row.Outcome.Kind]++
	}
	if outcomes[flow.Completed] != 639 || outcomes[flow.Interrupt] != 1 {
		t.Fatalf("%v", outcomes)
	}
	r.Close()
}
