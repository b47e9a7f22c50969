package script

import (
	"github.com/dlclark/regexp2/v2"
	"github.com/dop251/goja"
)

// What a native function of the runtime does in one go cannot be interrupted,
// and what it recurses on is the stack of Go, whose end is the end of the
// process. So what a number or a text from a peer could make endless has its
// bound before it begins.

// maxDepth is how deep JSON may be nested; encoding/json has the same bound.
const maxDepth = 10_000

// valueSize is about how much memory an element of an array takes.
const valueSize = 16

// matchLimit is how long a regular expression that backtracks may take. The
// runtime takes one that is given up for one that does not match, so it is what
// the longest call may take where script_timeout is as it comes: the watchdog
// has broken the call off by then.
const matchLimit = slowEvents * defaultTimeout

// The library has one place for the limit of all expressions that the runtime
// compiles, and it is read without a lock: so it is set before anything runs.
var _ = func() struct{} {
	regexp2.DefaultMatchTimeout = matchLimit
	return struct{}{}
}()

// installBounds puts bounds before native functions.
func (e *engine) installBounds() {
	g := e.vm.GlobalObject()
	of := func(name string) *goja.Object { return g.Get(name).ToObject(e.vm) }
	texts := of("String").Get("prototype").ToObject(e.vm)
	lists := of("Array").Get("prototype").ToObject(e.vm)
	e.bound(of("JSON"), "parse", e.boundJSON)
	e.bound(texts, "repeat", func(fc *goja.FunctionCall) {
		n := e.firstNumber(fc)
		if s, ok := fc.This.(goja.String); ok {
			e.within(n*float64(s.Length()), "repeat: the text would have %.0f characters")
		}
	})
	for _, name := range []string{"padStart", "padEnd"} {
		e.bound(texts, name, func(fc *goja.FunctionCall) {
			e.within(e.firstNumber(fc), name+": the text would have %.0f characters")
		})
	}
	e.bound(of("Array"), "from", func(fc *goja.FunctionCall) {
		e.within(lengthOf(fc.Argument(0))*valueSize, "from: the array would take %.0f octets")
	})
	for _, name := range []string{"fill", "join"} {
		e.bound(lists, name, func(fc *goja.FunctionCall) {
			n := lengthOf(fc.This)
			e.within(n*valueSize, name+": the array would take %.0f octets")
			if sep, ok := fc.Argument(0).(goja.String); ok && name == "join" {
				e.within(n*float64(sep.Length()), "join: the text would have %.0f characters")
			}
		})
	}
}

// lengthOf is the length of a text, an array or what is like one.
func lengthOf(v goja.Value) float64 {
	switch v := v.(type) {
	case goja.String:
		return float64(v.Length())
	case *goja.Object:
		if n := v.Get("length"); n != nil {
			return float64(n.ToInteger())
		}
	}
	return 0
}

// bound makes of's function name run check before it, which throws or may change
// the arguments to what they are converted to anyhow.
func (e *engine) bound(of *goja.Object, name string, check func(fc *goja.FunctionCall)) {
	native := of.Get(name).ToObject(e.vm)
	run, _ := goja.AssertFunction(native)
	bounded := e.vm.ToValue(func(fc goja.FunctionCall) goja.Value {
		check(&fc)
		v, err := run(fc.This, fc.Arguments...)
		if err != nil {
			panic(e.rethrow(err))
		}
		return v
	}).ToObject(e.vm)
	for _, p := range []string{"name", "length"} {
		bounded.DefineDataProperty(p, native.Get(p), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE)
	}
	of.DefineDataProperty(name, bounded, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// firstNumber converts the first argument to a number, once.
func (e *engine) firstNumber(fc *goja.FunctionCall) float64 {
	if len(fc.Arguments) == 0 {
		return 0
	}
	n := fc.Arguments[0].ToNumber()
	fc.Arguments[0] = n
	return n.ToFloat()
}

// within throws where n octets, or as many characters, are more than a call may
// take.
func (e *engine) within(n float64, format string) {
	if n > e.mostOctets() {
		panic(e.rangeError(format+", which is more than script_memory allows", n))
	}
}

// mostOctets is the bound of one thing: without a limit there still is what no
// machine has.
func (e *engine) mostOctets() float64 {
	if n := e.host.memory(); n > 0 {
		return float64(n)
	}
	return 1 << 36
}

// boundJSON throws where a text is nested deeper than maxDepth.
func (e *engine) boundJSON(fc *goja.FunctionCall) {
	if len(fc.Arguments) == 0 {
		return
	}
	s, ok := fc.Arguments[0].ToString().(goja.String)
	if !ok {
		return
	}
	fc.Arguments[0] = s
	if s.Length() > maxDepth && depthOf(s) > maxDepth {
		panic(e.rangeError("JSON.parse: the text is nested more than %d deep", maxDepth))
	}
}

// depthOf is how many arrays and objects of a JSON text lie in each other.
func depthOf(s goja.String) int {
	depth, deepest, quoted := 0, 0, false
	for i, n := 0, s.Length(); i < n; i++ {
		switch c := s.CharAt(i); {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
