package store

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"midstream/flow"
)

const (
	// batchLinger is how long the writer lets a batch grow once something is
	// queued: one wake-up and one write for many small flows.
	batchLinger = 10 * time.Millisecond
	// bulkLinger is how long a block of a download that is not full may wait.
	bulkLinger = 40 * time.Millisecond
	// batchSize is when a buffer is written without waiting for the rest.
	batchSize = 1 << 20
	// bodyBuffer holds batchSize, the record that passed it, and padding.
	bodyBuffer = batchSize + 64<<10
	// directFrom is how much a bulk block must hold to be written as it is,
	// aligned; less is copied behind the small ones.
	directFrom = 64 << 10
	// alignFrom is how much small blocks must come to for that: to wait for the
	// disk with less costs more than the page cache does, and what comes meanwhile
	// takes memory.
	alignFrom = batchSize / 2
	// trimEvery is how long a block may be free before it goes.
	trimEvery = time.Second
	// maxTogether is how many bulk blocks are written in one call.
	maxTogether = 8
)

// writer brings what is queued to the segments. It is one goroutine.
type writer struct {
	s      *Store
	heads  appender
	bodies appender

	records []*Record // the batch
	spare   []*Record
	small   []job
	bulk    []job
	jobs    []job  // of one call
	body    []byte // records on their way to bodies
	head    []byte // records on their way to heads
	scratch []byte
	conns   connTable
	rows    []row
	vector  [][]byte
	sums    joiner
	places  []Pos
	later   bool         // some block waits for company
	begun   [2]time.Time // when the segments of each stream were begun, where they have a bound of age

	flow     flow.Flow // the picture that is being written
	headEnds int       // ends in head
	held     []*Record // have ended while the disk failed
	heldSize int
}

// job is one block of the batch, or a drop.
type job struct {
	rec  *Record
	side flow.Side
	b    *block
	rest *markTable // the marks of a body that has ended
}

// run serves the queue until the store is closed.
func (w *writer) run() {
	q := &w.s.q
	linger := time.NewTimer(time.Hour)
	linger.Stop()
	index := time.NewTimer(time.Hour)
	index.Stop()
	trim := time.NewTimer(time.Hour)
	trim.Stop()
	var age <-chan time.Time
	if w.s.cfg.MaxAge > 0 {
		ticker := time.NewTicker(w.s.ageEvery())
		defer ticker.Stop()
		age = ticker.C
		w.expire(time.Now())
	}
	var armed, trimming bool
	for {
		select {
		case <-q.wake:
			linger.Reset(batchLinger)
			select {
			case <-q.urgent:
			case <-linger.C:
			case <-w.s.closing:
			}
			linger.Stop()
		case <-q.urgent:
		case <-index.C:
			armed = false
		case <-trim.C:
			trimming = q.trim()
			if trimming {
				trim.Reset(trimEvery)
			}
			continue
		case now := <-age:
			w.batch()
			w.expire(now)
		case o := <-w.s.order:
			w.batch()
			o.done <- o.do(w)
		case <-w.s.closing:
			w.tryAgain()
			w.batch()
			w.giveUp()
			w.index()
			return
		}
		w.tryAgain()
		w.batch()
		if w.s.indexDue() {
			w.index()
		}
		if !armed && (len(w.rows) > 0 || w.s.hasYoung() || w.s.refuses() != "") {
			index.Reset(indexEvery)
			armed = true
		}
		if !trimming {
			trim.Reset(trimEvery)
			trimming = true
		}
	}
}

// batch writes all that is queued: bodies first, then heads.
func (w *writer) batch() {
	var flushers []chan struct{}
	w.records, flushers = w.s.q.take(w.spare)
	w.spare = nil
	w.later = false
	now := time.Now()
	all := len(flushers) > 0 || w.s.isClosing()
	for _, r := range w.records {
		r.look(!all && now.Sub(r.base) < batchLinger)
		w.collect(r, now, all)
	}
	w.writeBodies()
	w.writeHeads()
	for _, f := range flushers {
		close(f)
	}
	clear(w.records)
	w.spare, w.records = w.records[:0], nil
	w.s.bound(w)
	if w.later {
		nudge(w.s.q.wake)
	}
}

