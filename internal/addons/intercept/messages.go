package intercept

import (
	"bytes"
	"context"
	"io"
	"time"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/sse"
)

// SSEEvent parks an event.
func (i *Intercept) SSEEvent(ctx context.Context, x *hook.Exchange, e *hook.SSEEvent) error {
	text, err := sse.Append(nil, &e.SSE, "\n")
	if err != nil {
		text = []byte(e.Data)
	}
	return i.message(ctx, x, &Message{Kind: "sse", Side: e.Side, Index: e.Index, event: e}, text)
}

// GRPCMessage parks a message of gRPC and its like.
func (i *Intercept) GRPCMessage(ctx context.Context, x *hook.Exchange, m *hook.StreamMessage) error {
	return i.message(ctx, x, &Message{Kind: m.Kind, Side: m.Side, Index: m.Index, stream: m}, m.Data)
}

// StreamMessage parks a message of other streams; parts of multipart bodies are held
// as a whole.
func (i *Intercept) StreamMessage(ctx context.Context, x *hook.Exchange, m *hook.StreamMessage) error {
	if m.Kind == "multipart" {
		return nil
	}
	return i.message(ctx, x, &Message{Kind: m.Kind, Side: m.Side, Index: m.Index, stream: m}, m.Data)
}

// WebSocketMessage parks a message of WebSocket.
func (i *Intercept) WebSocketMessage(ctx context.Context, x *hook.Exchange) error {
	m := x.WebSocket.Message
	return i.message(ctx, x, &Message{Kind: "websocket", Side: sideOf(m.FromClient), Index: x.WebSocket.Count - 1, socket: m}, m.Content)
}

// TCPMessage parks what has arrived in one piece.
func (i *Intercept) TCPMessage(ctx context.Context, x *hook.Exchange) error {
	m := x.TCP.Message
	return i.message(ctx, x, &Message{Kind: "tcp", Side: sideOf(m.FromClient), Index: x.TCP.Count - 1, tcp: m}, m.Content)
}

func sideOf(fromClient bool) flow.Side {
	if fromClient {
		return flow.ToServer
	}
	return flow.ToClient
}

func (i *Intercept) message(ctx context.Context, x *hook.Exchange, m *Message, content []byte) error {
	i.mu.Lock()
	filter := i.wanted()
	i.mu.Unlock()
	if filter == nil {
		return nil
	}
	if first, ok := until[m.Side].Get(x); ok && m.Index < first {
		return nil
	}
	f := picture(x, flow.ToClient)
	t := filter.Heads(f, time.Now())
	if t == query.Unknown && !query.IsWebSocket(f) && f.Kind == flow.HTTP {
		plain := *f
		if yes, err := filter.Match(ctx, &plain, oneMessage{m.Side, content}, time.Now()); yes && err == nil {
			t = query.Yes
		}
	}
	if t == query.Yes {
		i.park(ctx, &Held{Stage: OneMessage, Message: m, x: x, side: m.Side})
	}
	return nil
}

// until is which message of a side is held next, at the earliest.
var until [2]hook.Key[int64]

// oneMessage gives a filter the content of a message as a body.
type oneMessage struct {
	side    flow.Side
	content []byte
}

// Open implements query.Bodies.
func (o oneMessage) Open(_ context.Context, f *flow.Flow, side flow.Side) (io.ReadCloser, error) {
	if side != o.side {
		return nil, nil
	}
	return io.NopCloser(bytes.NewReader(o.content)), nil
}

// Message is one message that is held. Its methods are for the function of Do.
type Message struct {
	Kind  string // "sse", "websocket", "tcp", or as in hook.StreamMessage
	Side  flow.Side
	Index int64

	event  *hook.SSEEvent
	stream *hook.StreamMessage
	socket *hook.WebSocketMessage
	tcp    *hook.TCPMessage
}

// Event is a server-sent event, nil for others.
func (m *Message) Event() *hook.SSE {
	if m.event == nil {
		return nil
	}
	return &m.event.SSE
}

// Content is what the message says.
func (m *Message) Content() []byte {
	switch {
	case m.event != nil:
		return []byte(m.event.Data)
	case m.stream != nil:
		return m.stream.Data
	case m.socket != nil:
		return m.socket.Content
	}
	return m.tcp.Content
}

// SetContent changes what it says.
func (m *Message) SetContent(p []byte) {
	switch {
	case m.event != nil:
		m.event.Data, m.event.HasData = string(p), true
	case m.stream != nil:
		m.stream.Data = p
	case m.socket != nil:
		m.socket.Content = p
	default:
		m.tcp.Content = p
	}
}

// drop keeps it from being sent.
func (m *Message) drop() {
	switch {
	case m.event != nil:
		m.event.Drop()
	case m.stream != nil:
		m.stream.Drop()
	case m.socket != nil:
		m.socket.Drop()
	default:
		m.tcp.Content = nil
	}
}
