package message

import "midstream/flow"

// Passed is a message that has been sent on, as watchers are told of it.
type Passed struct {
	// Flow is the flow as it was when the body began.
	Flow *flow.Flow
	Side flow.Side
	Kind Kind
	// Coding is what a compressed payload is coded with.
	Coding string
	Index  int64 // from 0, in its body
	Mark   flow.Mark
	// Raw is its octets, of a long one the first; of WebSocket those of its payload.
	Raw []byte
}
