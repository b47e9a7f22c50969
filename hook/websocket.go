package hook

import (
	"context"
	"errors"
	"sync"
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

	injected []Injected
	size     int

	sender *sender // nil where nothing can be sent but by hooks
}

// sender is what Send sends by.
type sender struct {
	mu   sync.Mutex
	send func(Injected) error // nil when the connection is over
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

// Injected is a message that a hook has added.
type Injected struct {
	ToClient, Text bool
	Content        []byte
}

// maxInjected is how many messages a hook may add at a time, maxInjectedSize how
// many octets.
const (
	maxInjected     = 1024
	maxInjectedSize = 16 << 20
)

// ErrTooMuchInjected is returned past what a hook may add.
var ErrTooMuchInjected = errors.New("more than 1024 messages, or 16 MiB, were injected by one hook")

// Inject sends a message when the hooks have run, behind the one that they ran
// on. No hook sees it. It may be called by hooks of the connection, while they
// run. Content must not change any more.
func (w *WebSocket) Inject(m Injected) error {
	if len(w.injected) == maxInjected || w.size+len(m.Content) > maxInjectedSize {
		return ErrTooMuchInjected
	}
	w.injected = append(w.injected, m)
	w.size += len(m.Content)
	return nil
}

// TakeInjected returns what was injected and forgets it.
func (w *WebSocket) TakeInjected() []Injected {
	all := w.injected
	w.injected, w.size = nil, 0
	return all
}

// ErrSocketClosed is returned by Send where the connection is not open any more.
var ErrSocketClosed = errors.New("the WebSocket connection is not open any more")

// Send sends a message at once, behind the one that is under way to the same side. No
// hook sees it. It may be called by anybody at any time; it waits while the receiver
// takes nothing. Content must not change any more.
func (w *WebSocket) Send(m Injected) error {
	if w.sender == nil {
		return ErrSocketClosed
	}
	w.sender.mu.Lock()
	send := w.sender.send
	w.sender.mu.Unlock()
	if send == nil {
		return ErrSocketClosed
	}
	return send(m)
}

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