// collect takes the blocks of r into the batch.
func (w *writer) collect(r *Record, now time.Time, all bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queued = false
	r.ending = r.ended // from here on no piece comes
	if r.subject != nil {
		w.again(r)
	}
	if r.bodiesAt == 0 {
		r.bodiesAt = w.bodies.pos()
	}
	age := now.Sub(r.base).Microseconds()
	for i := range r.side {
		st := &r.side[i]
		to := &w.small
		for _, b := range st.full {
			if b.class == bulkClass {
				to = &w.bulk
			}
		}
		cur := st.cur
		if cur != nil && cur.class == bulkClass {
			if !all && !r.ended && age-cur.first < bulkLinger.Microseconds() {
				cur = nil
				w.again(r)
			} else {
				to = &w.bulk
			}
		}
		if st.drop {
			st.drop = false
			if r.unwelcome {
				continue // all of it is erased
			}
			w.small = append(w.small, job{rec: r, side: flow.Side(i)})
		}
		for _, b := range st.full {
			if b.marks > 0 {
				w.small = append(w.small, job{rec: r, side: flow.Side(i), b: b})
				continue
			}
			*to = append(*to, job{rec: r, side: flow.Side(i), b: b})
		}
		clear(st.full)
		st.full = st.full[:0]
		if cur != nil {
			*to = append(*to, job{rec: r, side: flow.Side(i), b: cur})
			st.cur = nil
		}
		if r.ended && st.marks != nil && st.marks.count > 0 {
			w.small = append(w.small, job{rec: r, side: flow.Side(i), rest: st.marks})
		}
		if cur != nil && st.class > 0 && !cur.full {
			st.class-- // it has slowed down
		}
	}
}

// again leaves something of r to the next batch. r.mu is held.
func (w *writer) again(r *Record) {
	w.later = true
	if r.enqueue() {
		w.s.q.put(r)
	}
}

// writeBodies writes the batch's blocks: the small ones in one buffer, then the
// bulk ones as they are.
func (w *writer) writeBodies() {
	w.alignBody()
	for _, j := range w.small {
		if j.rest != nil {
			w.writeMarks(j, j.rest.payload(), int64(j.rest.count))
			continue
		}
		if j.b == nil {
			w.body = appendRecord(w.body, kindDrop, sideOf(j.side), j.rec.number, nil)
			j.rec.out[j.side], j.rec.marks[j.side] = extentList{}, extentList{}
			continue
		}
		w.copyBlock(j)
	}
	w.flushBody()
	for rest := w.bulk; len(rest) > 0; {
		n := 0
		for n < len(rest) && n < maxTogether && rest[n].b.end-rest[n].b.start() >= directFrom {
			n++
		}
		if n == 0 {
			w.copyBlock(rest[0])
			rest = rest[1:]
			continue
		}
		w.writeBlocks(rest[:n])
		rest = rest[n:]
	}
	w.flushBody()
	clear(w.small)
	clear(w.bulk)
	w.small, w.bulk = w.small[:0], w.bulk[:0]
}

// alignBody begins the buffer where it can be written past the page cache, when
// there is enough for it to be worth the padding.
func (w *writer) alignBody() {
	if len(w.body) > 0 || w.bodies.direct == nil {
		return
	}
	octets := 0
	for _, j := range w.small {
		if j.b != nil {
			octets += len(j.b.data())
		}
	}
	if octets < alignFrom {
		return
	}
	if cap(w.body) < bodyBuffer || !isAligned(w.body) {
		w.body = alignedBytes(bodyBuffer)[:0]
	}
	w.bodies.at = w.bodies.alignedPos()
}

// bodyPos is where the next record of w.body will stand.
func (w *writer) bodyPos() Pos { return posOf(w.bodies.number, w.bodies.at+int64(len(w.body))) }

// copyBlock puts a block's record into the buffer and gives the block back.
func (w *writer) copyBlock(j job) {
	b := j.b
	switch {
	case b.marks > 0:
		w.writeMarks(j, b.data(), int64(b.marks))
	case w.takes(j):
		at := w.bodyPos()
		w.scratch = appendPiecePrefix(w.scratch[:0], b.count, b.goesOn, b.offset, b.first)
		w.scratch = append(w.scratch, b.table...)
		data := b.data()
		var crc uint32
		w.body, crc = appendHeader(w.body, kindPiece, sideOf(j.side), j.rec.number, len(w.scratch)+len(data))
		w.body = append(w.body, w.scratch...)
		w.body = append(w.body, data...)
		crc = crc32.Update(crc, castagnoli, w.scratch)
		w.body = binary.LittleEndian.AppendUint32(w.body, crc32.Update(crc, castagnoli, data))
		w.placed(j, at, int64(len(data)))
	}
	w.s.q.release(j.rec, b)
	if len(w.body) >= batchSize {
		w.flushBody()
	}
}

