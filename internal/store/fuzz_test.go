package store

import (
	"bytes"
	"io"
	"math/rand/v2"
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
	f.Add(appendExtents(nil, tagExtents, SentToClient, &l))
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

// TestSessionOfWhatever opens sessions whose segments were changed at random:
// what is read is never more than what is there, and nothing panics.
func TestSessionOfWhatever(t *testing.T) {
	t.Parallel()
	made := made(t, 3)
	meta, err := os.ReadFile(filepath.Join(made, metaFile))
	if err != nil {
		t.Fatal(err)
	}
	var segments [3][]byte
	for _, stream := range []uint8{headsStream, bodiesStream} {
		if segments[stream], err = os.ReadFile(segmentPath(made, stream, 1)); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(7, 9))
	for range 60 {
		dir := t.TempDir()
		write := func(path string, p []byte) {
			if err := os.WriteFile(path, p, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write(filepath.Join(dir, metaFile), meta)
		for _, stream := range []uint8{headsStream, bodiesStream} {
			if err := makeStreamFolder(dir, stream); err != nil {
				t.Fatal(err)
			}
			p := bytes.Clone(segments[stream])
			for range random.IntN(6) {
				at := segmentHeader + random.IntN(len(p)-segmentHeader)
				switch random.IntN(3) {
				case 0:
					p[at] ^= 1 << random.IntN(8)
				case 1:
					p = append(p[:at:at], p[min(len(p), at+random.IntN(300)):]...)
				case 2:
					p = append(p[:at:at], append(bytes.Clone(p[segmentHeader:at]), p[at:]...)...)
				}
				if len(p) <= segmentHeader+1 {
					break
				}
			}
			write(segmentPath(dir, stream, 1), p)
		}
		readAll(t, dir)
	}
}

func readAll(t *testing.T, dir string) {
	t.Helper()
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
		if p, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size())); err == nil && !bytes.Equal(p, bytes.Repeat([]byte{byte(s.Number)}, len(p))) {
			t.Fatalf("the body of flow %d is not what was recorded", s.Number)
		}
		body.Close()
	}
}

// FuzzScan walks a segment that holds whatever, as recovery and readers do.
func FuzzScan(f *testing.F) {
	one := appendRecord(nil, kindPiece, SentToClient, 1, append(appendPiecePrefix(nil, 1, false, 0, 0), "data"...))
	two := appendRecord(nil, kindPiece, SentToClient, 1, append(appendPiecePrefix(nil, 1, false, 4, 9), "more"...))
	l := extentList{items: []extent{{posOf(1, 0), 4}}}
	f.Add(append(append(append(one, 0, 0, 0), appendRecord(nil, kindMap, SentToClient, 1, l.append(nil))...), two...))
	f.Add(append(append(bytes.Clone(one), "damage"...), two...))
	f.Add(append(bytes.Clone(one), two[:9]...))
	f.Fuzz(func(t *testing.T, p []byte) {
		sc := scanner{f: bytes.NewReader(p), size: int64(len(p)), verify: true}
		o := openFlow{pic: &picture{flow: &flow.Flow{}}}
		last := int64(-1)
		for {
			at, h, payload, ok, err := sc.next(func(header) bool { return true })
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				break
			}
			if at <= last || sc.good != at+h.total() || sc.good > sc.size {
				t.Fatalf("a record at %d of %d octets after one at %d", at, h.total(), last)
			}
			last = at
			if h.side <= SentToClient {
				o.found(posOf(1, at), h, payload)
			}
		}
		for i := range o.out {
			if n := o.out[i].end(); n != o.sent[i] || n > int64(len(p)) {
				t.Fatalf("%d octets are listed, %d were found in %d", n, o.sent[i], len(p))
			}
		}
	})
}
