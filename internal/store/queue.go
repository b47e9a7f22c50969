package store

import (
	"slices"
	"sync"
	"time"
)

// The bounds of what waits for the disk, in octets.
const (
	bodyQueue    = 12 << 20 // of all bodies; in a small session less, see init
	leastQueue   = 2 << 20  // of them in the smallest
	flowQueue    = 6 << 20  // of one flow's bodies: the same share in a small session
	smallReserve = 2 << 20  // of bodyQueue, for pieces under smallPiece
	pictureQueue = 16 << 20 // of heads and ends
)

// How many free blocks of each class are kept while they are used, and for ever.
var (
	freeBlocks = [classes]int{1024, 256, 128, 16}
	idleBlocks = [classes]int{64, 32, 8, 2}
)

// smallPiece is the size under which a piece may use the reserve: a bulk
// download never delays an event stream.
const smallPiece = 4 << 10

// queue is the account of what waits for the disk, and the list of records
// that have something waiting. The policy when it is full: the caller waits,
// at most stall long; then the record is cut (a body) or counted as lost (a
// head or an end).
type queue struct {
	stall time.Duration // < 0: for ever
	most  int           // octets of all bodies

	mu       sync.Mutex // guards all below
	bodies   int        // octets in blocks that are not free
	pictures int        // octets in pictures that are not written
	free     [classes][]*block
	large    largePages
	unused   [classes]int // the least of free since the last trim
	waiters  []*waiter
	dirty    []*Record
	promised []*Record // have room that no block was made for
	flushers []chan struct{}
	stopped  bool

	wake   chan struct{} // something is queued
	urgent chan struct{} // do not linger
}

// waiter is somebody who waits for room.
type waiter struct {
	rec   *Record
	class uint8
	small bool
	size  int // of a picture; 0 for a block
	ready chan struct{}
	has   bool // room was taken for it; guarded by the queue's mu
}

func (q *queue) init(stall time.Duration, maxSize int64) {
	q.stall, q.most = stall, bodyQueue
	if maxSize > 0 {
		// What waits must not be what pushes out the first part of a body that fills the
		// session, nor fill a session that marked flows have filled.
		q.most = int(max(leastQueue, min(bodyQueue, maxSize/4)))
	}
	q.wake, q.urgent = make(chan struct{}, 1), make(chan struct{}, 1)
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// fits tells whether w can be served now. The caller holds mu.
func (q *queue) fits(w *waiter) bool {
	if w.size > 0 {
		return q.pictures == 0 || q.pictures+w.size <= pictureQueue
	}
	size, limit := classSize[w.class], q.most
	if !w.small {
		limit -= q.most / (bodyQueue / smallReserve)
	}
	return q.bodies+size <= limit && w.rec.inQueue+size <= q.most/(bodyQueue/flowQueue)
}

// block gives w.rec a block, or nil when it waited for stall or the store was
// stopped.
func (q *queue) block(w waiter) *block {
	class, ok := q.acquire(w)
	if !ok {
		return nil
	}
	w.class = class
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.class == bulkClass {
		if b := q.large.take(); b != nil {
			return b
		}
	}
	free := q.free[w.class]
	if len(free) == 0 {
		return newBlock(w.class)
	}
	b := free[len(free)-1]
	free[len(free)-1] = nil
	q.free[w.class] = free[:len(free)-1]
	q.unused[w.class] = min(q.unused[w.class], len(free)-1)
	return b
}

// reserve takes room where there is some. The caller holds mu.
func (q *queue) reserve(w *waiter) bool {
	ok := q.fits(w)
	if !ok && w.small && w.class > smallClass {
		w.class = smallClass
		ok = q.fits(w)
	}
	switch {
	case !ok:
	case w.size > 0:
		q.pictures += w.size
	default:
		q.bodies += classSize[w.class]
		w.rec.inQueue += classSize[w.class]
	}
	return ok
}

// acquire takes room, what was promised first, and waits for it where there is none.
// It returns of which class the block may be.
func (q *queue) acquire(w waiter) (class uint8, ok bool) {
	q.mu.Lock()
	if w.size == 0 {
		q.forgo(w.rec)
	}
	ok = !q.stopped && q.reserve(&w)
	q.mu.Unlock()
	if ok {
		return w.class, true
	}
	return q.wait(w)
}

// wait waits for room and takes it.
func (q *queue) wait(w waiter) (class uint8, ok bool) {
	q.mu.Lock()
	if q.stopped {
		q.mu.Unlock()
		return 0, false
	}
	if q.reserve(&w) {
		q.mu.Unlock()
		return w.class, true
	}
	w.ready = make(chan struct{})
	q.waiters = append(q.waiters, &w)
	q.mu.Unlock()
	nudge(q.urgent)
	var deadline <-chan time.Time
	if q.stall >= 0 {
		t := time.NewTimer(q.stall)
		defer t.Stop()
		deadline = t.C
	}
	select {
	case <-w.ready:
	case <-deadline:
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if !w.has {
		if i := slices.Index(q.waiters, &w); i >= 0 {
			q.waiters = slices.Delete(q.waiters, i, i+1)
		}
	}
	return w.class, w.has
}

// crowded tells whether a block for w would have to be waited for. As long as many
// ask, room is kept for those that are told no.
func (q *queue) crowded(w waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.stopped || w.rec.promised > 0:
		return false
	case len(q.waiters) > 0 && !w.small:
		return true
	case q.bodies <= q.most/2:
		return !q.fits(&w)
	case !q.reserve(&w):
		return true
	}
	q.promise(w.rec, w.class)
	return false
}

// keep makes a promise of room that was acquired.
func (q *queue) keep(r *Record, class uint8) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.promise(r, class)
}