// writeBlocks completes the records around the octets of bulk blocks and writes
// the blocks themselves, in one call: the octets are not copied again.
func (w *writer) writeBlocks(jobs []job) {
	whole := jobs
	w.jobs = w.jobs[:0]
	for _, j := range jobs {
		if w.takes(j) {
			w.jobs = append(w.jobs, j)
		}
	}
	jobs = w.jobs
	w.flushBody()
	if w.s.failed() == nil && len(jobs) > 0 {
		at := w.bodies.alignedPos()
		w.vector, w.places = w.vector[:0], w.places[:0]
		for _, j := range jobs {
			p, lead := w.seal(j)
			w.places = append(w.places, posOf(w.bodies.number, at+int64(lead)))
			w.vector = append(w.vector, p)
			at += int64(len(p))
		}
		if err := w.bodies.writeAligned(w.vector); err != nil {
			w.s.fail(err)
		} else {
			for i, j := range jobs {
				w.placed(j, w.places[i], int64(len(j.b.data())))
			}
		}
		clear(w.vector)
	}
	if w.s.failed() != nil {
		for _, j := range jobs {
			w.lost(j)
		}
	}
	clear(w.jobs)
	for _, j := range whole {
		w.s.q.release(j.rec, j.b)
	}
}

// seal puts header, table, and CRC around the octets of a bulk block. It
// returns what is to be written and where in it the record begins.
func (w *writer) seal(j job) (p []byte, lead int) {
	b := j.b
	w.scratch = appendPiecePrefix(w.scratch[:0], b.count, b.goesOn, b.offset, b.first)
	w.scratch = append(w.scratch, b.table...)
	prefix := len(w.scratch)
	var crc uint32
	w.scratch, crc = appendHeader(w.scratch, kindPiece, sideOf(j.side), j.rec.number, prefix+len(b.data()))
	header := len(w.scratch) - prefix
	lead = b.start() - prefix - header
	clear(b.buf[:lead])
	copy(b.buf[lead:], w.scratch[prefix:])
	copy(b.buf[lead+header:], w.scratch[:prefix])
	crc = w.sums.join(crc32.Update(crc, castagnoli, b.buf[lead+header:b.start()]), b.sum, len(b.data()))
	binary.LittleEndian.PutUint32(b.buf[b.end:], crc)
	end := b.end + crcSize
	padded := (end + alignment - 1) &^ (alignment - 1)
	clear(b.buf[end:padded])
	return b.buf[:padded], lead
}

// placed notes where n octets of a body are now.
func (w *writer) placed(j job, at Pos, n int64) {
	l := &j.rec.out[j.side]
	j.rec.mu.Lock()
	if l.items == nil {
		l.items = j.rec.first[j.side : j.side : j.side+1]
	}
	if len(l.items) == maxExtents {
		w.mapAll(j.rec.number, sideOf(j.side), kindMap, l, 0)
	}
	l.items = append(l.items, extent{at, n})
	j.rec.side[j.side].written += n
	j.rec.mu.Unlock()
}

// mapAll moves the first extents of l into map records until at most last are
// left in it.
func (w *writer) mapAll(number uint64, side Side, kind Kind, l *extentList, last int) {
	items := l.items
	for len(items) > last {
		part := extentList{prev: l.prev, start: l.start, items: items[:min(len(items), maxExtents)]}
		w.scratch = part.append(w.scratch[:0])
		l.prev, l.start = w.bodyPos(), part.end()
		w.body = appendRecord(w.body, kind, side, number, w.scratch)
		items = items[len(part.items):]
	}
	l.items = append(l.items[:0], items...)
}

// rollBodies begins the next segment when this one is full.
func (w *writer) rollBodies() {
	if w.bodies.at+int64(len(w.body)) < w.bodies.roll {
		return
	}
	w.flushBody()
	if w.s.failed() == nil {
		w.roll(&w.bodies)
	}
}

// roll seals a segment and begins the next one.
func (w *writer) roll(a *appender) bool {
	number, size := a.number, a.at
	if err := a.next(); err != nil {
		w.s.fail(err)
		return false
	}
	w.s.sealed(a.stream, number, size)
	return true
}

// flushBody writes what is meant for bodies. What the disk does not take stays,
// see outage.
func (w *writer) flushBody() {
	if len(w.body) == 0 || w.s.failed() != nil {
		return
	}
	err := w.writeBody()
	if err != nil {
		w.s.fail(err)
		return
	}
	w.body = keepSmall(w.body)
}

// writeBody writes the buffer past the page cache where it is aligned and large
// enough.
func (w *writer) writeBody() error {
	n := len(w.body)
	padded := (n + alignment - 1) &^ (alignment - 1)
	if n < alignFrom || w.bodies.direct == nil || w.bodies.at != w.bodies.alignedPos() || padded > cap(w.body) || !isAligned(w.body) {
		return w.bodies.write(w.body)
	}
	clear(w.body[n:padded])
	w.body = w.body[:padded]
	w.vector = append(w.vector[:0], w.body)
	return w.bodies.writeAligned(w.vector)
}

// keepSmall empties a buffer and lets go of one that has grown out of bounds.
func keepSmall(p []byte) []byte {
	if cap(p) > 4*batchSize {
		return nil
	}
	return p[:0]
}
