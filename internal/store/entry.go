package store

import (
	"fmt"
	"io"
	"sync"
	"time"

	"midstream/flow"
)

// Record is the record of one flow while it lives.
type Record struct {
	s      *Store
	number uint64
	base   time.Time // arrival times count from here

	mu      sync.Mutex // guards what follows, up to the writer's part
	queued  bool       // is in the queue's list
	picture *flow.Flow // the newest
	subject Subject    // is asked for the next; nil when nothing has changed
	fresh   bool       // picture has not been written
	size    int        // what it counts for in the queue
	interim []flow.Response
	ended   bool
	lost    bool // the newest picture had no room
	// unwelcome tells that the session's filter keeps it out: it has ended, and
	// leaves nothing.
	unwelcome bool
	side      [2]sideState
	inQueue   int // octets in blocks; guarded by the queue's mu
	// promised is how many of them no block was made for, and since when.
	promised   int
	promisedAt time.Time
	next       *Record
	previous   *Record // the list of open records, guarded by the store's mu

	// The writer's part: no other goroutine touches it.
	heads    []Pos // where its pictures stand, where the session has a filter
	headAt   Pos   // where its first picture stands, 0 before
	newestAt Pos   // where its newest picture stands
	bodiesAt Pos
	indexed  bool          // has a row
	ending   bool          // all its pieces are in the batch, or written
	out      [2]extentList // where its bodies are
	marks    [2]extentList // where the marks of their messages are
	first    [2]extent     // room for the first of each
}

// sideState is one body on its way to the disk.
type sideState struct {
	cur     *block
	full    []*block
	class   uint8 // of the next block
	n       int64 // octets taken
	written int64 // octets on disk
	cut     string
	drop    bool // a drop is to be written
	dropped bool
	broken  bool       // octets were lost on the way to the disk: no later ones are written
	marks   *markTable // nil before the first
}

// Number is the flow's number in the session, from 1.
func (r *Record) Number() uint64 { return r.number }

// Head notes that the head of a side is what f says. f must not change any more.
func (r *Record) Head(f *flow.Flow, _ flow.Side) {
	if f == nil {
		return
	}
	if r.unwanted(f) {
		r.leaveOut()
		return
	}
	size, ok := r.room(f)
	r.mu.Lock()
	r.size += size
	var put bool
	if !r.ended {
		r.picture = f
		r.fresh, r.lost = ok, !ok
		put = ok && r.enqueue()
	} else if size > 0 {
		r.size -= size
		r.s.q.releasePicture(size)
	}
	r.mu.Unlock()
	if put {
		r.s.q.put(r)
	}
}

// Subject is what is asked for the picture of a flow, from the writer's goroutine:
// it must not wait. f is nil when the flow is over and its End will come; ok is
// false when it is to be asked again a little later.
type Subject = interface {
	Picture() (f *flow.Flow, ok bool)
}

// Ask notes that a head of a flow has come or changed, as Head does, and leaves
// it to the writer to ask for the picture: none is made for a flow that ends
// before. It returns false where pictures are to be handed to Head.
func (r *Record) Ask(by Subject) bool {
	if r.s.cfg.Filter != nil {
		return false // it is asked about each picture, and by who has the flow
	}
	r.mu.Lock()
	var put bool
	if !r.ended {
		r.subject = by
		put = r.enqueue()
	}
	r.mu.Unlock()
	if put {
		r.s.q.put(r)
	}
	return true
}

// look asks for the picture of a flow that has changed. A flow that has just
// begun is asked a little later, unless it is urgent: most have ended by then.
func (r *Record) look(young bool) {
	r.mu.Lock()
	by := r.subject
	if by == nil || young {
		r.mu.Unlock()
		return
	}
	r.subject = nil
	r.mu.Unlock()
	f, ok := by.Picture()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ended:
	case !ok:
		r.subject = by
	case f != nil:
		r.picture, r.fresh, r.lost = f, true, false
	}
}

