package script

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
)

// flowState is one exchange as one version of a script knows it. While a hook
// of the script runs on it, JavaScript sees the exchange itself; at other times
// (chunk functions, timers, flows that a script keeps) it sees the picture that
// the last hook left, because the exchange belongs to somebody else then.
type flowState struct {
	v        *version
	e        *engine
	x        *hook.Exchange
	released atomic.Bool

	// Below belongs to whoever is inside the engine.
	live     int // hooks that run
	event    eventID
	obj      *goja.Object
	req, res *message
	pic      picture
	meta     map[string]goja.Value
	metaObj  *goja.Object
	warned   map[string]bool
	streams  []*generator
	socket   *webSocket // nil until the script asks for it
	raw      rawMessages
	plan     goja.Value // server_conn before the dial

	mu   sync.Mutex // guards late
	late []func(*hook.Exchange)
}

// picture is what a flow looked like when its last hook ended.
type picture struct {
	client, server *flow.Conn
	err            error
	marker         string
	comment        string
	meta           map[string]string
	socket         *hook.WebSocket
	tcp            *hook.TCP
}

// begin starts a hook: the exchange is ours.
func (f *flowState) begin(id eventID) {
	f.live++
	f.event = id
	f.applyLate()
	f.sync()
}

// end stops it and takes the picture.
func (f *flowState) end() {
	f.live--
	if f.live > 0 || f.obj == nil {
		return
	}
	x := f.x
	f.pic = picture{x.Client, x.Server, x.Err, x.Marker, x.Comment, maps.Clone(x.Metadata), nil, nil}
	if x.TCP != nil {
		tcp := *x.TCP
		f.pic.tcp = &tcp
	}
	if x.WebSocket != nil {
		socket := *x.WebSocket
		f.pic.socket = &socket
	}
	f.sync()
	f.req.freeze()
	if f.res != nil {
		f.res.freeze()
	}
}

// sync gives the messages of the exchange their objects.
func (f *flowState) sync() {
	if f.req == nil || f.req.req != f.x.Request {
		f.req = &message{e: f.e, f: f, side: flow.ToServer, req: f.x.Request}
	}
	switch r := f.x.Response; {
	case r == nil:
		f.res = nil
	case f.res == nil || f.res.res != r:
		f.res = &message{e: f.e, f: f, side: flow.ToClient, res: r}
	}
}

func (f *flowState) object() *goja.Object {
	if f.obj == nil {
		f.obj = flowClass.wrap(f.e, f.e.ready.flow, f)
	}
	return f.obj
}

// change runs set on the exchange: now when a hook runs, else before the next
// one or at the flow's end.
func (f *flowState) change(set func(*hook.Exchange)) {
	if f.live > 0 {
		set(f.x)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.late) < maxLate {
		f.late = append(f.late, set)
	}
}

// maxLate bounds the changes that wait for a hook.
const maxLate = 1000

func (f *flowState) applyLate() {
	f.mu.Lock()
	late := f.late
	f.late = nil
	f.mu.Unlock()
	for _, set := range late {
		set(f.x)
	}
}

// finish is called when the exchange is over.
func (f *flowState) finish() {
	f.applyLate()
	f.e.post(func() {
		for _, g := range f.streams {
			g.abandon()
		}
		f.streams = nil
	})
}

// warn logs something once a flow, and notes it there.
func (f *flowState) warn(code, text string) {
	if f.warned[code] {
		return
	}
	if f.warned == nil {
		f.warned = make(map[string]bool)
	}
	f.warned[code] = true
	f.e.host.log.Warn(text, "script", f.e.script, "flow", f.x.ID.String())
	f.x.Find(code, text)
}

