package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"midstream/flow"
)

// The payload of a record of marks:
//
//	varint  index of the first message
//	varint  offset of its first octet in the content of the body
//	varint  when it was complete, in microseconds since the flow's base
//	for each message:
//	  varint  length<<2, with bit 0 where a gap follows, bit 1 where attributes do
//	  zigzag  octets between the end of the one before and this one (bit 0)
//	  varint  microseconds since the one before
//	  varint  attributes: attr<<2 | lost<<1 | unfinished (bit 1)
//
// The marks of the first messages of a live body are in the same form in memory.
const (
	maxMarks     = 256 // of one record
	maxMarkTable = 3 << 10
	maxMarkSize  = 4 * binary.MaxVarintLen64
)

// markTable is marks on their way to the disk.
type markTable struct {
	over   bool // no more are taken: there was no room
	count  int
	next   int64 // index of the next one
	index  int64 // of the first
	offset int64
	first  int64 // microseconds
	last   int64 // microseconds of the last
	end    int64 // behind the last, in the content
	table  []byte
	broken bool // a record of them was lost on the way to the disk
}

// add takes a mark; the table must not be full.
func (t *markTable) add(m *flow.Mark, micros int64) {
	if t.count == 0 {
		t.index, t.offset, t.first = t.next, m.Offset, micros
		t.end, t.last = m.Offset, micros
	}
	micros = max(micros, t.last)
	gap := m.Offset - t.end
	attrs := uint64(m.Attr) << 2
	if m.Lost {
		attrs |= 2
	}
	if m.Unfinished {
		attrs |= 1
	}
	head := uint64(m.Length) << 2
	if gap != 0 {
		head |= 1
	}
	if attrs != 0 {
		head |= 2
	}
	t.table = binary.AppendUvarint(t.table, head)
	if gap != 0 {
		t.table = binary.AppendVarint(t.table, gap)
	}
	t.table = binary.AppendUvarint(t.table, uint64(micros-t.last))
	if attrs != 0 {
		t.table = binary.AppendUvarint(t.table, attrs)
	}
	t.count++
	t.next++
	t.end, t.last = m.Offset+m.Length, micros
}

func (t *markTable) full() bool {
	return t.count == maxMarks || len(t.table) > maxMarkTable-maxMarkSize
}

// payload is the record's payload.
func (t *markTable) payload() []byte { return t.append(nil) }

func (t *markTable) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(t.index))
	dst = binary.AppendUvarint(dst, uint64(t.offset))
	dst = binary.AppendUvarint(dst, uint64(t.first))
	return append(dst, t.table...)
}

// clear makes room for the marks that follow.
func (t *markTable) clear() {
	t.count, t.table = 0, t.table[:0]
}

// marks is a record of marks, read.
type marks struct {
	index int64
	marks []flow.Mark
}

// parseMarks reads the payload of a record of marks.
func parseMarks(p []byte, base int64) (marks, error) {
	var t marks
	ok := true
	next := func() uint64 {
		v, n := binary.Uvarint(p)
		if n <= 0 || v > 1<<62 {
			ok = false
			return 0
		}
		p = p[n:]
		return v
	}
	t.index = int64(next())
	at, micros := int64(next()), int64(next())
	for ok && len(p) > 0 {
		head := next()
		if head&1 != 0 {
			gap, n := binary.Varint(p)
			if n <= 0 {
				return t, errDamage
			}
			p = p[n:]
			at += gap
		}
		micros += int64(next())
		m := flow.Mark{Offset: at, Length: int64(head >> 2), Time: time.UnixMicro(base + micros).UTC()}
		if head&2 != 0 {
			attrs := next()
			m.Attr, m.Lost, m.Unfinished = uint32(attrs>>2), attrs&2 != 0, attrs&1 != 0
		}
		at += m.Length
		if m.Offset < 0 || at < 0 || at > 1<<62 || micros < 0 || micros > 1<<62 || len(t.marks) == maxMarks {
			return t, errDamage
		}
		t.marks = append(t.marks, m)
	}
	if !ok || len(t.marks) == 0 {
		return t, errDamage
	}
	return t, nil
}