// End closes the record; f is the last picture. What comes after it is ignored.
func (r *Record) End(f *flow.Flow) {
	if f == nil {
		return
	}
	if r.unwanted(f) {
		r.leaveOut()
		return
	}
	size, ok := r.room(f)
	r.mu.Lock()
	r.size += size
	var put bool
	if !r.ended {
		// Picture and end come to the writer together: a last picture without
		// an end never reaches the disk.
		r.picture, r.subject, r.ended = f, nil, true
		r.fresh, r.lost = ok, !ok
		put = r.enqueue()
	}
	r.mu.Unlock()
	if put {
		r.s.q.put(r)
	}
}

// room waits for room for a picture; the one that waits already hands its room
// on, but for the bodies that only the last one has. ok is false when there is none.
func (r *Record) room(f *flow.Flow) (size int, ok bool) {
	r.mu.Lock()
	has, ended := r.size > 0, r.ended
	r.mu.Unlock()
	size = f.Before.Kept()
	if !has {
		size += pictureSize(f)
	}
	if ended || size == 0 {
		return 0, true
	}
	if _, ok := r.s.q.acquire(waiter{rec: r, size: size}); !ok {
		return 0, false
	}
	return size, true
}

// pictureSize estimates what a picture holds in memory.
func pictureSize(f *flow.Flow) int {
	n := 1024
	count := func(fs flow.Fields) {
		for i := range fs {
			n += 64 + len(fs[i].Name) + 2*len(fs[i].Value)
		}
	}
	if f.Request != nil {
		n += len(f.Request.Path)
		count(f.Request.Fields)
	}
	if f.Response != nil {
		count(f.Response.Fields)
	}
	return n
}

// enqueue tells whether the caller must put r into the queue. It holds mu.
func (r *Record) enqueue() bool {
	if r.queued {
		return false
	}
	r.queued = true
	return true
}

// maxInterim bounds how many interim responses of a flow are kept.
const maxInterim = 32

// Interim notes an interim response.
func (r *Record) Interim(head *flow.Response) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if head != nil && len(r.interim) < maxInterim {
		r.interim = append(r.interim, *head)
	}
}

// Piece keeps a piece of the body of side that has been sent. p is copied. It
// waits while the queue is full, at most record_stall; then the record of this
// body is cut.
func (r *Record) Piece(side flow.Side, p []byte) { r.piece(side, p, time.Since(r.base)) }

// PieceAt is Piece for a piece that was sent at another time than now: not before
// the time that the record begins at, nor before the piece before it.
func (r *Record) PieceAt(side flow.Side, p []byte, at time.Time) { r.piece(side, p, at.Sub(r.base)) }

func (r *Record) piece(side flow.Side, p []byte, since time.Duration) {
	if r.s.cfg.Record != All || len(p) == 0 {
		return
	}
	micros := max(0, since.Microseconds())
	size := len(p)
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &r.side[side&1]
	for len(p) > 0 {
		if st.cut != "" || st.dropped || r.ended {
			return
		}
		if reason := r.s.refuses(); reason != "" {
			st.cut = reason
			return
		}
		if st.cur == nil {
			w := r.place(st, len(p))
			w.small = size < smallPiece
			r.mu.Unlock()
			b := r.s.q.block(w)
			r.mu.Lock()
			if b == nil {
				st.cut = r.s.stallReason()
				return
			}
			if st.cut != "" || st.dropped || r.ended {
				r.s.q.release(r, b)
				return
			}
			st.cur = b
		}
		n := st.cur.add(p, st.n, micros)
		p = p[n:]
		st.n += int64(n)
		if st.cur.full {
			st.full = append(st.full, st.cur)
			st.class = max(st.class, min(st.cur.class+1, chunkClass))
			if len(st.full) > bulkAfter {
				st.class = bulkClass
			}
			if st.cur.class == bulkClass && len(st.full) >= maxTogether {
				nudge(r.s.q.urgent) // what one call writes is there; the rest of the queue fills meanwhile
			}
			st.cur = nil
		}
		if r.enqueue() {
			r.s.q.put(r)
		}
	}
}

// Full tells whether a Piece of side, of about n octets, would have to wait now. Where
// it says no, one that comes soon does not.
func (r *Record) Full(side flow.Side, n int) bool {
	if r.s.cfg.Record != All {
		return false
	}
	r.mu.Lock()
	st := &r.side[side&1]
	sure := st.cur != nil && st.cur.limit()-st.cur.end >= n || st.cut != "" || st.dropped || r.ended
	w := r.place(st, n)
	r.mu.Unlock()
	return !sure && r.s.q.crowded(w)
}

