package body

import (
	"errors"

	"midstream/flow"
)

// ReadError is a failure on the side that a body came from.
type ReadError struct {
	Err *flow.Error
}

func (e *ReadError) Error() string { return e.Err.Error() }

// Unwrap returns the *flow.Error.
func (e *ReadError) Unwrap() error { return e.Err }

// WriteError is a failure on the side that a body goes to.
type WriteError struct {
	Err *flow.Error
}

func (e *WriteError) Error() string { return e.Err.Error() }

// Unwrap returns the *flow.Error.
func (e *WriteError) Unwrap() error { return e.Err }

// asFlow returns err as a *flow.Error; one that is none happened at peer.
func asFlow(err error, peer flow.Peer) *flow.Error {
	if e, ok := errors.AsType[*flow.Error](err); ok {
		return e
	}
	return &flow.Error{Peer: peer, Phase: flow.InBody, Err: err}
}

// broken is a failure of midstream itself inside a body.
func broken(cause flow.Cause, err error) *flow.Error {
	if e, ok := errors.AsType[*flow.Error](err); ok {
		return e
	}
	return &flow.Error{Peer: flow.AtProxy, Phase: flow.InBody, Cause: cause, Err: err}
}