// Mark notes where a message of the body of side is that has been sent. Marks
// come in the order in which their messages were complete. A Mark waits as a
// Piece does where the queue is full; when it has waited too long the marks end
// there, and what follows is to be found by reading.
func (r *Record) Mark(side flow.Side, m flow.Mark) {
	if r.s.cfg.Record != All {
		return
	}
	micros := max(0, m.Time.Sub(r.base).Microseconds())
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &r.side[side&1]
	if r.ended || st.dropped || st.cut != "" {
		return
	}
	if st.marks == nil {
		st.marks = new(markTable)
	}
	t := st.marks
	if t.over {
		return
	}
	t.add(&m, micros)
	if !t.full() {
		return
	}
	r.mu.Unlock()
	b := r.s.q.block(waiter{rec: r, class: smallClass, small: true})
	r.mu.Lock()
	switch {
	case b == nil:
		t.over = true
		t.clear()
	case t.over || r.ended || st.dropped:
		r.s.q.release(r, b)
	default:
		b.marks, b.end = t.count, len(t.append(b.buf[:0])) // it has room for any table
		t.clear()
		st.full = append(st.full, b)
		if r.enqueue() {
			r.s.q.put(r)
		}
	}
}

// writeMarks puts a record of marks into the buffer.
func (w *writer) writeMarks(j job, payload []byte, count int64) {
	if w.s.failed() == nil {
		w.rollBodies()
	}
	j.rec.mu.Lock()
	defer j.rec.mu.Unlock()
	t := j.rec.side[j.side].marks
	if t == nil {
		return // the body was dropped meanwhile
	}
	if t.broken || w.s.failed() != nil {
		t.broken = true // those that follow would leave a gap
		return
	}
	at := w.bodyPos()
	w.body = appendRecord(w.body, kindMarks, sideOf(j.side), j.rec.number, payload)
	l := &j.rec.marks[j.side]
	if len(l.items) == maxExtents {
		w.mapAll(j.rec.number, sideOf(j.side), kindMarkMap, l, 0)
	}
	l.items = append(l.items, extent{at, count})
}

// Marks are where the messages of one body are, as far as they were noted when
// it passed. It holds one record of at most 256 marks in memory. It belongs to
// one goroutine and must be closed.
type Marks struct {
	body *Body
	have marks
}

// Marks opens the marks of side up to now. A body without any has none; for
// messages behind the last one it must be read. The caller must close it.
func (r *Reader) Marks(ctx context.Context, number uint64, side flow.Side) (*Marks, error) {
	l, err := r.locate(ctx, number)
	if err != nil {
		return nil, err
	}
	b, err := openMapped(r.dir, number, sideOf(side), kindMarkMap, l.marks[side&1], l.pic.base)
	if err != nil {
		return nil, fmt.Errorf("open the messages of flow %d: %w", number, err)
	}
	return &Marks{body: b}, nil
}

// Count is how many messages are marked, First the index of the first whose mark
// can be read: those before it were removed to keep the session within its size.
func (m *Marks) Count() int64 { return m.body.size }

// First is the index of the first mark that can be read.
func (m *Marks) First() int64 { return m.body.first }

// At returns the mark of message i, from First to Count-1. It fails with
// ErrEvicted or ErrDamaged.
func (m *Marks) At(i int64) (flow.Mark, error) {
	if k := i - m.have.index; k >= 0 && k < int64(len(m.have.marks)) {
		return m.have.marks[k], nil
	}
	x, start, err := m.body.extent(i)
	if err != nil {
		return flow.Mark{}, fmt.Errorf("message %d: %w", i, err)
	}
	b := m.body
	f, err := b.segment(x.at.Segment())
	if err != nil {
		return flow.Mark{}, fmt.Errorf("message %d: %w", i, err)
	}
	h, p, buf, err := readRecord(f, x.at.Offset(), maxMarkTable, b.buf)
	b.buf = buf
	if err == nil && (h.kind != kindMarks || h.flow != b.number || h.side != b.side) {
		err = errDamage
	}
	var t marks
	if err == nil {
		t, err = parseMarks(p, b.base)
	}
	if err != nil || t.index != start || int64(len(t.marks)) != x.n {
		return flow.Mark{}, fmt.Errorf("message %d, at %v: %w", i, x.at, ErrDamaged)
	}
	m.have = t
	return t.marks[i-start], nil
}

// Close lets go of the file.
func (m *Marks) Close() error { return m.body.Close() }
