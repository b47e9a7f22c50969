package script

import (
	"context"
	"unicode/utf8"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
)

// GRPCMessage runs the script's grpc_message.
func (a *addon) GRPCMessage(ctx context.Context, x *hook.Exchange, m *hook.StreamMessage) error {
	return a.run(ctx, x, grpcMessage, &streamMessage{m: m})
}

// StreamMessage runs the script's stream_message.
func (a *addon) StreamMessage(ctx context.Context, x *hook.Exchange, m *hook.StreamMessage) error {
	return a.run(ctx, x, streamMessageEvent, &streamMessage{m: m})
}

// streamMessage is the argument of grpc_message and stream_message. When the hook
// has returned it is only there to be read: its message is on its way.
type streamMessage struct {
	m    *hook.StreamMessage
	over bool
}

func (sm *streamMessage) object(e *engine) goja.Value {
	return streamMessageClass.wrap(e, e.ready.streamMessage, sm)
}

func (sm *streamMessage) close() {
	kept := *sm.m
	sm.m, sm.over = &kept, true
}

func (sm *streamMessage) mustBeOpen(e *engine, what string) {
	if sm.over {
		panic(e.typeError("message.%s comes too late: its hook has returned, and the message is on its way", what))
	}
}

// insert adds messages: bytes, or strings as UTF-8.
func (sm *streamMessage) insert(e *engine, name string, insert func(...[]byte) error, fc goja.FunctionCall) goja.Value {
	sm.mustBeOpen(e, name)
	for _, v := range fc.Arguments {
		p, ok := e.bytesOrText(v)
		if !ok {
			panic(e.typeError("message.%s takes a Uint8Array or a string, not %s", name, kindOf(v)))
		}
		if err := insert(append([]byte{}, p...)); err != nil {
			panic(e.failure(err))
		}
	}
	return goja.Undefined()
}

func dropStreamMessage(e *engine, sm *streamMessage, _ goja.FunctionCall) goja.Value {
	sm.mustBeOpen(e, "drop")
	sm.m.Drop()
	return goja.Undefined()
}

var streamMessageClass = &class[*streamMessage]{
	name:  "message",
	order: []string{"kind", "from_client", "index", "content", "compressed", "trailers", "fields", "dropped"},
	text: func(sm *streamMessage) string {
		if utf8.Valid(sm.m.Data) {
			return string(sm.m.Data)
		}
		return "<StreamMessage " + sm.m.Kind + ">"
	},
	attrs: map[string]attr[*streamMessage]{
		"kind":        {get: func(e *engine, sm *streamMessage) goja.Value { return e.vm.ToValue(sm.m.Kind) }},
		"from_client": {get: func(e *engine, sm *streamMessage) goja.Value { return e.vm.ToValue(sm.m.Side == flow.ToServer) }},
		"index":       {get: func(e *engine, sm *streamMessage) goja.Value { return e.vm.ToValue(sm.m.Index) }},
		"content": {
			get: func(e *engine, sm *streamMessage) goja.Value { return e.bytesValue(append([]byte{}, sm.m.Data...)) },
			set: func(e *engine, sm *streamMessage, v goja.Value) {
				sm.mustBeOpen(e, "content")
				sm.m.Data = e.mustBytes(v, "message.content")
			},
		},
		"text": {
			get: func(e *engine, sm *streamMessage) goja.Value { return e.wireText(string(sm.m.Data)) },
			set: func(e *engine, sm *streamMessage, v goja.Value) {
				sm.mustBeOpen(e, "text")
				sm.m.Data = []byte(e.mustText(v, "message.text"))
			},
		},
		"compressed": {
			get: func(e *engine, sm *streamMessage) goja.Value { return e.vm.ToValue(sm.m.Compressed) },
			set: func(e *engine, sm *streamMessage, v goja.Value) {
				sm.mustBeOpen(e, "compressed")
				sm.m.Compressed = v.ToBoolean()
			},
		},
		"trailers": {get: func(e *engine, sm *streamMessage) goja.Value { return e.vm.ToValue(sm.m.Trailers) }},
		"fields": {get: func(e *engine, sm *streamMessage) goja.Value {
			all := make([]any, len(sm.m.Fields))
			for i, f := range sm.m.Fields {
				all[i] = e.vm.NewArray(e.wireText(f.Name), e.wireText(f.Value))
			}
			return e.vm.NewArray(all...)
		}},
		"dropped": {get: func(e *engine, sm *streamMessage) goja.Value { return e.vm.ToValue(sm.m.Dropped()) }},
	},
	methods: map[string]method[*streamMessage]{
		"json": func(e *engine, sm *streamMessage, _ goja.FunctionCall) goja.Value {
			v, err := e.ready.parseJSON(goja.Undefined(), e.wireText(string(sm.m.Data)))
			if err != nil {
				panic(e.rethrow(err))
			}
			return v
		},
		"drop": dropStreamMessage,
		"kill": dropStreamMessage,
		"insert_before": func(e *engine, sm *streamMessage, fc goja.FunctionCall) goja.Value {
			return sm.insert(e, "insert_before", sm.m.InsertBefore, fc)
		},
		"insert_after": func(e *engine, sm *streamMessage, fc goja.FunctionCall) goja.Value {
			return sm.insert(e, "insert_after", sm.m.InsertAfter, fc)
		},
	},
}
