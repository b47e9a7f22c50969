package store

import (
	"os"
)

// cursor walks a stream of segments that may be growing. Behind the last
// record next says so, and may be called again later.
type cursor struct {
	dir    string
	stream uint8
	number uint32
	good   int64 // where to begin in the segment
	tail   *tail // what is whole; nil where all is

	file *os.File
	sc   scanner
}

func newCursor(dir string, stream uint8, from Pos) *cursor {
	return &cursor{dir: dir, stream: stream, number: max(1, from.Segment()), good: max(segmentHeader, from.Offset())}
}

// newBodies is a cursor on the bodies, which stays behind the one who writes them.
func (r *Reader) newBodies(from Pos) *cursor {
	c := newCursor(r.dir, bodiesStream, from)
	if r.Live() {
		c.tail = openTail(r.dir)
	}
	return c
}

// next returns the next record that want asks for. The payload is valid until
// the next call. ok is false when there is none yet.
func (c *cursor) next(want func(h header) bool) (at Pos, h header, payload []byte, ok bool, err error) {
	for {
		if c.file == nil {
			if ok, err := c.open(); !ok {
				return 0, h, nil, false, err
			}
		}
		off, h, payload, ok, err := c.sc.next(want)
		if err != nil || ok {
			return posOf(c.number, off), h, payload, ok, err
		}
		// A segment has its final size before the next one is begun, so the
		// look for the next one comes first.
		more, err := c.later()
		if err != nil {
			return 0, h, nil, false, err
		}
		info, err := c.file.Stat()
		if err != nil {
			return 0, h, nil, false, err
		}
		size := c.tail.within(c.number, info.Size())
		if size > c.sc.size || c.sc.good < c.sc.size && !more {
			grown := size > c.sc.size
			c.sc.size, c.sc.buf = size, c.sc.buf[:0]
			if grown {
				continue
			}
		}
		if !more {
			return 0, h, nil, false, nil
		}
		c.shut()
		c.number++
		c.good = segmentHeader
	}
}

// later tells whether there is a segment after this one.
func (c *cursor) later() (bool, error) {
	_, err := os.Lstat(segmentPath(c.dir, c.stream, c.number+1))
	if err == nil {
		return true, nil
	}
	if gone(err) {
		return false, nil
	}
	return false, err
}

// open opens the segment, or the first one after it that was not removed.
func (c *cursor) open() (bool, error) {
	f, size, err := openSegment(c.dir, c.stream, c.number)
	if gone(err) {
		list, err := listSegments(c.dir, c.stream)
		if err != nil {
			return false, err
		}
		for _, s := range list {
			if s.number > c.number {
				c.number, c.good = s.number, segmentHeader
				return c.open()
			}
		}
		return false, nil
	}
	if err != nil {
		if info, serr := os.Stat(segmentPath(c.dir, c.stream, c.number)); serr == nil && info.Size() < segmentHeader {
			return false, nil // it has just been begun
		}
		return false, err
	}
	c.file, c.sc = f, scanner{f: f, size: c.tail.within(c.number, size), good: c.good}
	return true, nil
}

// pos is behind the last record that was seen.
func (c *cursor) pos() Pos {
	if c.file == nil {
		return posOf(c.number, c.good)
	}
	return posOf(c.number, c.sc.good)
}

func (c *cursor) close() {
	c.shut()
	c.tail.close()
}

// shut closes the segment.
func (c *cursor) shut() {
	if c.file != nil {
		c.file.Close()
		c.file = nil
	}
}
