package store

import (
	"os"
	"time"
)

// ageParts is in how many parts the segments of a session with a bound of age
// are: what goes goes a segment at a time, at most a part of the bound late.
const ageParts = 8

// ageEvery is how often a session looks for what has become too old.
func (s *Store) ageEvery() time.Duration {
	return max(time.Second, min(s.cfg.MaxAge/64, time.Minute))
}

// expire removes what is older than the session keeps: rows of flows without a
// marker, and segments, after what marked flows have in them was copied.
func (w *writer) expire(now time.Time) {
	if w.s.failed() != nil {
		return
	}
	oldest := now.Add(-w.s.cfg.MaxAge)
	// Numbers are nearly in the order of the starts, so the search ends soon. A
	// failure of the index is told by the indexer.
	_ = w.ask(func(x *index) error {
		return x.remove("number < ifnull((SELECT number FROM flows WHERE start >= ? ORDER BY number LIMIT 1), 1 << 62) AND start < ? AND marker = '' AND outcome <> 0",
			oldest.UnixMicro(), oldest.UnixMicro())
	})
	for _, a := range []*appender{&w.bodies, &w.heads} {
		begun := &w.begun[a.stream-1]
		if begun.IsZero() {
			*begun = now
		}
		if now.Sub(*begun) >= w.s.cfg.MaxAge/ageParts {
			w.flushBody()
			w.flushHead()
			if a.at > segmentHeader && w.s.failed() == nil && w.roll(a) && a.stream == headsStream {
				w.conns.clear()
			}
			*begun = now
		}
		for w.s.failed() == nil {
			victim, ok := w.s.segments.oldest(a.stream)
			if !ok {
				break
			}
			info, err := os.Stat(segmentPath(w.s.dir, a.stream, victim.number))
			if err == nil && !info.ModTime().Before(oldest) || !w.evictOldest(a.stream) {
				break
			}
		}
	}
}
