package store

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sort"
	"time"
)

var (
	// ErrEvicted says that the octets were removed to keep the session within
	// its size.
	ErrEvicted = errors.New("removed to keep the session within session_max_size and session_max_age")
	// ErrDamaged says that the octets on disk are not what was written.
	ErrDamaged = errors.New("damaged on disk")
)

// Body is the recorded octets of one side of a flow, to be read by range. It
// holds one record of at most 256 KiB in memory, however long the body is. It
// belongs to one goroutine and must be closed.
type Body struct {
	dir    string
	number uint64
	side   Side
	mapped Kind  // of its map records; 0 is kindMap
	base   int64 // microseconds since 1970
	last   extentList
	maps   []mapRef // the lists before last, in order
	first  int64    // the octets before it are gone
	size   int64

	list   extentList // the one that was used last
	offset int64      // of the record in memory
	data   []byte     // its octets
	piece  pieces
	buf    []byte
	file   *os.File
	open   uint32 // the segment that file is
}

// mapRef is a map record: the list of the octets from start on.
type mapRef struct {
	at    Pos
	start int64
}

// maxMaps bounds how many map records a body has: 16 TiB in bulk records.
const maxMaps = 256 << 10

// openExtents opens the body that list ends.
func openExtents(dir string, number uint64, side Side, list extentList, base int64) (*Body, error) {
	return openMapped(dir, number, side, kindMap, list, base)
}

func openMapped(dir string, number uint64, side Side, mapped Kind, list extentList, base int64) (*Body, error) {
	b := &Body{dir: dir, number: number, side: side, mapped: mapped, base: base, last: list, list: list, size: list.end()}
	there, err := segmentsThere(dir)
	if err != nil {
		return nil, err
	}
	b.first = there.first(&list)
	for l := list; l.prev != 0 && b.first == l.start; {
		m, err := b.readMap(l.prev)
		if errors.Is(err, ErrEvicted) {
			break
		}
		if err == nil && (m.end() != l.start || m.start >= l.start) {
			err = fmt.Errorf("the map at %v: %w", l.prev, ErrDamaged)
		}
		if err != nil {
			b.Close()
			return nil, err
		}
		if len(b.maps) == maxMaps {
			b.Close()
			return nil, fmt.Errorf("the body has more than %d maps: %w", maxMaps, ErrDamaged)
		}
		b.maps = append(b.maps, mapRef{l.prev, m.start})
		b.first = there.first(&m)
		l = m
	}
	for i, j := 0, len(b.maps)-1; i < j; i, j = i+1, j-1 {
		b.maps[i], b.maps[j] = b.maps[j], b.maps[i]
	}
	return b, nil
}

// there is the segments of bodies that have not been removed.
type there map[uint32]bool

func segmentsThere(dir string) (there, error) {
	list, err := listSegments(dir, bodiesStream)
	if err != nil {
		return nil, err
	}
	t := make(there, len(list))
	for _, s := range list {
		t[s.number] = true
	}
	return t, nil
}

// first returns the offset of the first octet of l from which on nothing of it
// is gone. What goes first is what was recorded first.
func (t there) first(l *extentList) int64 {
	at := l.end()
	for i := len(l.items) - 1; i >= 0 && t[l.items[i].at.Segment()]; i-- {
		at -= l.items[i].n
	}
	return at
}

// Size is how many octets were recorded: where the body ends.
func (b *Body) Size() int64 { return b.size }

// First is the offset of the first octet that can be read. Those before it were
// removed to keep the session within its size; it is Size where all are gone.
func (b *Body) First() int64 { return b.first }

// Close lets go of the file.
func (b *Body) Close() error {
	if b.file == nil {
		return nil
	}
	f := b.file
	b.file, b.open = nil, 0
	return f.Close()
}

// ReadAt reads from offset off on. It fails with ErrEvicted or ErrDamaged, and
// says which octets.
func (b *Body) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read body: negative offset")
	}
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= b.size {
			return n, io.EOF
		}
		if err := b.load(at); err != nil {
			return n, err
		}
		n += copy(p[n:], b.data[at-b.offset:])
	}
	return n, nil
}

// Pieces are the pieces of the body from First on in their order, as they were
// sent.
func (b *Body) Pieces() iter.Seq2[Piece, error] { return b.PiecesFrom(b.first) }

