package store

import (
	"time"

	"midstream/flow"
)

// writeHeads writes the pictures of the batch.
func (w *writer) writeHeads() {
	w.rollHeads()
	for _, r := range w.records {
		w.writeHead(r)
		w.keepGoing()
	}
	w.flushHead()
}

// keepGoing writes the buffer when it is full, and begins a new segment where
// it is time.
func (w *writer) keepGoing() {
	if w.heads.at+int64(len(w.head)) >= w.heads.roll || len(w.head) >= batchSize {
		w.flushHead()
		w.rollHeads()
	}
}

// rollHeads begins the next segment of heads when this one is full. Connections
// are written again in each.
func (w *writer) rollHeads() {
	if w.s.failed() == nil && w.heads.due() && w.roll(&w.heads) {
		w.conns.clear()
	}
}

func (w *writer) flushHead() {
	if len(w.head) == 0 || w.s.failed() != nil {
		return
	}
	if err := w.heads.write(w.head); err != nil {
		w.s.fail(err)
		return
	}
	w.head, w.headEnds = keepSmall(w.head), 0
}

// headPos is where the next record of w.head will stand.
func (w *writer) headPos() Pos { return posOf(w.heads.number, w.heads.at+int64(len(w.head))) }

// writeHead writes the newest picture of r where it has not been written: one
// record for a flow that ended within a batch.
func (w *writer) writeHead(r *Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.unwelcome && r.ending {
		w.discard(r)
		return
	}
	if !r.fresh && !r.ending || r.ended != r.ending || r.picture == nil {
		return // an end that came after the batch was collected is in the next
	}
	size := r.size
	r.size, r.fresh = 0, false
	defer func() {
		if size > 0 {
			w.s.q.releasePicture(size)
		}
		if r.ending {
			w.s.forget(r)
		}
	}()
	switch {
	case r.ending && r.lost:
		w.s.lose(1)
	case w.s.failed() == nil:
		w.writePicture(r)
	case r.ending:
		w.hold([]*Record{r})
	}
}

// writeEnd writes the end of a flow that was held.
func (w *writer) writeEnd(r *Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.writePicture(r)
}

// writePicture writes the newest picture of r. The caller holds its mu.
func (w *writer) writePicture(r *Record) {
	kind, pic := kindHead, picture{flow: &w.flow, base: r.base.UnixMicro(), bodiesAt: r.bodiesAt}
	r.settled(&w.flow)
	if r.ending {
		kind = kindEnd
		copy(pic.extents[:], r.out[:])
		pic.marks = r.marks
	}
	r.newestAt = w.appendPicture(kind, &pic)
	if w.s.cfg.Filter != nil {
		r.heads = append(r.heads, r.newestAt)
	}
	if r.headAt == 0 {
		r.headAt = r.newestAt
	}
	if r.ending || r.indexed {
		w.rows = append(w.rows, rowOf(&w.flow, r.newestAt, r.bodiesAt))
	}
	w.flow = flow.Flow{}
	if r.ending {
		r.picture = nil
	}
}

// appendPicture puts a record into the buffer: the head of a flow, or its end
// with the lists of where its bodies are.
func (w *writer) appendPicture(kind Kind, pic *picture) Pos {
	f := pic.flow
	client, server := w.connRef(f.Client), w.connRef(f.Server)
	p := appendFlow(w.scratch[:0], f, client, server)
	p = appendInt(p, tagBase, pic.base)
	p = appendUint(p, tagBodiesAt, uint64(pic.bodiesAt))
	p = appendBool(p, tagAgain, pic.again)
	if kind == kindEnd {
		w.headEnds++
		for i := range pic.extents {
			p = appendExtents(p, tagExtents, Side(i), &pic.extents[i])
		}
		for i := range pic.marks {
			p = appendExtents(p, tagMarks, Side(i), &pic.marks[i])
		}
	}
	at := w.headPos()
	w.head = appendRecord(w.head, kind, 0, f.Number, p)
	w.scratch = keepSmall(p)
	return at
}

// connRef returns the position of c's record in this segment and writes it
// where there is none yet.
func (w *writer) connRef(c *flow.Conn) Pos {
	if c == nil {
		return 0
	}
	if at, ok := w.conns.find(c); ok {
		return at
	}
	at := w.headPos()
	w.scratch = appendConn(w.scratch[:0], c)
	w.head = appendRecord(w.head, kindConn, 0, 0, w.scratch)
	w.conns.add(c, at)
	return at
}

// connTable finds the record of a connection that was written already. It
// holds at most maxConns; then it starts again.
type connTable struct {
	known map[flow.ID]connEntry
}

type connEntry struct {
	conn flow.Conn
	at   Pos
}

const maxConns = 2048

func (t *connTable) clear() { clear(t.known) }

// find compares values: a connection that was written before its TLS handshake
// or its end is written again.
func (t *connTable) find(c *flow.Conn) (Pos, bool) {
	e, ok := t.known[c.ID]
	return e.at, ok && e.conn == *c
}

func (t *connTable) add(c *flow.Conn, at Pos) {
	if t.known == nil {
		t.known = make(map[flow.ID]connEntry)
	}
	if len(t.known) >= maxConns {
		clear(t.known)
	}
	t.known[c.ID] = connEntry{*c, at}
}

// young notes rows for the open flows that have lived past youngFor and have
// none, and returns the position up to which the index will be complete.
func (w *writer) young(now time.Time) Pos {
	mark := w.headPos()
	w.s.eachOpen(func(r *Record) {
		if r.headAt == 0 || r.indexed {
			return
		}
		if now.Sub(r.base) < youngFor {
			mark = min(mark, r.headAt)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.picture != nil {
			r.indexed = true
			r.settled(&w.flow)
			w.rows = append(w.rows, rowOf(&w.flow, r.newestAt, r.bodiesAt))
			w.flow = flow.Flow{}
		}
	})
	return mark
}
