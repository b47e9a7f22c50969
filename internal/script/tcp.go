package script

import (
	"context"

	"github.com/dop251/goja"

	"midstream/hook"
)

// TCPStart runs the script's tcp_start.
func (a *addon) TCPStart(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, tcpStart, nil)
}

// TCPMessage runs the script's tcp_message.
func (a *addon) TCPMessage(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, tcpMessage, nil)
}

// TCPEnd runs the script's tcp_end.
func (a *addon) TCPEnd(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, tcpEnd, nil)
}

// TCPError runs the script's tcp_error.
func (a *addon) TCPError(ctx context.Context, x *hook.Exchange) error {
	return a.run(ctx, x, tcpError, nil)
}

// rawMessage is a message of a raw tunnel. When its hook has returned it is only
// there to be read: it is on its way.
type rawMessage struct {
	f *flowState
	m *hook.TCPMessage
}

// rawMessages is flow.messages: a list of the last message, which -1 names, too.
type rawMessages struct {
	of   *hook.TCPMessage
	list *goja.Object
}

func getMessages(e *engine, f *flowState) goja.Value {
	tcp := f.pic.tcp
	if f.live > 0 {
		tcp = f.x.TCP
	}
	if tcp == nil {
		return goja.Undefined()
	}
	if m := tcp.Message; f.raw.list == nil || m != f.raw.of {
		f.raw.of, f.raw.list = m, e.vm.NewArray()
		if m != nil {
			obj := rawMessageClass.wrap(e, e.ready.rawMessage, &rawMessage{f, m})
			f.raw.list = e.vm.NewArray(obj)
			f.raw.list.DefineDataProperty("-1", obj, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
		}
	}
	return f.raw.list
}

// injectRaw is inject(to_client, content) of a raw tunnel.
func injectRaw(e *engine, f *flowState, fc goja.FunctionCall) goja.Value {
	switch {
	case f.x.TCP == nil:
		panic(e.typeError("flow.inject is for raw tunnels; a WebSocket has flow.websocket.inject"))
	case f.live == 0 || f.event != tcpStart && f.event != tcpMessage:
		panic(e.typeError("flow.inject works only while tcp_start or tcp_message of the flow runs"))
	}
	content, ok := e.bytesOrText(fc.Argument(1))
	if !ok {
		panic(e.typeError("flow.inject takes whether it goes to the client, and bytes or a string, not %s", kindOf(fc.Argument(1))))
	}
	if err := f.x.TCP.Inject(hook.Injected{ToClient: fc.Argument(0).ToBoolean(), Content: append([]byte{}, content...)}); err != nil {
		panic(e.failure(err))
	}
	return goja.Undefined()
}

var rawMessageClass = &class[*rawMessage]{
	name:  "message",
	order: []string{"from_client", "content", "timestamp"},
	text:  func(m *rawMessage) string { return "<TCPMessage " + string(m.m.Content) + ">" },
	attrs: map[string]attr[*rawMessage]{
		"from_client": {get: func(e *engine, m *rawMessage) goja.Value { return e.vm.ToValue(m.m.FromClient) }},
		"content": {
			get: func(e *engine, m *rawMessage) goja.Value { return e.bytesValue(append([]byte{}, m.m.Content...)) },
			set: func(e *engine, m *rawMessage, v goja.Value) {
				if f := m.f; f.live == 0 || f.event != tcpMessage || f.x.TCP.Message != m.m {
					panic(e.typeError("message.content comes too late: its tcp_message has returned, and the message is on its way"))
				}
				m.m.Content = e.mustBytes(v, "message.content")
			},
		},
		"timestamp": {get: func(e *engine, m *rawMessage) goja.Value { return e.seconds(m.m.Time) }},
	},
}
