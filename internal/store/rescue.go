package store

import (
	"errors"
	"fmt"
	"os"
)

// markedFlow is a flow with a marker that has ended.
type markedFlow struct {
	number uint64
	head   Pos // its end record
}

// markedAtOnce is how many are looked at in one go.
const markedAtOnce = 500

// rescue copies what marked flows have in a segment that is to go, and the
// heads of flows that live. It tells instead that the segment is mostly theirs.
func (w *writer) rescue(stream uint8, victim segmentFile) (pinned bool, err error) {
	w.flushBody()
	w.flushHead()
	var needed int64
	err = w.eachMarked(stream, victim.number, func(m markedFlow) error {
		n, err := w.share(stream, m, victim.number)
		needed += n
		return err
	})
	if err != nil {
		return false, err
	}
	if stream == bodiesStream {
		w.s.eachOpen(func(r *Record) {
			if marked(r) {
				for i := range r.out {
					n, _ := w.octetsIn(r.number, Side(i), &r.out[i], victim.number)
					needed += n
				}
			}
		})
	}
	if needed > victim.size-victim.size/pinnedShare {
		return true, nil
	}
	if err := w.eachMarked(stream, victim.number, func(m markedFlow) error {
		return w.move(stream, m, victim.number)
	}); err != nil {
		return false, err
	}
	if stream == bodiesStream {
		w.moveOpen(victim.number)
	} else {
		w.repeatOpen(victim.number)
	}
	w.flushBody()
	w.flushHead()
	return false, w.s.failed()
}

// marked tells whether an open flow has a marker.
func marked(r *Record) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.picture != nil && r.picture.Marker != ""
}

// eachMarked calls f for the ended flows with a marker that may have something
// in a segment.
func (w *writer) eachMarked(stream uint8, number uint32, f func(m markedFlow) error) error {
	var after uint64
	for {
		var list []markedFlow
		err := w.ask(func(x *index) (err error) {
			list, err = x.marked(stream, number, after, markedAtOnce)
			return err
		})
		if err != nil {
			return err
		}
		for _, m := range list {
			if err := f(m); err != nil {
				return err
			}
			after = m.number
		}
		if len(list) < markedAtOnce {
			return nil
		}
	}
}

// share is how many octets of a segment are needed for a flow. What cannot be
// read needs none.
func (w *writer) share(stream uint8, m markedFlow, number uint32) (int64, error) {
	if stream == headsStream {
		h, _, err := readRecordAt(w.s.dir, headsStream, m.head)
		if err != nil {
			return 0, nil
		}
		return h.total(), nil
	}
	pic, err := readPicture(w.s.dir, m.head, m.number)
	if err != nil {
		return 0, nil
	}
	var sum int64
	for i := range pic.extents {
		n, err := w.octetsIn(m.number, Side(i), &pic.extents[i], number)
		if err != nil {
			return sum, err
		}
		sum += n
	}
	return sum, nil
}

// octetsIn is how many octets of a body are in a segment.
func (w *writer) octetsIn(flow uint64, side Side, l *extentList, number uint32) (int64, error) {
	all, err := allExtents(w.s.dir, flow, side, kindMap, *l)
	if err != nil {
		return 0, nil
	}
	var n int64
	for _, x := range all.items {
		if x.at.Segment() == number {
			n += x.n
		}
	}
	return n, nil
}

// move copies what an ended flow has in a segment, and writes its end again.
func (w *writer) move(stream uint8, m markedFlow, number uint32) error {
	pic, err := readPicture(w.s.dir, m.head, m.number)
	if err != nil {
		return nil // nothing that could be kept
	}
	resolveConns(w.s.dir, pic)
	if stream == bodiesStream {
		moved, first := false, Pos(0)
		for i := range pic.extents {
			did, at, err := w.moveBody(m.number, Side(i), kindMap, &pic.extents[i], number, maxExtents)
			if err != nil {
				return err
			}
			moved = moved || did
			if at != 0 && (first == 0 || at < first) {
				first = at
			}
		}
		for i := range pic.marks {
			did, at, err := w.moveBody(m.number, Side(i), kindMarkMap, &pic.marks[i], number, maxExtents)
			if err != nil {
				return err
			}
			moved = moved || did
			if at != 0 && (first == 0 || at < first) {
				first = at
			}
		}
		if !moved {
			return nil
		}
		pic.bodiesAt = first
	}
	w.flushBody() // bodies stand on disk before the end that names them
	pic.again = true
	at := w.appendPicture(kindEnd, pic)
	w.rows = append(w.rows, rowOf(pic.flow, at, pic.bodiesAt))
	w.keepGoing()
	return w.s.failed()
}

