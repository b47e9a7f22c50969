package store

import (
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"midstream/flow"
)

// How often the bounds are looked at.
const (
	boundEvery  = 8 << 20 // octets written
	spaceEvery  = time.Second
	spaceResume = 64 << 20 // above min_free before bodies are recorded again
)

// segmentSizes is the sizes of the sealed segments.
type segmentSizes struct {
	mu     sync.Mutex // guards all below
	bodies []segmentFile
	heads  []segmentFile
	sealed int64
	now    int64 // with those that are written and the index, as of the last batch

	index int64 // of flows.db, at the last look

	checkedAt   int64 // total at the last look; the writer's
	spaceAt     time.Time
	evictedOnce bool
	missed      bool // it was told that the session is gone; the writer's
}

func (z *segmentSizes) load(dir string) error {
	bodies, err := listSegments(dir, bodiesStream)
	if err != nil {
		return err
	}
	heads, err := listSegments(dir, headsStream)
	if err != nil {
		return err
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	// The newest ones are being written.
	z.bodies, z.heads = bodies[:len(bodies)-1], heads[:len(heads)-1]
	z.sealed = 0
	for _, list := range [][]segmentFile{z.bodies, z.heads} {
		for _, s := range list {
			z.sealed += s.size
		}
	}
	return nil
}

// sealed notes that a segment has its final size.
func (s *Store) sealed(stream uint8, number uint32, size int64) {
	z := &s.segments
	z.mu.Lock()
	defer z.mu.Unlock()
	z.sealed += size
	if stream == bodiesStream {
		z.bodies = append(z.bodies, segmentFile{number: number, size: size})
	} else {
		z.heads = append(z.heads, segmentFile{number: number, size: size})
	}
}

// Size is how much the session holds, in octets, as of the last batch.
func (s *Store) Size() int64 {
	s.segments.mu.Lock()
	defer s.segments.mu.Unlock()
	return max(s.segments.now, s.segments.sealed)
}

// bound keeps the session within its bounds. It runs on the writer after each
// batch and mostly returns at once.
func (s *Store) bound(w *writer) {
	z := &s.segments
	total := s.total(w)
	grown := total - z.checkedAt
	if grown < 0 || grown >= min(boundEvery, s.cfg.bodiesRoll/4) {
		z.checkedAt = total
		if s.cfg.MaxSize > 0 && s.failed() == nil {
			s.cutLargest()
			w.shrink()
		}
	}
	if grown >= boundEvery || time.Since(z.spaceAt) >= spaceEvery {
		z.spaceAt = time.Now()
		s.checkPlace()
		if s.cfg.MinFree > 0 {
			s.checkSpace()
		}
	}
}

// checkPlace tells, once, that somebody has taken the session away: its files are open
// and take what is written, but nobody finds it where it is said to be.
func (s *Store) checkPlace() {
	z := &s.segments
	if z.missed {
		return
	}
	if _, err := os.Lstat(indexPath(s.dir)); errors.Is(err, fs.ErrNotExist) {
		z.missed = true
		s.cfg.Log.Error("the session is no longer where it is written: what passes now goes where it was moved to, or is lost if it was deleted; start midstream again",
			"session", s.dir)
	}
}

// total is how much the segments hold, and the index.
func (s *Store) total(w *writer) int64 {
	z := &s.segments
	z.mu.Lock()
	defer z.mu.Unlock()
	z.now = z.sealed + w.bodies.at + w.heads.at + z.index
	return z.now
}

// cutLargest ends the record of an open body that fills three quarters of the
// session: its first part stays, and the last quarter is for the others.
func (s *Store) cutLargest() {
	s.eachOpen(func(r *Record) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for i := range r.side {
			st := &r.side[i]
			if st.cut == "" && st.n > s.cfg.MaxSize/4*3 {
				st.cut = "the body alone fills the session (session_max_size)"
				s.cfg.Log.Warn("the record of a body was cut: it alone fills the session", "session", s.dir, "flow", r.number, "side", flow.Side(i).String())
			}
		}
	})
}

// checkSpace stops the recording of bodies while the disk is nearly full.
func (s *Store) checkSpace() {
	free, err := freeSpace(s.dir)
	if err != nil {
		return
	}
	switch stopped := s.noSpace.Load() != nil; {
	case !stopped && free < s.cfg.MinFree:
		reason := "the disk is nearly full (session_min_free)"
		s.noSpace.Store(&reason)
		s.cfg.Log.Error("the disk is nearly full: bodies are not recorded, traffic goes on; free some space or lower session_min_free",
			"session", s.dir, "free", free, "session_min_free", s.cfg.MinFree)
	case stopped && free > s.cfg.MinFree+spaceResume:
		s.noSpace.Store(nil)
		s.cfg.Log.Warn("there is space on the disk again: bodies are recorded", "session", s.dir, "free", free)
	}
}
