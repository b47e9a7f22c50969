package http2

import (
	"sync/atomic"
	"time"
)

// deadline is until when one direction of a raw connection may wait. Load tells
// that it has passed.
type deadline struct {
	passed atomic.Bool
	timer  *time.Timer // guarded by conn.mu, as is set
	set    int         // how often it was set
}

// Load tells whether it has passed.
func (d *deadline) Load() bool { return d != nil && d.passed.Load() }

// setDeadline sets one of the deadlines of a stream; the zero time is none.
func (st *stream) setDeadline(d *deadline, t time.Time) {
	c := st.c
	c.mu.Lock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.set++
	mine := d.set
	wait := time.Until(t)
	d.passed.Store(!t.IsZero() && wait <= 0)
	if !t.IsZero() && wait > 0 {
		d.timer = time.AfterFunc(wait, func() {
			c.mu.Lock()
			if d.set == mine {
				d.passed.Store(true)
			}
			c.mu.Unlock()
			st.interrupt()
		})
	}
	c.mu.Unlock()
	if d.passed.Load() {
		st.interrupt()
	}
}

// interrupt makes who waits look at the deadlines.
func (st *stream) interrupt() {
	st.c.mu.Lock()
	st.readable.Broadcast()
	st.writable.Broadcast()
	st.c.mu.Unlock()
	st.c.w.given()
}
