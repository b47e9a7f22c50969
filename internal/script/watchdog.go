package script

import (
	"errors"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// watchdog interrupts a runtime that computes past its deadline, or takes more
// memory than it may. Its timer is set when it would come too late, so about
// once a look, not once an entry.
type watchdog struct {
	vm     *goja.Runtime
	memory func() int64 // the limit, in octets; nil or 0 for none

	mu       sync.Mutex // guards the rest
	running  bool
	deadline time.Time
	timer    *time.Timer
	at       time.Time // when timer fires; zero when it is not set
	appetite appetite
}

// errTimeout is the reason of an interrupt.
var errTimeout = errors.New("computed for longer than script_timeout allows")

// enter begins to watch an entry.
func (w *watchdog) enter(now time.Time, budget time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.appetite.entry++
	if w.at.IsZero() && w.limit() > 0 {
		w.appetite.begin()
	}
	w.start(now, budget)
}

// move moves the deadline.
func (w *watchdog) move(now time.Time, budget time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start(now, budget)
}

func (w *watchdog) start(now time.Time, budget time.Duration) {
	w.running, w.deadline = true, now.Add(budget)
	w.arm(now)
}

func (w *watchdog) limit() int64 {
	if w.memory == nil {
		return 0
	}
	return w.memory()
}

func (w *watchdog) arm(now time.Time) {
	next := w.deadline
	if look := now.Add(lookEvery); look.Before(next) && w.limit() > 0 {
		next = look
	}
	if !w.at.IsZero() && !w.at.After(next) {
		return
	}
	w.at = next
	if d := next.Sub(now); w.timer == nil {
		w.timer = time.AfterFunc(d, w.fire)
	} else {
		w.timer.Reset(d)
	}
}

func (w *watchdog) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = time.Time{}
	if !w.running {
		return
	}
	switch now := time.Now(); {
	case !now.Before(w.deadline):
		w.vm.Interrupt(errTimeout)
	case w.appetite.look(w.limit()):
		w.vm.Interrupt(errMemory)
	default:
		w.arm(now)
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running = false
	w.vm.ClearInterrupt()
}

func (w *watchdog) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.running, w.at = false, time.Time{}
}
