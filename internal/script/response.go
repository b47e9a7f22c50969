package script

import (
	"strconv"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
)

func statusText(r *flow.Response) string {
	s := strconv.Itoa(r.Status)
	if r.Reason != "" {
		s += " " + r.Reason
	}
	return s
}

var responseClass = &class[*message]{
	name: "response",
	text: (*message).String,
	order: []string{"status_code", "reason", "http_version", "headers", "trailers", "content", "stream",
		"timestamp_start", "timestamp_end"},
	attrs: messageAttrs(map[string]attr[*message]{
		"status_code": {
			get: func(e *engine, m *message) goja.Value { return e.vm.ToValue(int64(m.response().Status)) },
			set: func(e *engine, m *message, v goja.Value) {
				n := e.mustInt(v, "status_code", 100, 999)
				m.touch()
				m.response().Status = int(n)
			},
		},
		"reason": {
			get: func(e *engine, m *message) goja.Value { return e.wireText(m.response().Reason) },
			set: func(e *engine, m *message, v goja.Value) {
				s := ""
				if !isNull(v) {
					s = e.mustLine(v, "reason")
				}
				m.touch()
				m.response().Reason = s
			},
		},
		"cookies": {get: getSetCookies, set: func(e *engine, m *message, v goja.Value) { assignTo(getSetCookies(e, m), v) }},
	}),
	methods: messageMethods(map[string]method[*message]{
		"copy": func(_ *engine, m *message, _ goja.FunctionCall) goja.Value { return m.copyResponse().object() },
	}),
}

// makeResponse is Response.make(status_code = 200, content = "", headers = {}).
func (e *engine) makeResponse(fc goja.FunctionCall) goja.Value {
	status := int64(200)
	if v := fc.Argument(0); !goja.IsUndefined(v) {
		status = e.mustInt(v, "status_code", 100, 999)
	}
	var fs flow.Fields
	if v := fc.Argument(2); !isNull(v) {
		d := e.freeFields(nil).Export().(*dict)
		d.assign(v)
		fs = d.list()
	}
	r := hook.MakeResponse(int(status), fs, nil)
	m := &message{e: e, side: flow.ToClient, res: r}
	switch v := fc.Argument(1); {
	case goja.IsUndefined(v):
		m.changed(r.SetContent(nil))
	default:
		if p, ok := e.bytesIn(v); ok {
			m.changed(r.SetContent(append([]byte(nil), p...)))
		} else if s, ok := v.(goja.String); ok {
			m.changed(r.SetText(octets(s)))
		} else {
			panic(e.typeError("Response.make takes a string or a Uint8Array as its content, not %s", kindOf(v)))
		}
	}
	return m.object()
}

// copyResponse makes a response of a script's own from m.
func (m *message) copyResponse() *message {
	var p []byte
	if m.free() {
		p = append(p, m.raw()...)
	} else {
		p = append(p, m.keptRaw...)
	}
	old := m.response()
	r := hook.MakeResponse(old.Status, old.Fields, p)
	r.Response.Reason, r.Trailers = old.Reason, old.Trailers.Clone()
	return &message{e: m.e, side: flow.ToClient, res: r}
}
