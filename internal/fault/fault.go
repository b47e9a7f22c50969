package fault

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

// CauseOf sorts an error of a connection and says it in words, who being
// "client" or "server".
func CauseOf(err error, who string) (flow.Cause, string) {
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
	// TLS reports an alert from the peer as a net.OpError "remote error", and one
	// that it sends as "local error".
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		return flow.ResetByPeer, who + " ended TLS with the alert " + alert(op.Err, who)
	} else if ok && op.Op == "local error" {
		return flow.Malformed, who + " sent what TLS does not allow: " + alert(op.Err, who)
	}
	return flow.ResetByPeer, err.Error()
}

// alert names an alert of TLS, and what helps. With TLS 1.3 a client has done its
// handshake when the server misses its certificate (RFC 8446 section 4.4.2.4). A
// server that asks for one later does so because the client has offered it, and a
// greeting like the client's has (section 4.6.2).
func alert(err error, who string) string {
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "tls: "), " ", "_"))
	switch {
	case who != "server":
	case name == "certificate_required":
		name += " (it wants a client certificate: option client_certs)"
	case name == "unexpected_message":
		name += " (it may want a client certificate after the handshake: try again, or set tls_hello=own)"
	}
	return name
}

// Say shows text and keeps what the system said for errors.Is.
func Say(text string, err error) error { return &said{text, err} }

type said struct {
	text string
	err  error
}

func (s *said) Error() string { return s.text }
func (s *said) Unwrap() error { return s.err }

// Given is a cause that a caller handed in, as a *flow.Error; what says what was
// being done.
func Given(cause error, peer flow.Peer, phase flow.Phase, what string) *flow.Error {
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
