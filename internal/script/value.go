package script

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dop251/goja"

	"midstream/internal/coding"
)

// isNull tells whether v stands for Python's None.
func isNull(v goja.Value) bool {
	return v == nil || goja.IsUndefined(v) || goja.IsNull(v)
}

// wireText makes JavaScript text of octets that should be UTF-8. An octet that
// is not becomes a lone U+DC80 to U+DCFF, so that the way back restores it.
func (e *engine) wireText(s string) goja.Value {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return goja.StringFromUTF16(coding.UTF16(s))
		}
	}
	return e.vm.ToValue(s)
}

// octets is the way back of wireText.
func octets(v goja.Value) string {
	s := v.String()
	if !strings.ContainsRune(s, utf8.RuneError) {
		return s
	}
	text, ok := v.ToString().(goja.String)
	if !ok {
		return s
	}
	units := make([]uint16, text.Length())
	for i := range units {
		units[i] = text.CharAt(i)
	}
	return coding.FromUTF16(units)
}

// uint8Array shows p as a Uint8Array without copying it.
func (e *engine) uint8Array(p []byte) (*goja.Object, goja.ArrayBuffer) {
	buf := e.vm.NewArrayBuffer(p)
	arr, err := e.ready.newUint8Array(nil, e.vm.ToValue(buf))
	if err != nil {
		panic(err)
	}
	return arr, buf
}

func (e *engine) bytesValue(p []byte) goja.Value {
	arr, _ := e.uint8Array(p)
	return arr
}

// bytesIn returns the bytes that v shows, not copied, or false when v is not a
// Uint8Array, another view or an ArrayBuffer. One that was given back throws.
func (e *engine) bytesIn(v goja.Value) ([]byte, bool) {
	obj, ok := v.(*goja.Object)
	if !ok {
		return nil, false
	}
	switch obj.ClassName() {
	case "ArrayBuffer":
		buf, _ := obj.Export().(goja.ArrayBuffer)
		e.mustBeAttached(buf)
		return buf.Bytes(), true
	case "Object":
		if obj.ExportType() != typeBytes {
			return nil, false
		}
		buf, _ := obj.Get("buffer").Export().(goja.ArrayBuffer)
		e.mustBeAttached(buf)
		if len(buf.Bytes()) == 0 {
			return []byte{}, true
		}
		p, ok := obj.Export().([]byte)
		return p, ok
	}
	return nil, false
}

func (e *engine) mustBeAttached(buf goja.ArrayBuffer) {
	if buf.Detached() {
		panic(e.typeError("this chunk was given back when its function returned; keep chunk.slice() instead"))
	}
}

// bytesOrText is bytesIn that also takes a string, as UTF-8.
func (e *engine) bytesOrText(v goja.Value) ([]byte, bool) {
	if s, ok := v.(goja.String); ok {
		return []byte(octets(s)), true
	}
	return e.bytesIn(v)
}

// mustBytes copies the bytes of v; what says for the error where they go.
func (e *engine) mustBytes(v goja.Value, what string) []byte {
	p, ok := e.bytesIn(v)
	if !ok {
		if _, isText := v.(goja.String); isText {
			panic(e.typeError("%s takes a Uint8Array, not a string; use text for that", what))
		}
		panic(e.typeError("%s takes a Uint8Array, not %s", what, kindOf(v)))
	}
	return append([]byte(nil), p...)
}

// mustText returns v's octets; numbers and booleans count as text.
func (e *engine) mustText(v goja.Value, what string) string {
	if p, ok := e.bytesIn(v); ok {
		return string(p)
	}
	if _, ok := v.(*goja.Object); ok || isNull(v) {
		panic(e.typeError("%s takes a string, not %s", what, kindOf(v)))
	}
	return octets(v)
}

// mustLine is mustText for what stands on a line of a head.
func (e *engine) mustLine(v goja.Value, what string) string {
	s := e.mustText(v, what)
	if strings.ContainsAny(s, "\r\n\x00") {
		panic(e.typeError("%s must not contain a line break or NUL", what))
	}
	return s
}

func (e *engine) mustInt(v goja.Value, what string, low, high int64) int64 {
	if !goja.IsNumber(v) || v.ToFloat() != float64(v.ToInteger()) {
		panic(e.typeError("%s takes a whole number, not %s", what, e.text(v)))
	}
	n := v.ToInteger()
	if n < low || n > high {
		panic(e.rangeError("%s must be between %d and %d, not %d", what, low, high, n))
	}
	return n
}

func kindOf(v goja.Value) string {
	switch {
	case v == nil || goja.IsUndefined(v):
		return "undefined"
	case goja.IsNull(v):
		return "null"
	}
	if obj, ok := v.(*goja.Object); ok {
		if goja.IsUndefined(obj) {
			return "undefined"
		}
		if _, isFunc := goja.AssertFunction(obj); isFunc {
			return "a function"
		}
		if obj.ClassName() == "Array" {
			return "an array"
		}
		return "an object"
	}
	switch v.Export().(type) {
	case string:
		return "a string"
	case bool:
		return "a boolean"
	}
	return "a number"
}

// seconds is t as mitmproxy shows times: seconds since 1970, null for none.
func (e *engine) seconds(t time.Time) goja.Value {
	if t.IsZero() {
		return goja.Null()
	}
	return e.vm.ToValue(float64(t.UnixMicro()) / 1e6)
}

func (e *engine) timeOf(v goja.Value, what string) time.Time {
	if isNull(v) {
		return time.Time{}
	}
	if !goja.IsNumber(v) {
		panic(e.typeError("%s takes seconds since 1970", what))
	}
	return time.UnixMicro(int64(v.ToFloat() * 1e6))
}

func (e *engine) textList(list []string) goja.Value {
	items := make([]any, len(list))
	for i, s := range list {
		items[i] = e.wireText(s)
	}
	return e.vm.NewArray(items...)
}

// each calls f for what a JavaScript iterable yields.
func (e *engine) each(v goja.Value, f func(goja.Value)) {
	e.vm.ForOf(v, func(item goja.Value) bool {
		f(item)
		return true
	})
}
