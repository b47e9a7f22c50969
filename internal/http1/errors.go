package http1

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"midstream/flow"
)

// Windows reports its own numbers for a connection that was reset or aborted;
// elsewhere they name nothing.
const (
	winConnAborted = syscall.Errno(10053)
	winConnReset   = syscall.Errno(10054)
)

// malformed is a fault of the peer with the status that answers it.
func malformed(side flow.Side, status int, format string, args ...any) *flow.Error {
	e := &flow.Error{Peer: flow.AtClient, Phase: flow.InHead, Cause: flow.Malformed, Status: status, Err: fmt.Errorf(format, args...)}
	if side == flow.ToClient {
		e.Peer, e.Status = flow.AtServer, 502
	}
	if status == 414 || status == 431 {
		e.Cause = flow.TooLarge
	}
	return e
}

// refuse is malformed with the status that most faults of a side have.
func refuse(side flow.Side, format string, args ...any) *flow.Error {
	return malformed(side, 400, format, args...)
}

// causeOf sorts an error of a connection and says it in words, who being
// "client" or "server".
func causeOf(err error, who string) (flow.Cause, string) {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return flow.ClosedEarly, who + " closed the connection"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED),
		errors.Is(err, winConnReset), errors.Is(err, winConnAborted):
		return flow.ResetByPeer, who + " reset the connection"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return flow.Timeout, "time ran out"
	case errors.Is(err, syscall.ETIMEDOUT):
		return flow.Timeout, who + " does not answer any more"
	case errors.Is(err, net.ErrClosed):
		return flow.Unspecified, "the connection was closed here"
	}
	return flow.ResetByPeer, err.Error()
}

// ioError is a failure of a connection while doing what at peer.
func ioError(peer flow.Peer, phase flow.Phase, err error, what, detail string) *flow.Error {
	cause, text := causeOf(err, peer.String())
	if detail != "" {
		text += " " + detail
	}
	return &flow.Error{Peer: peer, Phase: phase, Cause: cause, Err: &wrapped{what + ": " + text, err}}
}

// wrapped shows its own text and keeps what the system said for errors.Is.
type wrapped struct {
	text string
	err  error
}

func (w *wrapped) Error() string { return w.text }
func (w *wrapped) Unwrap() error { return w.err }

// given is a cause that a caller handed in, as a *flow.Error.
func given(cause error, peer flow.Peer, phase flow.Phase, what string) *flow.Error {
	if e, ok := errors.AsType[*flow.Error](cause); ok {
		return e
	}
	if cause == nil {
		cause = errors.New("given up")
	}
	e := &flow.Error{Peer: peer, Phase: phase, Cause: flow.Unspecified, Err: fmt.Errorf("%s: %w", what, cause)}
	switch {
	case errors.Is(cause, context.DeadlineExceeded), errors.Is(cause, os.ErrDeadlineExceeded):
		e.Cause = flow.Timeout
	case errors.Is(cause, context.Canceled):
		e.Cause = flow.NotNeeded
	}
	return e
}

// from puts the peer's name into the text of an error of the codec: "read
// response head: ..." becomes "read response head from origin.test:80: ...".
func from(err error, name string) error {
	e, ok := err.(*flow.Error)
	if !ok {
		return err
	}
	if what, why, ok := strings.Cut(e.Err.Error(), ": "); ok {
		e.Err = &wrapped{what + " from " + name + ": " + why, e.Err}
	}
	return e
}
