package http2

import (
	"sync"
	"sync/atomic"
	"time"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// openingTime is how long after its SETTINGS a client that asks for nothing is
// still opening its connection.
const openingTime = 300 * time.Millisecond

// opening notes how a client opens its connection, up to its first request. Its
// methods may be called on nil, which notes nothing.
type opening struct {
	tell   func(*flow.Opening)
	sealed atomic.Bool

	mu    sync.Mutex // guards all below, and is held while told
	facts flow.Opening
	timer *time.Timer
}

// note lets f note something, as long as nobody was told.
func (o *opening) note(f func(h *flow.Opening)) {
	if o == nil || o.sealed.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f(&o.facts)
}

// settings notes the first SETTINGS frame.
func (o *opening) settings(f *h2.SettingsFrame) {
	o.note(func(h *flow.Opening) {
		h.Settings = make([]flow.Setting, f.NumSettings())
		for i := range h.Settings {
			s := f.Setting(i)
			h.Settings[i] = flow.Setting{ID: uint16(s.ID), Value: s.Val}
		}
		o.timer = time.AfterFunc(openingTime, o.seal)
	})
}

func (o *opening) widened(n int64) {
	o.note(func(h *flow.Opening) { h.Window = uint32(min(int64(h.Window)+n, largestWindow)) })
}

func (o *opening) priority(f *h2.PriorityFrame) {
	o.note(func(h *flow.Opening) {
		if len(h.Priorities) < maxPriorities {
			h.Priorities = append(h.Priorities, flow.Priority{Stream: f.StreamID, DependsOn: f.StreamDep, Exclusive: f.Exclusive, Weight: f.Weight})
		}
	})
}

// seal tells what was noted, once. Who returns from it knows that it was told.
func (o *opening) seal() { o.end(true) }

// drop ends the noting without a word.
func (o *opening) drop() { o.end(false) }

func (o *opening) end(tell bool) {
	if o == nil || o.sealed.Load() {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.sealed.Load() {
		return
	}
	if o.timer != nil {
		o.timer.Stop()
	}
	if tell && o.tell != nil {
		o.tell(&o.facts)
	}
	o.sealed.Store(true)
}
