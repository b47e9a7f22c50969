package store

import (
	"fmt"
	"time"

	"midstream/flow"
)

const (
	// retryEvery is how long after an error of the disk it is tried again.
	retryEvery = 30 * time.Second
	// retryRoom is how much more free space than at the error asks for a try at
	// once.
	retryRoom = 8 << 20
	// heldEnds bounds the pictures of ended flows, in octets, that wait for the
	// disk to work again; the flows of more are lost, and counted.
	heldEnds = 8 << 20
)

// outage is a time in which the disk takes nothing. What had been put together
// before stays in the writer's buffers and is written when it is over; bodies
// that pass meanwhile are cut where it began.
type outage struct {
	err  error
	from time.Time
	at   time.Time // of the last try
	free int64     // space then, -1 where it is not known
}

// Failure is why recording has stopped, nil while it works.
func (s *Store) Failure() error { return s.failed() }

func (s *Store) failed() error {
	if o := s.outage.Load(); o != nil {
		return o.err
	}
	return nil
}

// fail stops recording until the disk works again; the traffic goes on. The
// first call is logged.
func (s *Store) fail(err error) {
	if s.outage.CompareAndSwap(nil, s.outageOf(err, time.Now())) {
		s.cfg.Log.Error("recording has stopped; traffic goes on, and the disk is tried again", "session", s.dir, "err", err)
	}
}

func (s *Store) outageOf(err error, from time.Time) *outage {
	o := &outage{err: err, from: from, at: time.Now(), free: -1}
	if free, err := freeSpace(s.dir); err == nil {
		o.free = free
	}
	return o
}

// over tells whether it is time to try the disk again.
func (o *outage) over(s *Store) bool {
	if s.isClosing() || time.Since(o.at) >= s.cfg.retry {
		return true
	}
	if o.free < 0 {
		return false
	}
	free, err := freeSpace(s.dir)
	return err == nil && free >= o.free+retryRoom
}

// tryAgain ends an outage when the disk works again.
func (w *writer) tryAgain() {
	s := w.s
	o := s.outage.Load()
	if o == nil || !o.over(s) {
		return
	}
	if err := w.resume(); err != nil {
		s.outage.Store(s.outageOf(err, o.from))
		return
	}
	s.outage.Store(nil)
	s.cfg.Log.Warn("the disk works again: recording goes on", "session", s.dir, "stopped", time.Since(o.from).Round(time.Millisecond).String(), "lost_flows", s.missing.Load())
	w.catchUp()
}

// resume writes what has waited, at the place that it was meant for.
func (w *writer) resume() error {
	if err := w.bodies.probe(); err != nil {
		return err
	}
	if err := w.heads.probe(); err != nil {
		return err
	}
	if len(w.body) > 0 {
		if err := w.bodies.write(w.body); err != nil {
			return err
		}
		w.body = keepSmall(w.body)
	}
	if len(w.head) > 0 {
		if err := w.heads.write(w.head); err != nil {
			return err
		}
		w.head, w.headEnds = keepSmall(w.head), 0
	}
	return nil
}

// catchUp writes the ends that were held, and asks for the newest pictures of
// the flows that live.
func (w *writer) catchUp() {
	held := w.held
	w.held, w.heldSize = nil, 0
	for i, r := range held {
		if w.s.failed() != nil {
			w.hold(held[i:])
			return
		}
		w.writeEnd(r)
		w.keepGoing()
	}
	w.flushHead()
	if w.s.failed() == nil {
		// The index has its own word about its failures.
		_ = w.send(indexJob{again: true, ask: func(*index) error { return nil }})
	}
	w.s.eachOpen(func(r *Record) {
		r.mu.Lock()
		put := r.picture != nil && !r.ended && r.enqueue()
		r.fresh = r.fresh || put
		r.mu.Unlock()
		if put {
			w.s.q.put(r)
		}
	})
}

// hold keeps flows that have ended until the disk works again, as far as they
// fit.
func (w *writer) hold(ended []*Record) {
	for _, r := range ended {
		n := pictureSize(r.picture)
		if w.heldSize+n > heldEnds {
			w.s.lose(1)
			continue
		}
		w.held, w.heldSize = append(w.held, r), w.heldSize+n
	}
}

// giveUp counts the flows that no disk has taken until the end.
func (w *writer) giveUp() {
	w.s.lose(uint64(w.headEnds + len(w.held)))
	w.held, w.headEnds = nil, 0
}

// lost cuts the record of a body whose next octets cannot be written.
func (w *writer) lost(j job) {
	j.rec.mu.Lock()
	defer j.rec.mu.Unlock()
	st := &j.rec.side[j.side]
	st.broken = true
	if st.cut == "" {
		st.cut = w.s.stopReason()
	}
}

func (s *Store) stopReason() string {
	if err := s.failed(); err != nil {
		return fmt.Sprintf("recording has stopped: %v", err)
	}
	return "recording had stopped for a time: the disk failed"
}

// takes tells whether the next octets of a body can be written, and begins a
// new segment where it is time.
func (w *writer) takes(j job) bool {
	if !j.rec.broken(j.side) && w.s.failed() == nil {
		w.rollBodies()
		if w.s.failed() == nil {
			return true
		}
	}
	w.lost(j)
	return false
}

func (r *Record) broken(side flow.Side) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.side[side].broken
}
