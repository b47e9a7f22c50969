package engine

import (
	"errors"
	"sync"
)

// ErrNotLive says that no flow of that number runs.
var ErrNotLive = errors.New("it has ended, or there is no such flow")

// register has the flows that have a number and have not ended. The zero value has
// none.
type register struct {
	mu  sync.Mutex // guards all
	all map[uint64]alive
}

// alive is one flow that has not ended. Its methods may be called at once.
type alive interface {
	stop() error
	passed() (toServer, toClient int64)
}

func (r *register) add(number uint64, f alive) {
	if number == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = make(map[uint64]alive)
	}
	r.all[number] = f
}

func (r *register) remove(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.all, number)
}

func (r *register) find(number uint64) (alive, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, ok := r.all[number]
	return f, ok
}

// Kill ends the flow of that number as hook.Exchange.Kill does. It fails with
// ErrNotLive.
func (e *Engine) Kill(number uint64) error {
	f, ok := e.running.find(number)
	if !ok {
		return ErrNotLive
	}
	if f.stop() != nil {
		return ErrNotLive
	}
	return nil
}

// Passed tells how many octets of its two bodies a running flow has sent on so
// far. It fails with ErrNotLive.
func (e *Engine) Passed(number uint64) (toServer, toClient int64, err error) {
	f, ok := e.running.find(number)
	if !ok {
		return 0, 0, ErrNotLive
	}
	toServer, toClient = f.passed()
	return toServer, toClient, nil
}

// Running is how many recorded flows have not ended.
func (e *Engine) Running() int {
	e.running.mu.Lock()
	defer e.running.mu.Unlock()
	return len(e.running.all)
}

// startRecord begins the record of a flow: one that keeps nothing where there is
// no recorder, or it wants none.
func (e *Engine) startRecord(past Past) Record {
	if past != nil {
		if r := past.Record(); r != nil {
			return r
		}
		return nothing{}
	}
	if e.recorder != nil {
		if r := e.recorder.Start(); r != nil {
			return r
		}
	}
	return nothing{}
}

func (x *exchange) stop() error { return x.live.Kill() }

func (x *exchange) passed() (toServer, toClient int64) { return x.req.sent.Load(), x.resp.sent.Load() }

func (t *tunnel) stop() error {
	t.kill(errKilled)
	return nil
}

func (t *tunnel) passed() (toServer, toClient int64) { return t.bytes[0].Load(), t.bytes[1].Load() }
