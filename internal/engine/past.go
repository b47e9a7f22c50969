package engine

import (
	"time"

	"midstream/flow"
	"midstream/hook"
)

// Past is a flow of earlier that passes once more, out of a file: what it was
// stays with it, but what hooks change.
type Past interface {
	// Record begins its record; nil keeps none.
	Record() Record
	// At is when what is passing on side was sent.
	At(side flow.Side) time.Time
	// Seed makes the live exchange the flow that it was, before any hook runs.
	Seed(x *hook.Exchange)
	// Missing tells that the body of side is not there, which is not the same as
	// empty.
	Missing(side flow.Side) bool
	// Picture makes a picture say what does not come of passing again, as times
	// and connections. Heads that it shares with other pictures must not be changed.
	Picture(f *flow.Flow)
}

// missing tells that the body of side did not come with a flow of earlier.
func (x *exchange) missing(side flow.Side) bool {
	return x.origin.Past != nil && x.origin.Past.Missing(side)
}

// Answered is a Call that need not be one to a server. It is asked when the final
// head has come.
type Answered interface {
	// Answered tells whether the response is a recorded one, and whether a server
	// was dialled.
	Answered() (replayed, dialled bool)
}

// noteAnswer notes who has answered.
func (x *exchange) noteAnswer(call Call) {
	a, ok := call.(Answered)
	if !ok {
		return
	}
	replayed, dialled := a.Answered()
	x.hooks.Lock()
	x.live.Server = call.Server()
	if replayed {
		x.live.Replayed = flow.ServerReplayed
	}
	x.hooks.Unlock()
	if !dialled {
		x.mu.Lock()
		x.tries = x.tries[:max(len(x.tries)-1, 0)]
		x.mu.Unlock()
	}
}
