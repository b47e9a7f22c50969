package instance

import (
	"errors"
	"sync"
	"sync/atomic"

	"midstream/flow"
	"midstream/internal/store"
)

// mostLateNotes bounds the notes on flows that run.
const mostLateNotes = 10_000

// lateNotes are what scripts want noted on flows that run, until they have ended. It
// is a Watcher. The zero value is empty.
type lateNotes struct {
	any    atomic.Bool
	mu     sync.Mutex // guards what follows
	notes  map[uint64][]func(*flow.Flow)
	closed bool
	work   sync.WaitGroup
	in     *store.Store
}

// note changes a flow of the session now, or when it has ended.
func (l *lateNotes) note(s *store.Store, number uint64, change func(*flow.Flow)) error {
	err := s.Edit(number, change)
	if !errors.Is(err, store.ErrRunning) {
		return err
	}
	l.mu.Lock()
	if l.closed || len(l.notes) >= mostLateNotes {
		l.mu.Unlock()
		return errors.New("too many notes on flows that run")
	}
	if l.notes == nil {
		l.notes = make(map[uint64][]func(*flow.Flow))
	}
	l.in = s
	l.notes[number] = append(l.notes[number], change)
	l.any.Store(true)
	l.mu.Unlock()
	if err := s.Edit(number, func(*flow.Flow) {}); !errors.Is(err, store.ErrRunning) {
		l.apply(number) // it has ended meanwhile
		return err
	}
	return nil
}

// Watch notes what is to be noted on a flow that has ended.
func (l *lateNotes) Watch(f *flow.Flow) {
	if !l.any.Load() || f.Live() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.notes[f.Number]) == 0 || l.closed {
		return
	}
	number := f.Number
	l.work.Go(func() { l.apply(number) })
}

func (l *lateNotes) apply(number uint64) {
	l.mu.Lock()
	changes, s := l.notes[number], l.in
	delete(l.notes, number)
	l.any.Store(len(l.notes) > 0)
	l.mu.Unlock()
	if len(changes) == 0 {
		return
	}
	s.Flush()
	_ = s.Edit(number, func(f *flow.Flow) { // it may have been removed meanwhile
		for _, change := range changes {
			change(f)
		}
	})
}

// close ends it, before the session is closed.
func (l *lateNotes) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.work.Wait()
}
