package script

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/dop251/goja"

	"midstream/hook"
	"midstream/internal/body"
)

// nativeStream is a value for message.stream that runs without JavaScript, or
// with little of it: what stream.replace and its like return.
type nativeStream struct {
	text string
	wish func(m *message) hook.Stream
}

var streamClass = &class[*nativeStream]{
	name: "stream", text: func(s *nativeStream) string { return s.text },
	attrs: map[string]attr[*nativeStream]{}, methods: map[string]method[*nativeStream]{},
}

func (e *engine) newStream(text string, wish func(m *message) hook.Stream) goja.Value {
	return streamClass.wrap(e, e.ready.stream, &nativeStream{text, wish})
}

func getStream(e *engine, m *message) goja.Value {
	if m.stream != nil {
		return m.stream
	}
	if !m.free() {
		return goja.Null()
	}
	s := m.body().Stream
	return e.vm.ToValue(s.Wish == hook.DoNotWait || s.Transform != nil)
}

func setStream(e *engine, m *message, v goja.Value) {
	wish, err := e.streamOf(m, v)
	if err != nil {
		panic(err)
	}
	if m.f == nil {
		panic(e.typeError("stream of a response that a script makes has no meaning: its body is there already"))
	}
	if m.f.live == 0 || !m.f.streamable(m) {
		m.f.warn("late-stream", fmt.Sprintf("%s.stream was set outside of %sheaders: it has no effect", m.side, m.side))
		return
	}
	m.stream = v
	m.body().Stream = wish
}

// streamable tells whether the head hook of m runs.
func (f *flowState) streamable(m *message) bool {
	if m.req != nil {
		return f.event == requestHeaders
	}
	return f.event == responseHeaders
}

// streamOf reads what a script may set as stream.
func (e *engine) streamOf(m *message, v goja.Value) (hook.Stream, *goja.Object) {
	if isNull(v) {
		return hook.Stream{}, nil
	}
	if b, ok := v.Export().(bool); ok {
		if b {
			return hook.Stream{Wish: hook.DoNotWait}, nil
		}
		return hook.Stream{Wish: hook.KeepAsIs}, nil
	}
	if fn, ok := goja.AssertFunction(v); ok {
		return hook.Stream{Transform: func() hook.Transform { return newChunks(m, fn, goja.Undefined()) }}, nil
	}
	if n, ok := unwrap[*nativeStream](v); ok {
		return n.wish(m), nil
	}
	obj, ok := v.(*goja.Object)
	if !ok {
		return hook.Stream{}, e.typeError("stream takes true, false, a function, {transform: function} or what stream.replace() returns, not %s", kindOf(v))
	}
	inner := e.get(obj, "transform")
	if isNull(inner) {
		return hook.Stream{}, e.typeError("stream takes an object only with a transform: {transform: function, decode: true}")
	}
	s, bad := e.streamOf(m, inner)
	if bad != nil {
		return s, bad
	}
	if fn, ok := goja.AssertFunction(inner); ok {
		s.Transform = func() hook.Transform { return newChunks(m, fn, obj) }
	}
	if d := e.get(obj, "decode"); d != nil {
		s.Decoded = d.ToBoolean()
	}
	if k := e.get(obj, "keeps_length"); k != nil {
		s.KeepsLength = k.ToBoolean()
	}
	return s, nil
}

// decodeOption reads {decode: false} of the native streams, which decode by default.
func decodeOption(v goja.Value) bool {
	if obj, ok := v.(*goja.Object); ok {
		if d := obj.Get("decode"); d != nil {
			return d.ToBoolean()
		}
	}
	return true
}

// streamNamespace is the global stream.
func (e *engine) streamNamespace() *goja.Object {
	ns := e.vm.NewObject()
	ns.Set("replace", func(fc goja.FunctionCall) goja.Value {
		make := e.replacement(fc.Argument(0), fc.Argument(1), "stream.replace")
		decode := decodeOption(fc.Argument(2))
		return e.newStream("stream.replace", func(*message) hook.Stream {
			return hook.Stream{Transform: make, Decoded: decode}
		})
	})
	ns.Set("lines", func(fc goja.FunctionCall) goja.Value {
		fn, ok := goja.AssertFunction(fc.Argument(0))
		if !ok {
			panic(e.typeError("stream.lines takes a function of one line"))
		}
		decode := decodeOption(fc.Argument(1))
		return e.newStream("stream.lines", func(m *message) hook.Stream {
			return hook.Stream{Transform: func() hook.Transform { return newLines(m, fn) }, Decoded: decode}
		})
	})
	ns.Set("decoded", func(fc goja.FunctionCall) goja.Value {
		inner := fc.Argument(0)
		return e.newStream("stream.decoded", func(m *message) hook.Stream {
			s, bad := e.streamOf(m, inner)
			if bad != nil {
				panic(bad)
			}
			s.Decoded = true
			return s
		})
	})
	return ns
}

// replacement prepares a replacement of all old by new in one body or buffer.
func (e *engine) replacement(old, new goja.Value, what string) func() hook.Transform {
	to, ok := e.bytesOrText(new)
	if !ok {
		panic(e.typeError("%s takes a string or bytes to put in, not %s", what, kindOf(new)))
	}
	to = append([]byte(nil), to...)
	if re, ok := old.(*goja.Object); ok && re.ClassName() == "RegExp" {
		compiled, err := goRegexp(re.Get("source").String(), re.Get("flags").String())
		if err != nil {
			panic(e.typeError("%s: %s: %v", what, old, err))
		}
		w, err := body.NewRewrite(compiled, []byte(goTemplate(string(to))))
		if err != nil {
			panic(e.typeError("%s: %s: %v", what, old, err))
		}
		return w.Transform
	}
	from, ok := e.bytesOrText(old)
	if !ok {
		panic(e.typeError("%s takes a string, bytes or a RegExp to look for, not %s", what, kindOf(old)))
	}
	if len(from) == 0 {
		panic(e.typeError("%s: what to look for is empty", what))
	}
	from = append([]byte(nil), from...)
	return func() hook.Transform { return body.Replace(from, to) }
}

// goRegexp compiles a JavaScript regular expression that stays in linear time;
// lookaround and back-references do not.
func goRegexp(source, flags string) (*regexp.Regexp, error) {
	prefix := ""
	for _, f := range flags {
		if strings.ContainsRune("ims", f) {
			prefix += string(f)
		}
	}
	if prefix != "" {
		source = "(?" + prefix + ")" + source
	}
	re, err := regexp.Compile(source)
	if err != nil {
		return nil, fmt.Errorf("it cannot be matched on a stream (no lookaround, no back-references): %w", err)
	}
	return re, nil
}

var templateRef = regexp.MustCompile(`\$(\$|&|\d{1,2}|<\w+>)|\$`)

// goTemplate spells a JavaScript replacement ($1, $&, $<name>, $$) as Go does.
func goTemplate(s string) string {
	return templateRef.ReplaceAllStringFunc(s, func(m string) string {
		switch {
		case m == "$" || m == "$$":
			return "$$"
		case m == "$&":
			return "${0}"
		}
		return "${" + strings.Trim(m[1:], "<>") + "}"
	})
}

// whole runs a transform over one buffer.
func whole(t hook.Transform, p []byte) ([]byte, error) {
	var out bytes.Buffer
	emit := func(q []byte) error {
		out.Write(q)
		return nil
	}
	if len(p) > 0 {
		if err := t.Chunk(context.Background(), p, emit); err != nil {
			return nil, err
		}
	}
	err := t.End(context.Background(), emit)
	return out.Bytes(), err
}