// moveOpen copies what open flows with a marker have in a segment.
func (w *writer) moveOpen(number uint32) {
	w.s.eachOpen(func(r *Record) {
		if !marked(r) {
			return
		}
		for i := range r.out {
			w.moveOpenList(r, Side(i), kindMap, &r.out[i], number)
			w.moveOpenList(r, Side(i), kindMarkMap, &r.marks[i], number)
		}
	})
}

// moveOpenList copies what one list of an open flow has in a segment.
func (w *writer) moveOpenList(r *Record, side Side, mapped Kind, list *extentList, number uint32) {
	r.mu.Lock()
	l := *list
	l.items = append([]extent(nil), l.items...)
	r.mu.Unlock()
	// The last map names all that there is, as one always does.
	if did, _, err := w.moveBody(r.number, side, mapped, &l, number, 0); did && err == nil {
		r.mu.Lock()
		*list = l
		r.mu.Unlock()
	}
}

// repeatOpen writes the newest pictures of open flows again that stand in a
// segment of heads.
func (w *writer) repeatOpen(number uint32) {
	w.s.eachOpen(func(r *Record) {
		if r.newestAt.Segment() != number || r.headAt == 0 {
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.picture != nil && r.ended == r.ending {
			w.writePicture(r)
			r.headAt = r.newestAt
			r.fresh = false
		}
	})
}

// moveBody copies the piece records that a body has in a segment, or those of
// its marks, and makes its list anew; at most last extents stay outside map
// records, which are of the kind mapped. first is where the first of its records
// is then, 0 for none.
func (w *writer) moveBody(number uint64, side Side, mapped Kind, l *extentList, segment uint32, last int) (moved bool, first Pos, err error) {
	all, err := allExtents(w.s.dir, number, side, mapped, *l)
	if err != nil {
		return false, 0, nil
	}
	for _, m := range all.maps {
		moved = moved || m.Segment() == segment
	}
	var from *os.File
	defer func() {
		if from != nil {
			from.Close()
		}
	}()
	var buf []byte
	for i := range all.items {
		x := &all.items[i]
		if x.at.Segment() != segment {
			continue
		}
		moved = true
		if from == nil {
			if from, err = os.Open(segmentPath(w.s.dir, bodiesStream, segment)); err != nil {
				return false, 0, fmt.Errorf("copy a marked flow: %w", err)
			}
		}
		var h header
		h, _, buf, err = readRecord(from, x.at.Offset(), int(x.n)+bulkLead, buf)
		if errors.Is(err, errDamage) {
			continue // it stays where it is, and is gone with it
		}
		if err != nil {
			return false, 0, fmt.Errorf("copy a marked flow: %w", err)
		}
		w.rollBodies()
		if err := w.s.failed(); err != nil {
			return false, 0, err
		}
		x.at = w.bodyPos()
		w.body = append(w.body, buf[:h.total()]...)
		if len(w.body) >= batchSize {
			w.flushBody()
		}
	}
	for _, x := range all.items {
		if x.at.Segment() != segment && (first == 0 || x.at < first) {
			first = x.at
		}
	}
	if !moved {
		return false, first, nil
	}
	*l = extentList{start: all.start, items: all.items}
	w.mapAll(number, side, mapped, l, last)
	return true, first, w.s.failed()
}

// wholeList is all extents of a body that are listed by what is still there.
type wholeList struct {
	start int64
	items []extent
	maps  []Pos
}

// maxListed bounds how many extents of one body are brought into memory.
const maxListed = 4 << 20

// allExtents reads the map records in front of l.
func allExtents(dir string, number uint64, side Side, mapped Kind, l extentList) (wholeList, error) {
	var lists []extentList
	b := &Body{dir: dir, number: number, side: side, mapped: mapped}
	defer b.Close()
	all := wholeList{start: l.start}
	count := len(l.items)
	lists = append(lists, l)
	for l.prev != 0 {
		m, err := b.readMap(l.prev)
		if errors.Is(err, ErrEvicted) {
			break
		}
		if err == nil && (m.end() != l.start || m.start >= l.start) {
			err = ErrDamaged
		}
		if count += len(m.items); err == nil && count > maxListed {
			err = errors.New("the body has too many pieces")
		}
		if err != nil {
			return all, err
		}
		all.maps = append(all.maps, l.prev)
		lists, all.start, l = append(lists, m), m.start, m
	}
	all.items = make([]extent, 0, count)
	for i := len(lists) - 1; i >= 0; i-- {
		all.items = append(all.items, lists[i].items...)
	}
	return all, nil
}
