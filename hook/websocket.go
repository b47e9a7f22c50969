package hook

import (
	"context"
	"time"
)

// The events of a WebSocket connection (RFC 6455), which begin when a 101 has
// been sent on. They run one at a time; what the connection brings meanwhile
// waits. Exchange.WebSocket is set.
type (
	// WebSocketStartHook runs before any message.
	WebSocketStartHook interface {
		WebSocketStart(ctx context.Context, x *Exchange) error
	}
	// WebSocketMessageHook runs for each text or binary message when it is
	// complete, before it is sent on: Exchange.WebSocket.Message. It does not run
	// for control frames, nor for a message above 1 MiB, which passes.
	WebSocketMessageHook interface {
		WebSocketMessage(ctx context.Context, x *Exchange) error
	}
	// WebSocketEndHook runs when both directions have ended.
	WebSocketEndHook interface {
		WebSocketEnd(ctx context.Context, x *Exchange) error
	}
)

// WebSocket is a connection that hooks hear.
type WebSocket struct {
	// Message is the one that WebSocketMessage runs on, else the last one.
	Message *WebSocketMessage
	// Count is how many messages hooks have been given.
	Count int64

	// What follows is set before WebSocketEnd.

	// CloseCode is that of the first close frame: 1005 where it has none, and 1006
	// where the connection ended without one (section 7.1.5).
	CloseCode   int
	CloseReason string
	// ClosedByClient tells whose close frame, or else whose end, came first.
	ClosedByClient bool
	End            time.Time

	injecting
}

// A WebSocketMessage is one message on its way. One that hooks leave alone is
// sent as it came, frame by frame and octet by octet.
type WebSocketMessage struct {
	FromClient bool
	Text       bool // else binary
	// Content belongs to the hooks, which may change or replace it.
	Content []byte
	Time    time.Time // when it was complete

	dropped bool
}

// Drop keeps the message from being sent, and from the addons that come after.
func (m *WebSocketMessage) Drop() { m.dropped = true }

// Dropped tells whether Drop was called.
func (m *WebSocketMessage) Dropped() bool { return m.dropped }

// WebSocketStart runs the event; errors as RequestHeaders.
func (s *Set) WebSocketStart(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.webSocketStart, x, "websocket_start", WebSocketStartHook.WebSocketStart)
}

// WebSocketMessage runs the event on every addon that has it, until one drops
// the message; errors as RequestHeaders.
func (s *Set) WebSocketMessage(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return each(ctx, s, s.webSocketMessage, x, "websocket_message", func(h WebSocketMessageHook, ctx context.Context, x *Exchange) error {
		if x.WebSocket.Message.dropped {
			return nil
		}
		return h.WebSocketMessage(ctx, x)
	})
}

// WebSocketEnd runs the event; errors as RequestHeaders.
func (s *Set) WebSocketEnd(ctx context.Context, x *Exchange) error {
	if s == nil {
		return nil
	}
	return last(ctx, s, s.webSocketEnd, x, "websocket_end", WebSocketEndHook.WebSocketEnd)
}
