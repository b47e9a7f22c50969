package store

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
)

// tail is the file that says up to where the bodies of a session that is being
// written are whole. A segment is longer than that while the disk writes: it
// was made so before, and its octets come in any order.
//
//	000002.seg  ████████████████▒▒▒░▒▒░░········
//	                            ▲ tail          ▲ size
//
// Its 8 octets are a Pos, little-endian. Who reads a session that nobody writes
// has no use for it.
type tail struct{ f *os.File }

func tailPath(dir string) string { return filepath.Join(dir, "tail") }

// makeTail opens the file for the writer.
func makeTail(dir string) (*tail, error) {
	f, err := openPrivate(tailPath(dir))
	if err != nil {
		return nil, fmt.Errorf("open tail: %w", err)
	}
	return &tail{f}, nil
}

// openTail opens the file for a reader, nil where there is none.
func openTail(dir string) *tail {
	f, err := os.Open(tailPath(dir))
	if err != nil {
		return nil
	}
	return &tail{f}
}

// set notes that everything before at is whole. Who could not note it makes
// readers wait for the next time: nothing is lost.
func (t *tail) set(at Pos) {
	if t != nil {
		_, _ = t.f.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(at)), 0)
	}
}

// at is up to where the bodies are whole; ok is false where nobody says.
func (t *tail) at() (at Pos, ok bool) {
	if t == nil {
		return 0, false
	}
	var p [8]byte
	if n, err := t.f.ReadAt(p[:], 0); n < len(p) || err != nil {
		return 0, false
	}
	return Pos(binary.LittleEndian.Uint64(p[:])), true
}

// within cuts size, which a segment has, to what is whole of it.
func (t *tail) within(segment uint32, size int64) int64 {
	at, ok := t.at()
	switch {
	case !ok, at.Segment() > segment:
		return size
	case at.Segment() < segment:
		return 0
	}
	return min(size, at.Offset())
}

func (t *tail) close() {
	if t != nil {
		t.f.Close()
	}
}