// promiseTime is how long room is kept: what is to be recorded may be long in coming.
const promiseTime = 100 * time.Millisecond

// promise keeps room for a block of r until it is asked for. The caller holds mu.
func (q *queue) promise(r *Record, class uint8) {
	r.promised, r.promisedAt = classSize[class], time.Now()
	q.promised = append(q.promised, r)
	nudge(q.wake)
}

// forgo gives back the room that was kept for r. The caller holds mu.
func (q *queue) forgo(r *Record) {
	q.bodies -= r.promised
	r.inQueue -= r.promised
	r.promised = 0
}

// expire gives back the room that was kept for too long. The caller holds mu.
func (q *queue) expire() {
	if len(q.promised) == 0 {
		return
	}
	kept, since := q.promised[:0], time.Now().Add(-promiseTime)
	for _, r := range q.promised {
		switch {
		case r.promised == 0:
		case r.promisedAt.Before(since):
			q.forgo(r)
		default:
			kept = append(kept, r)
		}
	}
	clear(q.promised[len(kept):])
	q.promised = kept
	if len(kept) > 0 {
		nudge(q.wake)
	}
	q.serve()
}

// release gives a block of r back.
func (q *queue) release(r *Record, b *block) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bodies -= b.size()
	r.inQueue -= b.size()
	switch {
	case b.page != nil:
		b.reset()
		b.page.give(b)
	case len(q.free[b.class]) < freeBlocks[b.class]:
		b.reset()
		q.free[b.class] = append(q.free[b.class], b)
	}
	q.serve()
}

// trim lets go of the free blocks that nobody has asked for since the last
// trim, and tells whether there may be more to let go of.
func (q *queue) trim() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	more := q.large.trim()
	for class, free := range q.free {
		n := min(q.unused[class], len(free)-idleBlocks[class])
		if n > 0 {
			clear(free[len(free)-n:])
			free = free[:len(free)-n]
		}
		q.free[class], q.unused[class] = free, len(free)
		more = more || len(free) > idleBlocks[class]
	}
	return more
}

func (q *queue) releasePicture(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pictures -= size
	q.serve()
}

// serve gives room to those that fit now, the first first. The caller holds mu.
func (q *queue) serve() {
	if len(q.waiters) == 0 {
		return
	}
	kept := q.waiters[:0]
	for _, w := range q.waiters {
		if !q.stopped {
			w.has = q.reserve(w)
		}
		if q.stopped || w.has {
			close(w.ready)
			continue
		}
		kept = append(kept, w)
	}
	clear(q.waiters[len(kept):])
	q.waiters = kept
}

// put notes that r has something for the writer.
func (q *queue) put(r *Record) {
	q.mu.Lock()
	q.dirty = append(q.dirty, r)
	first := len(q.dirty) == 1
	q.mu.Unlock()
	if first {
		nudge(q.wake)
	}
}

// take returns the records that have something, and who waits for them to be
// on disk. spare is used for the next list.
func (q *queue) take(spare []*Record) ([]*Record, []chan struct{}) {
	q.mu.Lock()
	defer q.mu.Unlock()
	d, f := q.dirty, q.flushers
	q.dirty, q.flushers = spare[:0], nil
	q.expire()
	return d, f
}

// flush returns when everything that was queued before has been handed to the
// operating system, or the store was stopped.
func (q *queue) flush() {
	done := make(chan struct{})
	q.mu.Lock()
	if q.stopped {
		q.mu.Unlock()
		return
	}
	q.flushers = append(q.flushers, done)
	q.mu.Unlock()
	nudge(q.urgent)
	<-done
}

// stop makes every wait end.
func (q *queue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	q.serve()
}