var flowClass = &class[*flowState]{
	name: "flow",
	order: []string{"id", "type", "request", "response", "error", "client_conn", "server_conn", "marked",
		"comment", "metadata", "is_replay", "live", "killable", "websocket", "timestamp_start"},
	text: func(f *flowState) string {
		if f.x.TCP != nil {
			return "<TCPFlow>"
		}
		s := "<HTTPFlow " + f.req.String()
		if f.res != nil {
			s += " " + f.res.String()
		}
		return s + ">"
	},
	attrs: map[string]attr[*flowState]{
		"id":     {get: func(e *engine, f *flowState) goja.Value { return e.vm.ToValue(f.x.ID.String()) }},
		"number": {get: func(e *engine, f *flowState) goja.Value { return e.vm.ToValue(int64(f.x.Number)) }},
		"type": {get: func(e *engine, f *flowState) goja.Value {
			if f.x.TCP != nil {
				return e.vm.ToValue("tcp")
			}
			return e.vm.ToValue("http")
		}},
		"messages": {get: getMessages},
		"is_replay": {get: func(e *engine, f *flowState) goja.Value {
			switch f.x.Replayed {
			case flow.RequestReplayed:
				return e.vm.ToValue("request")
			case flow.ServerReplayed:
				return e.vm.ToValue("response")
			}
			return goja.Null()
		}},
		"request": {
			get: func(e *engine, f *flowState) goja.Value {
				if f.x.TCP != nil {
					return goja.Null()
				}
				return f.req.object()
			},
		},
		"response": {get: getResponse, set: setResponse},
		"error": {get: func(e *engine, f *flowState) goja.Value {
			err := f.pic.err
			if f.live > 0 {
				err = f.x.Err
			}
			if err == nil {
				return goja.Null()
			}
			o := e.vm.NewObject()
			o.Set("msg", err.Error())
			o.Set("toString", func(goja.FunctionCall) goja.Value { return e.vm.ToValue(err.Error()) })
			return o
		}},
		"client_conn": {get: func(e *engine, f *flowState) goja.Value {
			if f.live > 0 {
				return e.conn(f.x.Client)
			}
			return e.conn(f.pic.client)
		}},
		"server_conn": {get: func(e *engine, f *flowState) goja.Value {
			switch {
			case f.live == 0:
				return e.conn(f.pic.server)
			case f.x.Server == nil && f.event.beforeDial():
				return f.planned()
			}
			return e.conn(f.x.Server)
		}},
		"marked": {
			get: func(e *engine, f *flowState) goja.Value {
				if f.live > 0 {
					return e.vm.ToValue(f.x.Marker)
				}
				return e.vm.ToValue(f.pic.marker)
			},
			set: func(e *engine, f *flowState, v goja.Value) {
				s := markerOf(v)
				f.pic.marker = s
				f.change(func(x *hook.Exchange) { x.Marker = s })
			},
		},
		"comment": {
			get: func(e *engine, f *flowState) goja.Value {
				if f.live > 0 {
					return e.vm.ToValue(f.x.Comment)
				}
				return e.vm.ToValue(f.pic.comment)
			},
			set: func(e *engine, f *flowState, v goja.Value) {
				s := ""
				if !isNull(v) {
					s = v.String()
				}
				f.pic.comment = s
				f.change(func(x *hook.Exchange) { x.Comment = s })
			},
		},
		"metadata": {
			get: func(e *engine, f *flowState) goja.Value {
				if f.metaObj == nil {
					f.metaObj = e.vm.NewDynamicObject(metadata{f})
				}
				return f.metaObj
			},
			set: func(e *engine, f *flowState, v goja.Value) {
				obj := v.ToObject(e.vm)
				m := metadata{f}
				for _, k := range m.Keys() {
					m.Delete(k)
				}
				for _, k := range obj.Keys() {
					m.Set(k, obj.Get(k))
				}
			},
		},
		"websocket": {get: getWebSocket},
		"live":      {get: func(e *engine, f *flowState) goja.Value { return e.vm.ToValue(!f.released.Load()) }},
		"killable": {get: func(e *engine, f *flowState) goja.Value {
			return e.vm.ToValue(f.x.Killable())
		}},
		"timestamp_start":   {get: func(e *engine, f *flowState) goja.Value { return e.seconds(f.req.head().Start) }},
		"timestamp_created": {get: func(e *engine, f *flowState) goja.Value { return e.seconds(f.req.head().Start) }},
	},
	methods: map[string]method[*flowState]{
		"kill": func(e *engine, f *flowState, _ goja.FunctionCall) goja.Value {
			if err := f.x.Kill(); err != nil {
				panic(e.failure(fmt.Errorf("ControlException: %w", err)))
			}
			return goja.Undefined()
		},
		"inject": injectRaw,
	},
}

// markerOf is lenient: scripts set markers, names and booleans.
func markerOf(v goja.Value) string {
	if isNull(v) {
		return ""
	}
	if b, ok := v.Export().(bool); ok {
		if b {
			return ":red_circle:"
		}
		return ""
	}
	return v.String()
}

func getResponse(e *engine, f *flowState) goja.Value {
	if f.res == nil {
		return goja.Null()
	}
	return f.res.object()
}

func setResponse(e *engine, f *flowState, v goja.Value) {
	if f.live == 0 {
		f.warn("late-change", "flow.response was set when no hook of the flow ran: it has no effect")
		return
	}
	if isNull(v) {
		if f.x.Response != nil && (!f.x.Response.Made || f.event >= responseHeaders) {
			panic(e.typeError("flow.response cannot be taken away; flow.kill() ends the flow"))
		}
		f.x.Response, f.res = nil, nil
		return
	}
	m, ok := unwrap[*message](v)
	if !ok || m.res == nil {
		panic(e.typeError("flow.response takes a response, as Response.make(200, \"text\") returns, or null"))
	}
	if m.f != nil && (m.f != f || m.res != f.x.Response) {
		m = m.copyResponse() // it belongs to another flow, or was replaced
	}
	m.f = f
	f.res = m
	f.x.Response = m.res
}
