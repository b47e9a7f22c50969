package script

import (
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/coding"
)

func setContent(e *engine, m *message, v goja.Value) {
	var p []byte
	if !isNull(v) {
		p = e.mustBytes(v, "content")
	}
	if m.settable() {
		m.changed(m.body().SetContent(p))
	}
}

func setRawContent(e *engine, m *message, v goja.Value) {
	var p []byte
	if !isNull(v) {
		p = e.mustBytes(v, "raw_content")
	}
	if m.settable() {
		m.changed(m.body().SetRaw(p))
	}
}

func setText(e *engine, m *message, v goja.Value) {
	s := ""
	if !isNull(v) {
		if _, ok := v.(goja.String); !ok {
			panic(e.typeError("text takes a string, not %s", kindOf(v)))
		}
		s = octets(v)
	}
	if m.settable() {
		m.changed(m.body().SetText(s))
	}
}

func (e *engine) bytesOrNull(p []byte) goja.Value {
	if p == nil {
		return goja.Null()
	}
	return e.bytesValue(p)
}

func setVersion(e *engine, m *message, v goja.Value) {
	for _, known := range []flow.Version{flow.HTTP10, flow.HTTP11, flow.HTTP2, flow.HTTP3} {
		if v.String() == known.String() {
			m.edit().Version = known
			return
		}
	}
	panic(e.typeError("unknown http_version %q", v.String()))
}

// strictArg reads strict=True: true, false or {strict: false}.
func strictArg(v goja.Value) bool {
	if isNull(v) {
		return true
	}
	if obj, ok := v.(*goja.Object); ok {
		s := obj.Get("strict")
		return s == nil || s.ToBoolean()
	}
	return v.ToBoolean()
}

func isVersion(v flow.Version) attr[*message] {
	return attr[*message]{get: func(e *engine, m *message) goja.Value { return e.vm.ToValue(m.head().Version == v) }}
}

// messageAttrs are the attributes of both requests and responses.
func messageAttrs(own map[string]attr[*message]) map[string]attr[*message] {
	all := map[string]attr[*message]{
		"headers": {
			get: func(e *engine, m *message) goja.Value { return m.headers() },
			set: func(e *engine, m *message, v goja.Value) { m.headers().Export().(*dict).assign(v) },
		},
		"trailers": {
			get: func(e *engine, m *message) goja.Value {
				if len(m.head().Trailers) == 0 {
					return goja.Null()
				}
				return m.trailers()
			},
			set: func(e *engine, m *message, v goja.Value) { m.trailers().Export().(*dict).assign(v) },
		},
		"content": {
			get: func(e *engine, m *message) goja.Value { return e.bytesOrNull(m.content(true)) },
			set: setContent,
		},
		"raw_content": {
			get: func(e *engine, m *message) goja.Value { return e.bytesOrNull(m.raw()) },
			set: setRawContent,
		},
		"text": {
			get: func(e *engine, m *message) goja.Value {
				s, ok := m.text()
				if !ok {
					return goja.Null()
				}
				return e.wireText(s)
			},
			set: setText,
		},
		"stream":       {get: getStream, set: setStream},
		"http_version": {get: func(e *engine, m *message) goja.Value { return e.vm.ToValue(m.head().Version.String()) }, set: setVersion},
		"is_http10":    isVersion(flow.HTTP10),
		"is_http11":    isVersion(flow.HTTP11),
		"is_http2":     isVersion(flow.HTTP2),
		"is_http3":     isVersion(flow.HTTP3),
		"timestamp_start": {
			get: func(e *engine, m *message) goja.Value { return e.seconds(m.head().Start) },
			set: func(e *engine, m *message, v goja.Value) { m.edit().Start = e.timeOf(v, "timestamp_start") },
		},
		"timestamp_end": {
			get: func(e *engine, m *message) goja.Value { return e.seconds(m.head().End) },
			set: func(e *engine, m *message, v goja.Value) { m.edit().End = e.timeOf(v, "timestamp_end") },
		},
	}
	for n, a := range own {
		all[n] = a
	}
	return all
}

// messageMethods are the methods of both.
func messageMethods(own map[string]method[*message]) map[string]method[*message] {
	all := map[string]method[*message]{
		"get_content": func(e *engine, m *message, fc goja.FunctionCall) goja.Value {
			return e.bytesOrNull(m.content(strictArg(fc.Argument(0))))
		},
		"set_content": func(e *engine, m *message, fc goja.FunctionCall) goja.Value {
			setContent(e, m, fc.Argument(0))
			return goja.Undefined()
		},
		"get_text": getText,
		"set_text": func(e *engine, m *message, fc goja.FunctionCall) goja.Value {
			setText(e, m, fc.Argument(0))
			return goja.Undefined()
		},
		"json":   getJSON,
		"decode": decodeBody,
		"encode": encodeBody,
	}
	for n, f := range own {
		all[n] = f
	}
	return all
}

func getText(e *engine, m *message, fc goja.FunctionCall) goja.Value {
	strict := strictArg(fc.Argument(0))
	p := m.content(strict)
	if p == nil {
		return goja.Null()
	}
	text, err := coding.DecodeText(m.head().Fields.Get("Content-Type"), p)
	switch {
	case err == nil:
		return e.wireText(text)
	case strict:
		panic(e.failure(fmt.Errorf("ValueError: %w", err)))
	}
	return e.wireText(string(p))
}

func getJSON(e *engine, m *message, _ goja.FunctionCall) goja.Value {
	p := m.content(false)
	if p == nil {
		panic(e.typeError("json(): the %s has no content here", m.side))
	}
	v, err := e.ready.parseJSON(goja.Undefined(), e.wireText(strings.TrimPrefix(string(p), "\ufeff")))
	if err != nil {
		panic(e.rethrow(err))
	}
	return v
}

func decodeBody(e *engine, m *message, fc goja.FunctionCall) goja.Value {
	p := m.content(strictArg(fc.Argument(0)))
	if p == nil || !m.settable() {
		return goja.Undefined()
	}
	if m.body().Access() == hook.Editable {
		m.edit().Fields.Del("Content-Encoding")
	}
	m.changed(m.body().SetContent(p))
	return goja.Undefined()
}

func encodeBody(e *engine, m *message, fc goja.FunctionCall) goja.Value {
	p := m.raw()
	if p == nil || !m.settable() {
		return goja.Undefined()
	}
	name := e.mustLine(fc.Argument(0), "encode")
	if m.body().Access() != hook.Editable {
		m.changed(m.body().SetRaw(p))
		return goja.Undefined()
	}
	m.edit().Fields.Set("Content-Encoding", name)
	m.changed(m.body().SetContent(p))
	if !m.head().Fields.Has("Content-Encoding") {
		panic(e.failure(errors.New("ValueError: unknown content coding " + name)))
	}
	return goja.Undefined()
}
