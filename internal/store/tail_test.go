package store

import (
	"os"
	"testing"
)

// What lies behind the tail may be there already, out of order: a reader of a live
// session takes none of it, and all of it once the tail has passed it.
func TestABodiesCursorStaysBehindTheTail(t *testing.T) {
	dir := t.TempDir()
	if err := makeStreamFolder(dir, bodiesStream); err != nil {
		t.Fatal(err)
	}
	p := appendSegmentHeader(nil, bodiesStream, 1, [8]byte{})
	first := posOf(1, int64(len(p)))
	p = appendRecord(p, kindPiece, SentToClient, 7, []byte("first"))
	under := int64(len(p))
	p = append(p, make([]byte, 64<<10)...) // has not reached the disk
	third := posOf(1, int64(len(p)))
	p = appendRecord(p, kindPiece, SentToClient, 7, []byte("third"))
	if err := os.WriteFile(segmentPath(dir, bodiesStream, 1), append(p, make([]byte, 8<<10)...), 0o600); err != nil {
		t.Fatal(err)
	}
	tail, err := makeTail(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tail.close()
	tail.set(posOf(1, under))

	c := newCursor(dir, bodiesStream, 0)
	c.tail = openTail(dir)
	defer c.close()
	next := func() (Pos, bool) {
		t.Helper()
		at, _, _, ok, err := c.next(func(header) bool { return true })
		if err != nil {
			t.Fatal(err)
		}
		return at, ok
	}
	if at, ok := next(); !ok || at != first {
		t.Fatalf("the first record: %v, %v", at, ok)
	}
	if at, ok := next(); ok {
		t.Fatalf("%v lies behind the tail", at)
	}
	// The second one arrives.
	f, err := os.OpenFile(segmentPath(dir, bodiesStream, 1), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	second := posOf(1, under)
	if _, err := f.WriteAt(appendRecord(nil, kindPiece, SentToClient, 7, []byte("second")), under); err != nil {
		t.Fatal(err)
	}
	tail.set(posOf(1, int64(len(p))))
	for _, want := range []Pos{second, third} {
		if at, ok := next(); !ok || at != want {
			t.Fatalf("got %v, %v, want %v", at, ok, want)
		}
	}
	if at, ok := next(); ok {
		t.Fatalf("%v is nothing", at)
	}
}

// A segment is longer than what it holds only while it is written.
func TestASealedSegmentEndsWithItsLastRecord(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir, Config{Stall: -1, bodiesRoll: 1 << 20})
	r := s.Start()
	p := make([]byte, 128<<10)
	for i := range p {
		p[i] = byte(i * 7)
	}
	for range 64 {
		r.Piece(1, p)
	}
	s.Flush()
	at := s.w.bodies.pos()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	list, err := listSegments(dir, bodiesStream)
	if err != nil || len(list) < 4 {
		t.Fatalf("%d segments, %v", len(list), err)
	}
	for _, seg := range list {
		b, err := os.ReadFile(segmentPath(dir, bodiesStream, seg.number))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for n < len(b) && b[len(b)-1-n] == 0 {
			n++
		}
		if n > 2*alignment {
			t.Errorf("segment %d ends with %d zero octets", seg.number, n)
		}
	}
	if last := list[len(list)-1]; last.number < at.Segment() {
		t.Errorf("the last segment is %d, %v was written", last.number, at)
	}
}
