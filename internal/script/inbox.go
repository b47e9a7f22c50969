package script

import "sync"

// inbox has work that must be done inside soon, by nobody in particular. It is
// bounded by the exchanges and timers that post to it, one each.
type inbox struct {
	mu      sync.Mutex
	work    []func()
	changed []string // options that changed while JavaScript set one
}

// post has f run inside the engine: now if it is free, else when somebody
// leaves it. It never waits for the engine.
func (e *engine) post(f func()) {
	e.inbox.mu.Lock()
	e.inbox.work = append(e.inbox.work, f)
	e.inbox.mu.Unlock()
	e.serveInbox()
}

func (e *engine) serveInbox() {
	for {
		e.inbox.mu.Lock()
		empty := len(e.inbox.work) == 0
		e.inbox.mu.Unlock()
		if empty {
			return
		}
		if !e.door.TryLock() {
			return // whoever is inside serves it when leaving
		}
		e.inbox.mu.Lock()
		work := e.inbox.work
		e.inbox.work = nil
		e.inbox.mu.Unlock()
		for _, f := range work {
			e.begin(nil)
			if err := e.guarded(func() error { f(); return nil }); err != nil {
				e.report("cleanup", nil, err)
			}
			e.watch.stop()
			e.reportRejections()
		}
		e.entered, e.current = nil, nil
		e.door.Unlock()
	}
}
