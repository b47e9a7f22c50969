package store

import (
	"fmt"
	"os"
)

// What goes when the session has reached its size:
//
//  1. the oldest segment of heads, while heads alone fill more than half of it,
//  2. else the oldest segment of bodies,
//  3. else the oldest segment of heads; no bodies are recorded meanwhile.
//
// What marked flows have in a segment is copied behind the newest records
// before the segment goes. A segment that is mostly theirs is pinned: it stays
// as it is, so that for each octet that is copied a third of one is gained.
const (
	headsShare  = 2 // heads may fill one part in so many
	indexShare  = 4 // rows of flows whose heads have gone stay while the index is within this part
	pinnedShare = 4 // less than one part in so many of a pinned segment is not of marked flows
)

// shrink removes what is oldest until the session is within its size.
func (w *writer) shrink() {
	s := w.s
	w.sizeIndex()
	for s.total(w) > s.cfg.MaxSize {
		heads := s.headsFill(w) > s.cfg.MaxSize/headsShare
		if heads && w.evictOldest(headsStream) || w.evictOldest(bodiesStream) {
			s.tellFull()
			continue
		}
		if s.failed() != nil {
			return
		}
		if w.bodies.at+int64(len(w.body)) > segmentHeader {
			w.flushBody()
			if s.failed() != nil || !w.roll(&w.bodies) {
				return
			}
			continue // now it can go
		}
		if s.noRoom.Load() == nil {
			reason := "only marked flows are left that could make room (session_max_size)"
			s.noRoom.Store(&reason)
			s.cfg.Log.Error("the session is full of marked flows: bodies are not recorded, traffic goes on; raise session_max_size or begin another session",
				"session", s.dir, "session_max_size", s.cfg.MaxSize)
		}
		if !w.evictOldest(headsStream) {
			return
		}
	}
	if s.noRoom.Load() != nil && s.total(w) < s.cfg.MaxSize-2*s.cfg.bodiesRoll {
		s.noRoom.Store(nil)
		s.cfg.Log.Warn("there is room in the session again: bodies are recorded", "session", s.dir)
	}
}

func (s *Store) headsFill(w *writer) int64 {
	s.segments.mu.Lock()
	defer s.segments.mu.Unlock()
	n := w.heads.at
	for _, h := range s.segments.heads {
		n += h.size
	}
	return n
}

// sizeIndex looks how large the index is. Its log is left out: it has a bound of
// its own.
func (w *writer) sizeIndex() {
	info, err := os.Stat(indexPath(w.s.dir))
	if err != nil {
		return
	}
	w.s.segments.mu.Lock()
	w.s.segments.index = info.Size()
	w.s.segments.mu.Unlock()
}

// evictOldest removes the oldest segment of a stream that is not pinned; false
// says that there is none, or that it could not be done.
func (w *writer) evictOldest(stream uint8) bool {
	for w.s.failed() == nil {
		victim, ok := w.s.segments.oldest(stream)
		if !ok {
			return false
		}
		pinned, err := w.rescue(stream, victim)
		switch {
		case err != nil:
			w.s.cfg.Log.Warn("old records cannot be removed: what marked flows have there is not known", "session", w.s.dir, "err", err)
			return false
		case w.s.failed() != nil:
			return false
		case pinned:
			w.s.segments.pin(stream, victim.number)
			continue
		}
		return w.evict(stream, victim)
	}
	return false
}

// evict removes a segment of which nothing is needed any more.
func (w *writer) evict(stream uint8, victim segmentFile) bool {
	s := w.s
	if err := os.Remove(segmentPath(s.dir, stream, victim.number)); err != nil && !os.IsNotExist(err) {
		s.fail(fmt.Errorf("remove old records: %w", err))
		return false
	}
	s.segments.forget(stream, victim.number)
	if stream == headsStream {
		w.trimIndex(victim.number)
	}
	return true
}

// tellFull says once that the session has reached its size.
func (s *Store) tellFull() {
	if s.segments.evictedOnce {
		return
	}
	s.segments.evictedOnce = true
	s.cfg.Log.Info("the session has reached its size; the bodies of the oldest flows go", "session", s.dir, "session_max_size", s.cfg.MaxSize)
}

// trimIndex removes the rows of flows whose heads have gone, where the index
// takes too much of the session.
func (w *writer) trimIndex(heads uint32) {
	w.sizeIndex()
	if w.s.cfg.MaxSize == 0 || w.s.segments.index <= w.s.cfg.MaxSize/indexShare {
		return
	}
	// A failure of the index is told by the indexer.
	_ = w.ask(func(x *index) error { return x.trim(posOf(heads+1, 0)) })
	w.sizeIndex()
}

func (z *segmentSizes) list(stream uint8) *[]segmentFile {
	if stream == headsStream {
		return &z.heads
	}
	return &z.bodies
}

func (z *segmentSizes) oldest(stream uint8) (segmentFile, bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, s := range *z.list(stream) {
		if !s.pinned {
			return s, true
		}
	}
	return segmentFile{}, false
}

func (z *segmentSizes) pin(stream uint8, number uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	list := *z.list(stream)
	for i := range list {
		if list[i].number == number {
			list[i].pinned = true
		}
	}
}

func (z *segmentSizes) forget(stream uint8, number uint32) {
	z.mu.Lock()
	defer z.mu.Unlock()
	list := z.list(stream)
	kept := make([]segmentFile, 0, len(*list))
	for _, s := range *list {
		if s.number == number {
			z.sealed -= s.size
			continue
		}
		kept = append(kept, s)
	}
	*list = kept
}