// AwaitRoom waits like Piece, so that its caller need not hold a piece
// meanwhile. A Piece that comes soon need not wait then.
func (r *Record) AwaitRoom(side flow.Side, n int) {
	r.mu.Lock()
	w := r.place(&r.side[side&1], n)
	r.mu.Unlock()
	if class, ok := r.s.q.acquire(w); ok {
		r.s.q.keep(r, class)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if st := &r.side[side&1]; st.cut == "" && !st.dropped && !r.ended {
		st.cut = r.s.stallReason()
	}
}

// place is the room that a piece of n octets needs. mu is held.
func (r *Record) place(st *sideState, n int) waiter {
	return waiter{rec: r, class: max(st.class, min(classFor(n), chunkClass)), small: n < smallPiece}
}

// bulkAfter is how many full blocks of a body may wait for one batch until its
// next ones are large: a thousand slow downloads have none.
const bulkAfter = 3

// Drop forgets what was recorded of side, and what comes later.
func (r *Record) Drop(side flow.Side) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &r.side[side&1]
	if st.dropped || r.ended {
		return
	}
	for _, b := range st.full {
		r.s.q.release(r, b)
	}
	if st.cur != nil {
		r.s.q.release(r, st.cur)
	}
	*st = sideState{dropped: true, drop: st.n > 0}
	if st.drop && r.enqueue() {
		r.s.q.put(r)
	}
}

// State tells what is kept of side so far: nothing, some of a body that goes
// on, all of it once End was called, or the first octets and why it was cut.
func (r *Record) State(side flow.Side) (flow.Record, int64, string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	st := &r.side[side&1]
	switch {
	case st.dropped || st.n == 0 && st.cut == "":
		return flow.Unrecorded, 0, ""
	case st.cut != "":
		return flow.Cut, st.n, st.cut
	case r.ended:
		return flow.Complete, st.n, ""
	}
	return flow.Recording, st.n, ""
}

// Open reads what has been kept of side, from its start. The caller must close
// it.
func (r *Record) Open(side flow.Side) (io.ReadCloser, error) {
	r.s.q.flush()
	// The writer has let go of everything that was queued before; extents are
	// its own, so it hands out a copy.
	list := r.s.extents(r, side&1)
	b, err := openExtents(r.s.dir, r.number, sideOf(side), list, r.base.UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("open the recorded body of flow %d: %w", r.number, err)
	}
	return &sectionReader{Reader: io.NewSectionReader(b, 0, b.Size()), Closer: b}, nil
}

type sectionReader struct {
	io.Reader
	io.Closer
}

// settled makes c of the newest picture and what is known of its record. The
// caller holds mu.
func (r *Record) settled(c *flow.Flow) {
	*c = *r.picture
	c.Number = r.number
	if len(c.Interim) == 0 {
		c.Interim = r.interim
	}
	for i := range r.side {
		st, b := &r.side[i], &c.RequestBody
		if i == 1 {
			b = &c.ResponseBody
		}
		if !r.ended && st.marks != nil {
			b.Messages = max(b.Messages, st.marks.next)
		}
		switch {
		case st.dropped:
			b.Record, b.Recorded = flow.Unrecorded, 0
		case st.cut != "":
			b.Record, b.Recorded, b.CutReason = flow.Cut, st.written, st.cut
		case st.n > 0 && !r.ended:
			b.Record, b.Recorded = flow.Recording, st.written
		case st.n > 0 && st.n >= b.Sent:
			b.Record, b.Recorded = flow.Complete, st.n
		case st.n > 0:
			b.Record, b.Recorded = flow.Cut, st.n
			if b.CutReason == "" {
				b.CutReason = "not all that was sent was handed to the recorder"
			}
		case r.ended && b.Sent == 0 && (b.Disposition == flow.Tee || b.Disposition == flow.Hold):
			b.Record, b.Recorded = flow.Complete, 0
		default:
			b.Record, b.Recorded = flow.Unrecorded, 0
		}
	}
}
