package engine

import (
	"sync"
	"time"

	"midstream/flow"
	"midstream/internal/body"
)

// maxTogether is how many octets of frames share one write, and maxLinger for how
// long they may wait for a hook to look at the frame behind them.
const (
	maxTogether = 32 << 10
	maxLinger   = time.Millisecond
)

// frameWriter writes frames to one end. Those that came together leave together:
// a write a frame is most of what a small message costs.
type frameWriter struct {
	dst body.Duplex
	to  flow.Peer
	tap body.Tap

	mu       sync.Mutex
	together bool // more may come soon
	out      []byte
	timer    *time.Timer
	armed    bool
	failed   *flow.Error
}

// begin tells that what is put from now on may wait for flush.
func (w *frameWriter) begin() {
	w.mu.Lock()
	w.together = true
	w.mu.Unlock()
}

// linger tells that what follows may take its time: what waits leaves meanwhile.
func (w *frameWriter) linger() {
	if !w.mu.TryLock() {
		return // who writes sees to what waits; its receiver must not hold up the other direction
	}
	defer w.mu.Unlock()
	if len(w.out) == 0 || w.armed {
		return
	}
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(maxLinger, w.late)
	} else {
		w.timer.Reset(maxLinger)
	}
}

func (w *frameWriter) late() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	w.flushLocked() // its error is met by the next call
}

// flush writes what waits.
func (w *frameWriter) flush() *flow.Error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.together = false
	if w.armed {
		w.timer.Stop()
		w.armed = false
	}
	return w.flushLocked()
}

func (w *frameWriter) flushLocked() *flow.Error {
	if len(w.out) > 0 && w.failed == nil {
		w.write(w.out)
	}
	w.out = w.out[:0]
	return w.failed
}

// put writes octets, or lets them wait. The lock is held.
func (w *frameWriter) put(p []byte) *flow.Error {
	if w.together && len(w.out)+len(p) <= maxTogether {
		w.out = append(w.out, p...)
		return w.failed
	}
	if w.flushLocked() == nil {
		w.write(p)
	}
	return w.failed
}

func (w *frameWriter) write(p []byte) {
	if err := write(w.dst, p, w.tap); err != nil {
		w.failed = rawError(err, w.to)
	}
}
