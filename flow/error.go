package flow

import "errors"

// Peer names the leg on which something happened.
type Peer uint8

// The legs.
const (
	AtProxy  Peer = iota // midstream itself
	AtClient             // the connection to the client
	AtServer             // the connection to the server
)

func (p Peer) String() string {
	switch p {
	case AtClient:
		return "client"
	case AtServer:
		return "server"
	}
	return "proxy"
}

// Phase is what was being done when something went wrong.
type Phase uint8

// The phases of an exchange, in their order.
const (
	Dialing Phase = iota
	Handshaking
	InHead
	InBody
)

func (p Phase) String() string {
	switch p {
	case Dialing:
		return "dial"
	case Handshaking:
		return "TLS handshake"
	case InHead:
		return "head"
	}
	return "body"
}

// Cause is the kind of a failure, the same for all HTTP versions; each codec
// maps it to its own way of saying so.
type Cause uint8

// The causes.
const (
	Unspecified    Cause = iota
	ClosedEarly          // end of the connection inside a message
	ResetByPeer          // TCP reset, RST_STREAM, STOP_SENDING
	Timeout              // a limit of time was reached
	Malformed            // the peer broke the protocol
	TooLarge             // a limit of size was reached
	NotNeeded            // the other side has answered and wants no more
	WasKilled            // ended by a hook or a person
	Stopping             // midstream is shutting down
	NoConnection         // refused, unreachable, unknown host
	Untrusted            // certificate verification failed
	LeftByClient         // the client went away
	RefusedRequest       // the peer did not process it and it may be sent again
	Forbidden            // midstream itself, or a hook, does not allow it
)

// Error is a failure on an exchange, the same for all HTTP versions.
type Error struct {
	Peer  Peer
	Phase Phase
	Cause Cause
	// Status is the status a proxy answers with where it still can: 400, 413,
	// 414, 431, 502, 504; 0 leaves the choice to the engine.
	Status int
	// Code is the peer's own error code (RST_STREAM, CONNECTION_CLOSE), 0 without.
	Code uint64
	// Err says what happened; it must not be nil.
	Err error
}

// Error returns the text of the wrapped error: it is written to be shown alone.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// CauseOf returns the cause of the first Error in err's chain.
func CauseOf(err error) Cause {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Cause
	}
	return Unspecified
}
