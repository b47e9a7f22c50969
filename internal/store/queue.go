package store

import (
	"sync"
	"time"
)

// The bounds of what waits for the disk, in octets.
const (
	flowQueue    = 2 << 20  // of one flow's bodies
	bodyQueue    = 32 << 20 // of all bodies
	smallReserve = 4 << 20  // of bodyQueue, for pieces under smallPiece
	pictureQueue = 16 << 20 // of heads and ends
	poolKeeps    = 12       // free bulk blocks that are kept; four and 32 times as many of the smaller classes
)

var poolFactor = [classes]int{32, 4, 1}

// smallPiece is the size under which a piece may use the reserve: a bulk
// download never delays an event stream.
const smallPiece = 4 << 10

// queue is the account of what waits for the disk, and the list of records
// that have something waiting. The policy when it is full: the caller waits,
// at most stall long; then the record is cut (a body) or counted as lost (a
// head or an end).
type queue struct {
	stall time.Duration // < 0: for ever

	mu       sync.Mutex // guards all below
	bodies   int        // octets in blocks that are not free
	pictures int        // octets in pictures that are not written
	free     [classes][]*block
	waiters  []*waiter
	dirty    []*Record
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
}

func (q *queue) init(stall time.Duration) {
	q.stall = stall
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
	size, limit := classSize[w.class], bodyQueue
	if !w.small {
		limit -= smallReserve
	}
	return q.bodies+size <= limit && w.rec.inQueue+size <= flowQueue
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
	free := q.free[w.class]
	if len(free) == 0 {
		return newBlock(w.class)
	}
	b := free[len(free)-1]
	q.free[w.class] = free[:len(free)-1]
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

// acquire takes room, and waits for it where there is none. It returns of which
// class the block may be.
func (q *queue) acquire(w waiter) (class uint8, ok bool) {
	q.mu.Lock()
	ok = !q.stopped && q.reserve(&w)
	q.mu.Unlock()
	if ok {
		return w.class, true
	}
	return q.wait(w)
}

// wait waits for room and takes it.
func (q *queue) wait(who waiter) (class uint8, ok bool) {
	w := &who
	var deadline <-chan time.Time
	for {
		q.mu.Lock()
		if q.stopped {
			q.mu.Unlock()
			return 0, false
		}
		if q.reserve(w) {
			q.mu.Unlock()
			return w.class, true
		}
		w.ready = make(chan struct{})
		q.waiters = append(q.waiters, w)
		q.mu.Unlock()
		nudge(q.urgent)
		if deadline == nil && q.stall >= 0 {
			t := time.NewTimer(q.stall)
			defer t.Stop()
			deadline = t.C
		}
		select {
		case <-w.ready:
		case <-deadline:
			q.mu.Lock()
			for i, x := range q.waiters {
				if x == w {
					q.waiters = append(q.waiters[:i], q.waiters[i+1:]...)
					break
				}
			}
			q.mu.Unlock()
			return 0, false
		}
	}
}

// release gives a block of r back.
func (q *queue) release(r *Record, b *block) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bodies -= b.size()
	r.inQueue -= b.size()
	if len(q.free[b.class]) < poolKeeps*poolFactor[b.class] {
		b.reset()
		q.free[b.class] = append(q.free[b.class], b)
	}
	q.serve()
}

func (q *queue) releasePicture(size int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pictures -= size
	q.serve()
}

// serve wakes those that fit now; each takes its room itself. The caller
// holds mu.
func (q *queue) serve() {
	kept := q.waiters[:0]
	for _, w := range q.waiters {
		if q.stopped || q.fits(w) {
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
