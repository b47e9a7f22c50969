package store

import "encoding/binary"

// extent is one piece record of a body, or one record of its marks.
type extent struct {
	at Pos
	n  int64 // octets of the body in it, or marks
}

// maxExtents bounds how many extents stand in one list. A longer body has its
// earlier ones in map records, each of which names the one before it.
const maxExtents = 256

// extentList is where a stretch of a body is: the octets from start on, in
// items; what comes before start is listed by the map record at prev. A list of
// marks counts messages for octets.
type extentList struct {
	prev  Pos // 0 for none
	start int64
	items []extent
}

// end is the offset behind the last octet.
func (l *extentList) end() int64 {
	e := l.start
	for _, x := range l.items {
		e += x.n
	}
	return e
}

// cover leaves to the map record at what l has in front of end. A map of other
// stretches says nothing.
func (l *extentList) cover(at Pos, end int64) {
	e := l.start
	for i := range l.items {
		if e += l.items[i].n; e == end {
			*l = extentList{prev: at, start: end, items: append([]extent(nil), l.items[i+1:]...)}
			return
		}
	}
}

func (l *extentList) empty() bool { return l.prev == 0 && len(l.items) == 0 }

func (l *extentList) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(l.prev))
	dst = binary.AppendUvarint(dst, uint64(l.start))
	var last Pos
	for _, x := range l.items {
		dst = binary.AppendUvarint(dst, uint64(x.at-last))
		dst = binary.AppendUvarint(dst, uint64(x.n))
		last = x.at
	}
	return dst
}

func parseExtents(p []byte) (extentList, error) {
	var l extentList
	next := func() (uint64, bool) {
		v, n := binary.Uvarint(p)
		if n <= 0 {
			return 0, false
		}
		p = p[n:]
		return v, true
	}
	prev, ok := next()
	if !ok {
		return l, errMalformed
	}
	start, ok := next()
	if !ok || start > 1<<62 {
		return l, errMalformed
	}
	l.prev, l.start = Pos(prev), int64(start)
	sum, last := l.start, Pos(0)
	for len(p) > 0 {
		d, ok := next()
		if !ok || len(l.items) == maxExtents {
			return l, errMalformed
		}
		n, ok := next()
		if !ok || n > maxPayload {
			return l, errMalformed
		}
		last += Pos(d)
		sum += int64(n)
		if sum > 1<<62 {
			return l, errMalformed
		}
		l.items = append(l.items, extent{last, int64(n)})
	}
	return l, nil
}

// appendExtents writes l as a tagged value of an end record.
func appendExtents(dst []byte, tag uint64, s Side, l *extentList) []byte {
	if l.empty() {
		return dst
	}
	dst, at := openNested(dst, tag)
	dst = append(dst, byte(s))
	dst = l.append(dst)
	return closeNested(dst, at)
}

func decodeExtents(p []byte) (extentList, Side, error) {
	if len(p) == 0 || p[0] >= sides {
		return extentList{}, 0, errMalformed
	}
	l, err := parseExtents(p[1:])
	return l, Side(p[0]), err
}
