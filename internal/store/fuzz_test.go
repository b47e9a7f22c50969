package store

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"midstream/flow"
)

func FuzzRecord(f *testing.F) {
	f.Add(appendRecord(nil, kindPiece, SentToClient, 7, []byte("payload")))
	f.Add(appendRecord(nil, kindHead, 0, 1<<40, nil))
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, p []byte) {
		h, payload, err := parseRecord(p)
		if err != nil {
			return
		}
		if again := appendRecord(nil, h.kind, h.side, h.flow, payload); len(again) > int(h.total()) {
			t.Fatalf("%d octets were read as one record, it takes %d", h.total(), len(again))
		}
	})
}

func FuzzPieces(f *testing.F) {
	f.Add(append(appendPiecePrefix(nil, 1, true, 5, 9), "data"...))
	f.Add(append(appendPiecePrefix(nil, 2, false, 0, 1<<30), 2, 100, 'a', 'b', 'c'))
	f.Fuzz(func(t *testing.T, p []byte) {
		q, _, err := parsePieces(p, len(p))
		if err != nil {
			return
		}
		at := q.offset
		q.each(int64(len(q.data)), func(offset, length, _ int64, _ bool) {
			if offset != at || length < 0 {
				t.Fatalf("piece of %d octets at %d, want one at %d", length, offset, at)
			}
			at += length
		})
		if at != q.offset+int64(len(q.data)) {
			t.Fatalf("the pieces end at %d, the data at %d", at, q.offset+int64(len(q.data)))
		}
	})
}

func FuzzPicture(f *testing.F) {
	f.Add(appendFlow(nil, exchange(1), 0, 0))
	f.Add(appendFlow(nil, completed(answered(exchange(1), 3)), posOf(1, 32), posOf(1, 99)))
	l := extentList{prev: posOf(1, 40), start: 100, items: []extent{{posOf(1, 90), 10}, {posOf(2, 32), 4}}}
	f.Add(appendExtents(nil, SentToClient, &l))
	f.Fuzz(func(t *testing.T, p []byte) {
		pic, err := decodePicture(p)
		if err != nil {
			return
		}
		Summarize(pic.flow)
		if _, err := decodePicture(appendFlow(nil, pic.flow, 0, 0)); err != nil {
			t.Fatalf("what was read cannot be written and read: %v", err)
		}
	})
}

// FuzzSession opens a session whose segments hold whatever.
func FuzzSession(f *testing.F) {
	dir := made(f, 3)
	heads, err := os.ReadFile(segmentPath(dir, headsStream, 1))
	if err != nil {
		f.Fatal(err)
	}
	bodies, err := os.ReadFile(segmentPath(dir, bodiesStream, 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(heads[segmentHeader:], bodies[segmentHeader:])
	f.Add(heads[segmentHeader:len(heads)-40], bodies[segmentHeader:2000])
	f.Add([]byte{}, []byte{})
	meta, err := os.ReadFile(filepath.Join(dir, metaFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, h, b []byte) {
		dir := t.TempDir()
		for _, stream := range []uint8{headsStream, bodiesStream} {
			if err := makeStreamFolder(dir, stream); err != nil {
				t.Fatal(err)
			}
		}
		write := func(path string, p []byte) {
			if err := os.WriteFile(path, p, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(filepath.Join(dir, metaFile), meta)
		write(segmentPath(dir, headsStream, 1), append(heads[:segmentHeader:segmentHeader], h...))
		write(segmentPath(dir, bodiesStream, 1), append(bodies[:segmentHeader:segmentHeader], b...))
		r, err := OpenReader(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for s, err := range r.List(t.Context(), ListOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if f, err := r.Get(t.Context(), s.Number); err == nil && f.Number != s.Number {
				t.Fatalf("flow %d says it is %d", s.Number, f.Number)
			}
			body, err := r.Body(t.Context(), s.Number, flow.ToClient)
			if err != nil {
				continue
			}
			n, _ := io.Copy(io.Discard, io.NewSectionReader(body, 0, min(body.Size(), 1<<20)))
			if n > int64(len(b)) && !bytes.Equal(b, nil) {
				t.Fatalf("%d octets were read from a segment of %d", n, len(b))
			}
			body.Close()
		}
	})
}
