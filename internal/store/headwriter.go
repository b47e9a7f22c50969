package store

import (
	"time"

	"midstream/flow"
)

// writeHeads writes the pictures of the batch.
func (w *writer) writeHeads() {
	if w.heads.due() && w.s.failed() == nil {
		w.s.sealed(headsStream, w.heads.number, w.heads.at)
		w.conns.clear()
		if err := w.heads.next(); err != nil {
			w.s.fail(err)
		}
	}
	for _, r := range w.records {
		w.writeHead(r)
		if len(w.head) >= batchSize {
			w.flushHead()
		}
	}
	w.flushHead()
}

func (w *writer) flushHead() {
	if len(w.head) > 0 && w.s.failed() == nil {
		if err := w.heads.write(w.head); err != nil {
			w.s.fail(err)
		}
	}
	w.head = keepSmall(w.head)
}

// headPos is where the next record of w.head will stand.
func (w *writer) headPos() Pos { return posOf(w.heads.number, w.heads.at+int64(len(w.head))) }

// writeHead writes the newest picture of r where it has not been written: one
// record for a flow that ended within a batch.
func (w *writer) writeHead(r *Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
	if r.ending && r.lost || w.s.failed() != nil {
		if r.ending {
			w.s.lose()
		}
		return
	}
	f := r.settled(r.picture)
	client, server := w.connRef(f.Client), w.connRef(f.Server)
	p := appendFlow(w.scratch[:0], f, client, server)
	p = appendTime(p, tagBase, r.base)
	p = appendUint(p, tagBodiesAt, uint64(r.bodiesAt))
	kind := kindHead
	if r.ending {
		kind = kindEnd
		for i := range r.out {
			p = appendExtents(p, Side(i), &r.out[i].list)
		}
	}
	at := w.headPos()
	w.head = appendRecord(w.head, kind, 0, r.number, p)
	w.scratch = keepSmall(p)
	r.newestAt = at
	if r.headAt == 0 {
		r.headAt = at
	}
	if r.ending || r.indexed {
		w.rows = append(w.rows, rowOf(f, at, r.bodiesAt))
		if r.ending {
			r.picture = nil
		}
	}
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
			w.rows = append(w.rows, rowOf(r.settled(r.picture), r.newestAt, r.bodiesAt))
		}
	})
	return mark
}
