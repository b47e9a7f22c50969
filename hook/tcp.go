package hook

import (
	"context"
	"time"
)

// The events of a raw tunnel: what a client and a server say to each other that is
// neither HTTP nor to be ignored, inside TLS where that was taken off. They run one at a
// time. Exchange.TCP is set; Exchange.Request is empty and Response nil.
type (
	// TCPStartHook runs before anything passes.
	TCPStartHook interface {
		TCPStart(ctx context.Context, x *Exchange) error
	}
	// TCPMessageHook runs for what has arrived in one piece, before it is sent on:
	// Exchange.TCP.Message. TCP has no messages: a piece is what was read at once, at
	// most 32 KiB.
	TCPMessageHook interface {
		TCPMessage(ctx context.Context, x *Exchange) error
	}
	// TCPEndHook runs when both directions have ended properly.
	TCPEndHook interface {
		TCPEnd(ctx context.Context, x *Exchange) error
	}
	// TCPErrorHook runs instead when the connection ended in another way; x.Err says
	// why.
	TCPErrorHook interface {
		TCPError(ctx context.Context, x *Exchange) error
	}
)

// TCP is a raw tunnel that hooks hear.
type TCP struct {
	// Message is the one that TCPMessage runs on, else the last one.
	Message *TCPMessage
	// Count is how many messages hooks have been given.
	Count int64

	injecting
}

// A TCPMessage is what has arrived in one piece.
type TCPMessage struct {
	FromClient bool
	// Content belongs to the hooks, which may change or replace it; empty it is not
	// sent.
	Content []byte
	Time    time.Time // when it had arrived
}

// TCPStart runs the event; errors as RequestHeaders.
func (s *Set) TCPStart(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.tcpStart, x, "tcp_start", TCPStartHook.TCPStart)
}

// TCPMessage runs the event; errors as RequestHeaders.
func (s *Set) TCPMessage(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.tcpMessage, x, "tcp_message", TCPMessageHook.TCPMessage)
}

// TCPEnd runs the event; errors as RequestHeaders.
func (s *Set) TCPEnd(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return last(ctx, s, s.tcpEnd, x, "tcp_end", TCPEndHook.TCPEnd)
}

// TCPError runs the event; errors as RequestHeaders.
func (s *Set) TCPError(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return last(ctx, s, s.tcpError, x, "tcp_error", TCPErrorHook.TCPError)
}
