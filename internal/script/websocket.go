package script

import (
	"context"
	"unicode/utf8"

	"github.com/dop251/goja"

	"midstream/hook"
)

// WebSocketStart runs the script's websocket_start.
func (a *addon) WebSocketStart(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, webSocketStart, nil)
}

// WebSocketMessage runs the script's websocket_message.
func (a *addon) WebSocketMessage(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, webSocketMessage, nil)
}

// WebSocketEnd runs the script's websocket_end.
func (a *addon) WebSocketEnd(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, webSocketEnd, nil)
}

// webSocket is flow.websocket. It has one message, the last one.
type webSocket struct {
	f       *flowState
	obj     *goja.Object
	message *socketMessage // what list has
	list    *goja.Object
}

// socketMessage is a message of a WebSocket connection. When its hook has
// returned it is only there to be read: it is on its way.
type socketMessage struct {
	f *flowState
	m *hook.WebSocketMessage
}

// state is the connection as the running hook or the last one has it.
func (w *webSocket) state() *hook.WebSocket {
	if w.f.live > 0 {
		return w.f.x.WebSocket
	}
	return w.f.pic.socket
}

func getWebSocket(e *engine, f *flowState) goja.Value {
	if f.live > 0 && f.x.WebSocket == nil || f.live == 0 && f.pic.socket == nil {
		return goja.Null()
	}
	if f.socket == nil {
		f.socket = &webSocket{f: f}
		f.socket.obj = webSocketClass.wrap(e, e.ready.webSocket, f.socket)
	}
	return f.socket.obj
}

// messages is a list of the last message, which -1 names, too.
func (w *webSocket) messages(e *engine) goja.Value {
	m := w.state().Message
	if w.list == nil || m != nil && (w.message == nil || w.message.m != m) {
		w.list = e.vm.NewArray()
		if m != nil {
			w.message = &socketMessage{w.f, m}
			obj := socketMessageClass.wrap(e, e.ready.socketMessage, w.message)
			w.list = e.vm.NewArray(obj)
			w.list.DefineDataProperty("-1", obj, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
		}
	}
	return w.list
}

var webSocketClass = &class[*webSocket]{
	name:  "websocket",
	order: []string{"messages", "message_count", "closed_by_client", "close_code", "close_reason", "timestamp_end"},
	text:  func(w *webSocket) string { return "<WebSocketData>" },
	attrs: map[string]attr[*webSocket]{
		"messages":      {get: func(e *engine, w *webSocket) goja.Value { return w.messages(e) }},
		"message_count": {get: func(e *engine, w *webSocket) goja.Value { return e.vm.ToValue(w.state().Count) }},
		"closed_by_client": {get: func(e *engine, w *webSocket) goja.Value {
			return w.ended(func(s *hook.WebSocket) goja.Value { return e.vm.ToValue(s.ClosedByClient) })
		}},
		"close_code": {get: func(e *engine, w *webSocket) goja.Value {
			return w.ended(func(s *hook.WebSocket) goja.Value { return e.vm.ToValue(s.CloseCode) })
		}},
		"close_reason": {get: func(e *engine, w *webSocket) goja.Value {
			return w.ended(func(s *hook.WebSocket) goja.Value { return e.wireText(s.CloseReason) })
		}},
		"timestamp_end": {get: func(e *engine, w *webSocket) goja.Value { return e.seconds(w.state().End) }},
	},
	methods: map[string]method[*webSocket]{"inject": injectMessage},
}

// ended gives null while the connection is open.
func (w *webSocket) ended(get func(*hook.WebSocket) goja.Value) goja.Value {
	s := w.state()
	if s.End.IsZero() {
		return goja.Null()
	}
	return get(s)
}

// injectMessage is inject(to_client, content, is_text), a string being text
// unless told.
func injectMessage(e *engine, w *webSocket, fc goja.FunctionCall) goja.Value {
	if w.f.live == 0 || w.f.event != webSocketStart && w.f.event != webSocketMessage {
		panic(e.typeError("flow.websocket.inject works only while websocket_start or websocket_message of the flow runs"))
	}
	content, ok := e.bytesOrText(fc.Argument(1))
	if !ok {
		panic(e.typeError("flow.websocket.inject takes whether it goes to the client, and bytes or a string, not %s", kindOf(fc.Argument(1))))
	}
	_, text := fc.Argument(1).(goja.String)
	if !isNull(fc.Argument(2)) {
		text = fc.Argument(2).ToBoolean()
	}
	err := w.f.x.WebSocket.Inject(hook.Injected{ToClient: fc.Argument(0).ToBoolean(), Text: text, Content: append([]byte{}, content...)})
	if err != nil {
		panic(e.failure(err))
	}
	return goja.Undefined()
}

func (m *socketMessage) mustBeOpen(e *engine, what string) {
	f := m.f
	if f.live == 0 || f.event != webSocketMessage || f.x.WebSocket.Message != m.m {
		panic(e.typeError("message.%s comes too late: its websocket_message has returned, and the message is on its way", what))
	}
}

func (m *socketMessage) mustBeText(e *engine) {
	if !m.m.Text {
		panic(e.typeError("message.text is of text messages; this one is binary and has content"))
	}
}

func dropMessage(e *engine, m *socketMessage, _ goja.FunctionCall) goja.Value {
	m.mustBeOpen(e, "drop")
	m.m.Drop()
	return goja.Undefined()
}

var socketMessageClass = &class[*socketMessage]{
	name:  "message",
	order: []string{"from_client", "content", "is_text", "type", "timestamp", "dropped"},
	text: func(m *socketMessage) string {
		if m.m.Text && utf8.Valid(m.m.Content) {
			return string(m.m.Content)
		}
		return "<WebSocketMessage>"
	},
	attrs: map[string]attr[*socketMessage]{
		"from_client": {get: func(e *engine, m *socketMessage) goja.Value { return e.vm.ToValue(m.m.FromClient) }},
		"content": {
			get: func(e *engine, m *socketMessage) goja.Value { return e.bytesValue(append([]byte{}, m.m.Content...)) },
			set: func(e *engine, m *socketMessage, v goja.Value) {
				m.mustBeOpen(e, "content")
				m.m.Content = e.mustBytes(v, "message.content")
			},
		},
		"text": {
			get: func(e *engine, m *socketMessage) goja.Value {
				m.mustBeText(e)
				return e.wireText(string(m.m.Content))
			},
			set: func(e *engine, m *socketMessage, v goja.Value) {
				m.mustBeOpen(e, "text")
				m.mustBeText(e)
				m.m.Content = []byte(e.mustText(v, "message.text"))
			},
		},
		"is_text": {get: func(e *engine, m *socketMessage) goja.Value { return e.vm.ToValue(m.m.Text) }},
		"type": {get: func(e *engine, m *socketMessage) goja.Value {
			if m.m.Text {
				return e.vm.ToValue(1)
			}
			return e.vm.ToValue(2)
		}},
		"timestamp": {get: func(e *engine, m *socketMessage) goja.Value { return e.seconds(m.m.Time) }},
		"dropped":   {get: func(e *engine, m *socketMessage) goja.Value { return e.vm.ToValue(m.m.Dropped()) }},
		"injected":  {get: func(e *engine, m *socketMessage) goja.Value { return e.vm.ToValue(false) }},
	},
	methods: map[string]method[*socketMessage]{"drop": dropMessage, "kill": dropMessage},
}
