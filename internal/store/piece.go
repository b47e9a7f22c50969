package store

import (
	"encoding/binary"
	"time"
)

// The payload of a piece record:
//
//	varint  count<<1 | 1 when the last piece goes on in the next record
//	varint  offset of the first octet in the body
//	varint  arrival of the first piece, in microseconds since the flow's base
//	count-1 times: varint length of a piece, varint microseconds until the next
//	the octets of all pieces
//
// The length of the last piece is what is left.

func appendPiecePrefix(dst []byte, count int, goesOn bool, offset, first int64) []byte {
	c := uint64(count) << 1
	if goesOn {
		c |= 1
	}
	dst = binary.AppendUvarint(dst, c)
	dst = binary.AppendUvarint(dst, uint64(offset))
	return binary.AppendUvarint(dst, uint64(first))
}

// pieces is a piece record, read.
type pieces struct {
	count  int
	goesOn bool
	offset int64
	first  int64 // microseconds since the base
	table  []byte
	data   []byte
}

// parsePieces reads the payload of a piece record; p may end after the table,
// then size says how long the payload is and data holds what is there.
func parsePieces(p []byte, size int) (pieces, int, error) {
	var q pieces
	at := 0
	next := func() (uint64, error) {
		v, n := binary.Uvarint(p[at:])
		if n == 0 && len(p) < size {
			return 0, errShort
		}
		if n <= 0 {
			return 0, errDamage
		}
		at += n
		return v, nil
	}
	c, err := next()
	if err != nil {
		return q, 0, err
	}
	off, err := next()
	if err != nil {
		return q, 0, err
	}
	first, err := next()
	if err != nil {
		return q, 0, err
	}
	if c>>1 == 0 || c>>1 > uint64(size) || off > 1<<62 || first > 1<<62 {
		return q, 0, errDamage
	}
	q.count, q.goesOn, q.offset, q.first = int(c>>1), c&1 == 1, int64(off), int64(first)
	table := at
	var sum uint64
	for range q.count - 1 {
		n, err := next()
		if err != nil {
			return q, 0, err
		}
		if _, err = next(); err != nil {
			return q, 0, err
		}
		if sum += n; n > uint64(size) || sum > uint64(size) {
			return q, 0, errDamage
		}
	}
	if int(sum) > size-at {
		return q, 0, errDamage
	}
	q.table, q.data = p[table:at], p[at:]
	return q, at, nil
}

// A Piece is one piece of a body as it was sent.
type Piece struct {
	Offset int64
	Len    int
	Time   time.Time // when it was about to be sent, to the microsecond
}

// each calls f for the pieces of q; total is the octets of data in the record
// and goesOn tells that the piece continues in the next record.
func (q pieces) each(total int64, f func(offset, length, micros int64, goesOn bool)) {
	at, t, rest := q.offset, q.first, q.table
	for range q.count - 1 {
		n, k := binary.Uvarint(rest)
		dt, l := binary.Uvarint(rest[k:])
		rest = rest[k+l:]
		f(at, int64(n), t, false)
		at, t = at+int64(n), t+int64(dt)
	}
	f(at, q.offset+total-at, t, q.goesOn)
}
