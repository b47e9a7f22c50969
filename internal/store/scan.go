package store

import (
	"fmt"
	"io"
	"os"
)

// scanner walks the records of one segment. Octets that are no record are
// passed over one at a time until a whole record follows, so that damage costs
// only what was damaged.
type scanner struct {
	f    io.ReaderAt
	size int64
	at   int64 // where the next record is looked for
	good int64 // behind the last whole record
	// verify makes it check the CRC of records that nobody wants, too.
	verify bool
	// damaged counts the octets that were passed over before good.
	damaged int64

	buf    []byte
	bufAt  int64
	passed int64 // passed over since good
}

// How much is read at once, and how much behind a record that was skipped.
const (
	scanWindow = 64 << 10
	skipWindow = 4 << 10
)

// peek returns n octets from offset at on, fewer at the end of the file.
func (s *scanner) peek(at int64, n int) ([]byte, error) {
	if at >= s.bufAt && at+int64(n) <= s.bufAt+int64(len(s.buf)) {
		return s.buf[at-s.bufAt:][:n], nil
	}
	if at >= s.bufAt && at < s.bufAt+int64(len(s.buf)) && s.bufAt+int64(len(s.buf)) >= s.size {
		return s.buf[at-s.bufAt:], nil
	}
	window := scanWindow
	if at > s.bufAt+int64(len(s.buf)) {
		window = skipWindow // a large record was passed over; the next may be, too
	}
	want := int(min(int64(max(n, window)), s.size-at))
	if want <= 0 {
		return nil, nil
	}
	if cap(s.buf) < want || cap(s.buf) > 4<<20 && want <= scanWindow {
		s.buf = make([]byte, want)
	}
	s.buf, s.bufAt = s.buf[:want], at
	k, err := s.f.ReadAt(s.buf, at)
	s.buf = s.buf[:k]
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("read segment: %w", err)
	}
	return s.buf[:min(n, k)], nil
}

// next returns the next record that want asks for. ok is false behind the last
// one; then good is where it ended, and a later call, with a larger size, goes
// on from there. The payload is valid until the next call.
func (s *scanner) next(want func(h header) bool) (at int64, h header, payload []byte, ok bool, err error) {
	s.at, s.passed = s.good, 0
	for s.at < s.size {
		p, err := s.peek(s.at, maxHeader)
		if err != nil || len(p) == 0 {
			return 0, h, nil, false, err
		}
		if p[0] == 0 {
			s.at += int64(s.zeros())
			continue
		}
		h, err := parseHeader(p)
		if err != nil || s.at+h.total() > s.size {
			s.at++
			s.passed++
			continue
		}
		wanted := want(h)
		if wanted || s.verify || s.passed > 0 {
			p, err = s.peek(s.at, int(h.total()))
			if err != nil {
				return 0, h, nil, false, err
			}
			if h, payload, err = parseRecord(p); err != nil {
				s.at++
				s.passed++
				continue
			}
		}
		at = s.at
		s.at += h.total()
		s.good, s.damaged, s.passed = s.at, s.damaged+s.passed, 0
		if wanted {
			return at, h, payload, true, nil
		}
	}
	return 0, h, nil, false, nil
}

// zeros counts the zero octets at s.at that are in memory; there is one.
func (s *scanner) zeros() int {
	p := s.buf[s.at-s.bufAt:]
	n := 1
	for n < len(p) && p[n] == 0 {
		n++
	}
	return n
}

// openSegment opens a segment for reading and checks its header. Its size is
// what it is now.
func openSegment(dir string, stream uint8, number uint32) (*os.File, int64, error) {
	f, err := os.Open(segmentPath(dir, stream, number))
	if err != nil {
		return nil, 0, fmt.Errorf("open segment: %w", err)
	}
	var head [segmentHeader]byte
	if _, err := f.ReadAt(head[:], 0); err != nil && err != io.EOF {
		f.Close()
		return nil, 0, fmt.Errorf("read segment %s: %w", f.Name(), err)
	}
	if err := checkSegmentHeader(head[:], stream, number); err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("read segment %s: %w", f.Name(), err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("read segment: %w", err)
	}
	return f, info.Size(), nil
}

// scanStream calls f for the wanted records of a stream from a position on, in
// order. It returns where the last whole record ends. A segment that cannot be
// read is passed over; damage is told of.
func scanStream(dir string, stream uint8, from Pos, verify bool, want func(h header) bool,
	f func(at Pos, h header, payload []byte) error, damage func(text string)) (Pos, error) {
	list, err := listSegments(dir, stream)
	if err != nil {
		return 0, err
	}
	var end Pos
	for _, seg := range list {
		if seg.number < from.Segment() {
			continue
		}
		start := int64(segmentHeader)
		if seg.number == from.Segment() {
			start = max(start, from.Offset())
		}
		end, err = scanOne(dir, stream, seg.number, start, verify, want, f, damage)
		if err != nil {
			return end, err
		}
	}
	return end, nil
}

func scanOne(dir string, stream uint8, number uint32, start int64, verify bool, want func(h header) bool,
	f func(at Pos, h header, payload []byte) error, damage func(text string)) (Pos, error) {
	file, size, err := openSegment(dir, stream, number)
	if err != nil {
		damage(err.Error())
		return posOf(number, 0), nil
	}
	defer file.Close()
	sc := scanner{f: file, size: size, good: start, verify: verify}
	for {
		at, h, payload, ok, err := sc.next(want)
		if err != nil {
			return posOf(number, sc.good), err
		}
		if !ok {
			break
		}
		if err := f(posOf(number, at), h, payload); err != nil {
			return posOf(number, sc.good), err
		}
	}
	if sc.damaged > 0 {
		damage(fmt.Sprintf("%s: %d damaged bytes were passed over", segmentPath(dir, stream, number), sc.damaged))
	}
	return posOf(number, sc.good), nil
}
