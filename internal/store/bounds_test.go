package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"midstream/flow"
)

func recordBody(s *Store, size int) uint64 {
	r := s.Start()
	f := answered(exchange(1), int64(size))
	r.Head(f, flow.ToClient)
	piece := make([]byte, 32<<10)
	for rest := size; rest > 0; rest -= len(piece) {
		r.Piece(flow.ToClient, piece[:min(rest, len(piece))])
	}
	r.End(completed(f))
	s.Flush()
	return r.Number()
}

// sizeOf is what the segments of streams hold, of both where none is named.
func sizeOf(t *testing.T, dir string, streams ...uint8) (n int64) {
	t.Helper()
	if len(streams) == 0 {
		streams = []uint8{headsStream, bodiesStream}
	}
	for _, stream := range streams {
		list, err := listSegments(dir, stream)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			n += s.size
		}
	}
	return n
}

// The bodies of the oldest flows go first; their heads stay listed and say so.
func TestOldBodiesGoFirst(t *testing.T) {
	t.Parallel()
	const maxSize = 8 << 20
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{MaxSize: maxSize, bodiesRoll: 1 << 20})
	var last uint64
	for range 30 {
		last = recordBody(s, 1<<20)
	}
	if n := sizeOf(t, dir); n > maxSize+2<<20 {
		t.Fatalf("the session holds %d octets, its bound is %d", n, maxSize)
	}
	r := openRead(t, dir)
	if rows := list(t, r, ListOptions{}); len(rows) != 30 {
		t.Fatalf("%d flows are listed", len(rows))
	}
	f, err := r.Get(t.Context(), 1)
	if err != nil || f.ResponseBody.Record != flow.Cut || f.ResponseBody.CutReason != ErrEvicted.Error() {
		t.Fatalf("%+v, %v", f.ResponseBody, err)
	}
	b, err := r.Body(t.Context(), 1, flow.ToClient)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.ReadAt(make([]byte, 10), 0); !errors.Is(err, ErrEvicted) {
		t.Fatalf("read of an old body: %v", err)
	}
	if n := len(bodyOf(t, r, last, flow.ToClient)); n != 1<<20 {
		t.Fatalf("the newest body has %d octets", n)
	}
}

// One body that is larger than the session keeps its first part and says so.
func TestLargeBodyKeepsItsFirstPart(t *testing.T) {
	const maxSize = 8 << 20
	dir := filepath.Join(t.TempDir(), "s")
	log, text := logged()
	s := openStore(t, dir, Config{MaxSize: maxSize, bodiesRoll: 1 << 20, Log: log})
	number := recordBody(s, 30<<20)
	r := openRead(t, dir)
	f, err := r.Get(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	b := f.ResponseBody
	if b.Record != flow.Cut || !strings.Contains(b.CutReason, "session_max_size") || b.Recorded < maxSize/2 || b.Recorded > maxSize {
		t.Fatalf("%+v", b)
	}
	if n := int64(len(bodyOf(t, r, number, flow.ToClient))); n != b.Recorded {
		t.Fatalf("%d octets can be read, want %d", n, b.Recorded)
	}
	if !strings.Contains(text(), "the record of a body was cut") {
		t.Fatalf("log:\n%s", text())
	}
}

// Below session_min_free bodies are not recorded; heads are, and it is said once.
func TestFullDiskStopsBodiesOnly(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	log, text := logged()
	s := openStore(t, dir, Config{MinFree: 1 << 62, Log: log})
	recordBody(s, 10) // the first batch looks at the disk
	for range 3 {
		number := recordBody(s, 100)
		f, err := openRead(t, dir).Get(t.Context(), number)
		if err != nil || f.ResponseBody.Record != flow.Cut || !strings.Contains(f.ResponseBody.CutReason, "session_min_free") {
			t.Fatalf("%+v, %v", f.ResponseBody, err)
		}
	}
	if n := strings.Count(text(), "nearly full"); n != 1 {
		t.Fatalf("said %d times:\n%s", n, text())
	}
}

func TestHeadsModeRecordsNoBodies(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{Record: Heads})
	number := recordBody(s, 100)
	f, err := openRead(t, dir).Get(t.Context(), number)
	if err != nil || f.Response == nil || f.ResponseBody.Record != flow.Unrecorded {
		t.Fatalf("%+v, %v", f, err)
	}
}

// An event of 60 octets that comes alone costs less than 24 octets more.
func TestEventsAreCheap(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	s.number.Store(1 << 20)
	r := s.Start()
	r.base = r.base.Add(-3 * 3600e9) // three hours into the stream
	r.side[flow.ToClient].n = 100 << 20
	path := segmentPath(dir, bodiesStream, 1)
	before, _ := os.Stat(path)
	const events = 200
	for range events {
		r.Piece(flow.ToClient, make([]byte, 60))
		s.Flush()
	}
	after, _ := os.Stat(path)
	if n := float64(after.Size()-before.Size())/events - 60; n >= 24 {
		t.Fatalf("%.1f octets for each event", n)
	}
}

// The pieces of a body come back with their boundaries and times.
func TestPiecesKeepBoundariesAndTimes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s := openStore(t, dir, Config{})
	r := s.Start()
	f := answered(exchange(1), 0)
	r.Head(f, flow.ToClient)
	sizes := []int{1, 4096, 60, 32 << 10, 32 << 10, 700_000, 2, 300_000, 3}
	total := 0
	for i, n := range sizes {
		r.Piece(flow.ToClient, make([]byte, n))
		if total += n; i%3 == 2 {
			s.Flush()
		}
	}
	f = completed(f)
	f.ResponseBody.Sent = int64(total)
	r.End(f)
	s.Flush()
	b, err := openRead(t, dir).Body(t.Context(), r.Number(), flow.ToClient)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	at, i, last := int64(0), 0, r.base.Add(-1e6)
	for p, err := range b.Pieces() {
		if err != nil {
			t.Fatal(err)
		}
		if i >= len(sizes) || p.Offset != at || p.Len != sizes[i] || p.Time.Before(last) {
			t.Fatalf("piece %d: %+v, want %d octets at %d not before %v", i, p, sizes[i], at, last)
		}
		at, last, i = at+int64(p.Len), p.Time, i+1
	}
	if i != len(sizes) {
		t.Fatalf("%d pieces, want %d", i, len(sizes))
	}
	if n, err := b.ReadAt(make([]byte, 10), b.Size()-3); n != 3 || err != io.EOF {
		t.Fatalf("read at the end: %d, %v", n, err)
	}
}

// Who takes a session away while it is written is told so, once.
func TestSessionThatIsTakenAwayIsMissed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "s")
	log, text := logged()
	s := openStore(t, dir, Config{Log: log})
	const told = "no longer where it is written"
	recordBody(s, boundEvery+1<<20)
	if n := strings.Count(text(), told); n != 0 {
		t.Fatalf("it was missed %d times while it was there", n)
	}
	if err := os.Rename(dir, dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		recordBody(s, boundEvery+1<<20)
	}
	if n := strings.Count(text(), told); n != 1 {
		t.Fatalf("it was told %d times, want once", n)
	}
}
