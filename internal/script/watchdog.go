package script

import (
	"errors"
	"sync"
	"time"

	"github.com/dop251/goja"
)

// watchdog interrupts a runtime that computes past its deadline. Its timer is
// set when it would come too late, so about once a budget, not once an entry.
type watchdog struct {
	mu       sync.Mutex
	vm       *goja.Runtime
	running  bool
	deadline time.Time
	timer    *time.Timer
	at       time.Time // when timer fires; zero when it is not set
}

// errTimeout is the reason of an interrupt.
var errTimeout = errors.New("computed for longer than script_timeout allows")

// start begins to watch, or moves the deadline.
func (w *watchdog) start(now time.Time, budget time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running, w.deadline = true, now.Add(budget)
	w.arm(budget)
}

func (w *watchdog) arm(d time.Duration) {
	if !w.at.IsZero() && !w.at.After(w.deadline) {
		return
	}
	w.at = w.deadline
	if w.timer == nil {
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
	if d := time.Until(w.deadline); d > 0 {
		w.arm(d)
		return
	}
	w.vm.Interrupt(errTimeout)
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
	w.at = time.Time{}
}
