package engine

import (
	"sync"
	"sync/atomic"
	"time"

	"midstream/flow"
)

// expectation is Expect: 100-continue (RFC 9110 section 10.1.1): the client
// wants an interim response before it sends the body.
type expectation struct {
	wanted bool // set before anything runs at once

	mu    sync.Mutex // serialises interim responses, and guards what follows
	own   bool       // midstream has sent a 100
	heard bool       // the server has answered, interim or final
}

// answer sends a 100, unless that was done or is not wanted.
func (e *expectation) answer(s Stream) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.wanted || e.own || e.heard {
		return
	}
	e.own = true
	// A client that is gone is noticed at its body.
	_ = s.Inform(&flow.Response{Message: flow.Message{Version: flow.HTTP11}, Status: 100, Reason: "Continue"})
}

// answered tells whether midstream has sent a 100 itself.
func (e *expectation) answered() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.own
}

// continued tells whether the client was told to send its body.
func (e *expectation) continued() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.wanted || e.own || e.heard
}

// patience sends the 100 when the server stays silent. The returned function
// ends the wait; it returns when nothing of it runs any more.
func (e *expectation) patience(s Stream, came *atomic.Int64) (stop func()) {
	if !e.wanted || e.answered() {
		return func() {}
	}
	return after(expectTime, func() {
		if came.Load() == 0 { // else the client does not wait for it
			e.answer(s)
		}
	})
}

// after calls f in d from now. The returned function ends the wait; when it
// returns nothing of f runs any more.
func after(d time.Duration, f func()) (stop func()) {
	ran := make(chan struct{})
	t := time.AfterFunc(d, func() {
		defer close(ran)
		f()
	})
	return func() {
		if !t.Stop() {
			<-ran
		}
	}
}

// inform forwards an interim response, and says whether it did: a 100 after
// midstream's own is swallowed.
func (e *expectation) inform(s Stream, head *flow.Response) (bool, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if head.Status == 100 && e.own {
		return false, nil
	}
	if head.Status == 100 {
		e.heard = true
	}
	return true, s.Inform(head)
}
