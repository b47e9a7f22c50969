package pyhost

import (
	"context"
	"errors"
	"sync"
)

// replays is the queue of what scripts want sent again. The zero value is empty.
type replays struct {
	mu      sync.Mutex // guards the rest
	waiting []func(context.Context)
	runs    bool // somebody works on the queue
	ctx     context.Context
	cancel  context.CancelFunc
}

// context is what replays run under: it ends when the host is closed.
func (r *replays) context(h *Host) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx == nil {
		r.ctx, r.cancel = context.WithCancel(context.Background())
		select {
		case <-h.closing:
			r.cancel()
		default:
		}
	}
	return r.ctx
}

// add puts send at the end of the queue. One that is refused is called all the same,
// with a context that has ended, so that it lets go of what it has opened.
func (r *replays) add(h *Host, send func(context.Context)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.ctx.Err() != nil:
		send(r.ctx)
		return errors.New("midstream is ending")
	case len(r.waiting) >= mostReplays:
		done, cancel := context.WithCancel(r.ctx)
		cancel()
		send(done)
		return errors.New("too many requests wait to be sent again")
	}
	r.waiting = append(r.waiting, send)
	if !r.runs {
		r.runs = true
		h.work.Go(r.work)
	}
	return nil
}

func (r *replays) work() {
	for {
		r.mu.Lock()
		if len(r.waiting) == 0 {
			r.runs = false
			r.mu.Unlock()
			return
		}
		send := r.waiting[0]
		r.waiting[0] = nil
		r.waiting = r.waiting[1:]
		ctx := r.ctx
		r.mu.Unlock()
		send(ctx)
	}
}

// count is how many wait, and the one that is on its way.
func (r *replays) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := len(r.waiting)
	if r.runs {
		n++
	}
	return n
}

// stop forgets those that wait.
func (r *replays) stop() {
	r.mu.Lock()
	waiting := r.waiting
	r.waiting = nil
	r.mu.Unlock()
	done, cancel := context.WithCancel(context.Background())
	cancel()
	for _, send := range waiting {
		send(done)
	}
}

// close ends those that run.
func (r *replays) close() {
	r.stop()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		r.cancel()
	}
}
