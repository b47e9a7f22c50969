package store

import (
	"fmt"
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

	checkedAt   int64 // total at the last look; the writer's
	spaceAt     time.Time
	saidSpace   bool
	evictedOnce bool
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
		z.bodies = append(z.bodies, segmentFile{number, size})
	} else {
		z.heads = append(z.heads, segmentFile{number, size})
	}
}

// Size is how much the segments of the session hold, in octets, as of the last
// sealed ones.
func (s *Store) Size() int64 {
	s.segments.mu.Lock()
	defer s.segments.mu.Unlock()
	return s.segments.sealed
}

// bound keeps the session within its bounds. It runs on the writer after each
// batch and mostly returns at once.
func (s *Store) bound(w *writer) {
	z := &s.segments
	z.mu.Lock()
	total := z.sealed + w.bodies.at + w.heads.at
	z.mu.Unlock()
	grown := total - z.checkedAt
	if grown < 0 || grown >= min(boundEvery, s.cfg.bodiesRoll/4) {
		z.checkedAt = total
		if s.cfg.MaxSize > 0 {
			s.cutLargest()
			if total > s.cfg.MaxSize {
				s.shrink(total)
			}
		}
	}
	if s.cfg.MinFree > 0 && (grown >= boundEvery || time.Since(z.spaceAt) >= spaceEvery) {
		z.spaceAt = time.Now()
		s.checkSpace()
	}
}

// shrink removes the oldest sealed segments of bodies until the session is
// within its size. When no bodies are left to go, the oldest heads go.
func (s *Store) shrink(total int64) {
	z := &s.segments
	for total > s.cfg.MaxSize {
		z.mu.Lock()
		list, stream := &z.bodies, uint8(bodiesStream)
		if len(*list) == 0 {
			list, stream = &z.heads, headsStream
		}
		if len(*list) == 0 {
			z.mu.Unlock()
			return
		}
		victim := (*list)[0]
		*list = append([]segmentFile(nil), (*list)[1:]...)
		z.sealed -= victim.size
		z.mu.Unlock()
		total -= victim.size
		if err := os.Remove(segmentPath(s.dir, stream, victim.number)); err != nil && !os.IsNotExist(err) {
			s.fail(fmt.Errorf("remove old bodies: %w", err))
			return
		}
		if !z.evictedOnce {
			z.evictedOnce = true
			s.cfg.Log.Info("the session has reached its size; the bodies of the oldest flows go", "session", s.dir, "session_max_size", s.cfg.MaxSize)
		}
	}
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
	switch paused := s.paused.Load() != nil; {
	case !paused && free < s.cfg.MinFree:
		reason := "the disk is nearly full (session_min_free)"
		s.paused.Store(&reason)
		if !s.segments.saidSpace {
			s.segments.saidSpace = true
			s.cfg.Log.Error("the disk is nearly full: bodies are not recorded, traffic goes on; free some space or lower session_min_free",
				"session", s.dir, "free", free, "session_min_free", s.cfg.MinFree)
		}
	case paused && free > s.cfg.MinFree+spaceResume:
		s.paused.Store(nil)
	}
}