// PiecesFrom is Pieces from the one with the octet at off on; of a piece in
// several records what is in those before it is left out.
func (b *Body) PiecesFrom(off int64) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		var pending Piece
		for at := max(off, b.first); at < b.size; {
			if err := b.load(at); err != nil {
				yield(Piece{}, err)
				return
			}
			stop := false
			b.piece.each(int64(len(b.data)), func(offset, length, micros int64, goesOn bool) {
				if stop || offset+length <= off {
					return
				}
				if pending.Len == 0 {
					pending = Piece{Offset: offset, Time: time.UnixMicro(b.base + micros).UTC()}
				}
				pending.Len += int(length)
				if !goesOn {
					stop = !yield(pending, nil)
					pending = Piece{}
				}
			})
			if stop {
				return
			}
			at = b.offset + int64(len(b.data))
		}
		if pending.Len > 0 {
			yield(pending, nil)
		}
	}
}

// load brings the record with the octet at off into memory.
func (b *Body) load(off int64) error {
	if off >= b.offset && off < b.offset+int64(len(b.data)) {
		return nil
	}
	x, start, err := b.extent(off)
	if err != nil {
		return err
	}
	return b.read(x, start)
}

// extent is the record with the octet at off, and the offset of its first one.
func (b *Body) extent(off int64) (x extent, start int64, err error) {
	if off < b.first || off < b.list.start || off >= b.list.end() {
		if err := b.find(off); err != nil {
			return x, 0, err
		}
	}
	start = b.list.start
	for _, x := range b.list.items {
		if off < start+x.n {
			return x, start, nil
		}
		start += x.n
	}
	return x, 0, fmt.Errorf("byte %d of the body: %w", off, ErrDamaged)
}

// find makes list the one with the octet at off.
func (b *Body) find(off int64) error {
	if off < b.first {
		return fmt.Errorf("bytes 0-%d of the body: %w", b.first-1, ErrEvicted)
	}
	if off >= b.last.start {
		b.list = b.last
		return nil
	}
	i := sort.Search(len(b.maps), func(i int) bool { return b.maps[i].start > off }) - 1
	if i < 0 {
		return fmt.Errorf("byte %d of the body: %w", off, ErrEvicted)
	}
	l, err := b.readMap(b.maps[i].at)
	if err != nil {
		return err
	}
	b.list = l
	return nil
}

func (b *Body) readMap(at Pos) (extentList, error) {
	f, err := b.segment(at.Segment())
	if err != nil {
		return extentList{}, err
	}
	h, p, _, err := readRecord(f, at.Offset(), 0, nil)
	if err == nil && (h.kind != b.mapped || h.flow != b.number || h.side != b.side) {
		err = errDamage
	}
	var l extentList
	if err == nil {
		l, err = parseExtents(p)
	}
	if err != nil {
		return l, fmt.Errorf("the map at %v: %w", at, ErrDamaged)
	}
	return l, nil
}

func (b *Body) read(x extent, start int64) error {
	f, err := b.segment(x.at.Segment())
	if err != nil {
		return fmt.Errorf("bytes %d-%d of the body: %w", start, start+x.n-1, err)
	}
	b.data = nil // it lies in the buffer
	h, p, buf, err := readRecord(f, x.at.Offset(), int(x.n)+bulkLead, b.buf)
	b.buf = buf
	if err == nil && (h.kind != kindPiece || h.flow != b.number || h.side != b.side) {
		err = errDamage
	}
	var q pieces
	if err == nil {
		q, _, err = parsePieces(p, len(p))
	}
	if err == nil && (q.offset != start || int64(len(q.data)) != x.n) {
		err = errDamage
	}
	if errors.Is(err, errDamage) {
		err = ErrDamaged
	}
	if err != nil {
		return fmt.Errorf("bytes %d-%d of the body, at %v: %w", start, start+x.n-1, x.at, err)
	}
	b.offset, b.data, b.piece = start, q.data, q
	return nil
}

// segment opens a segment of bodies, keeping one open.
func (b *Body) segment(number uint32) (*os.File, error) {
	if b.file != nil && b.open == number {
		return b.file, nil
	}
	b.Close()
	f, err := os.Open(segmentPath(b.dir, bodiesStream, number))
	if gone(err) {
		return nil, ErrEvicted
	}
	if err != nil {
		return nil, err
	}
	b.file, b.open = f, number
	return f, nil
}
