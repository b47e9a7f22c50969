package script

import (
	_ "embed"
	"fmt"
	"slices"
	"sync"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/internal/option"
)

// natives are what an engine needs at hand in its runtime.
type natives struct {
	newUint8Array goja.Constructor
	parseJSON     goja.Callable
	asyncIterator *goja.Symbol

	flow, request, response, conn, stream, dict, event, streamMessage *goja.Object // prototypes
	rawMessage, webSocket, socketMessage                              *goja.Object
	requests, responses                                               *class[*message]
}

const preludeName = "midstream-prelude.js"

//go:embed prelude.js
var preludeSource string

var prelude = sync.OnceValue(func() *goja.Program {
	return goja.MustCompile(preludeName, preludeSource, true)
})

// install makes the globals of scripts.
func (e *engine) install() error {
	ok := false
	if e.ready.newUint8Array, ok = goja.AssertConstructor(e.vm.Get("Uint8Array")); !ok {
		return fmt.Errorf("the runtime has no Uint8Array")
	}
	e.installBounds()
	if e.ready.parseJSON, ok = goja.AssertFunction(e.vm.Get("JSON").ToObject(e.vm).Get("parse")); !ok {
		return fmt.Errorf("the runtime has no JSON.parse")
	}
	e.ready.requests, e.ready.responses = requestClass, responseClass
	e.ready.flow = flowClass.proto(e)
	e.ready.request = requestClass.proto(e)
	e.ready.response = responseClass.proto(e)
	e.ready.conn = connClass.proto(e)
	e.ready.stream = streamClass.proto(e)
	e.ready.event = eventClass.proto(e)
	e.ready.streamMessage = streamMessageClass.proto(e)
	e.ready.rawMessage = rawMessageClass.proto(e)
	e.ready.webSocket = webSocketClass.proto(e)
	e.ready.socketMessage = socketMessageClass.proto(e)
	e.ready.dict = e.dictProto()
	e.installTimers()
	e.installHTTP()
	e.global("stream", e.streamNamespace())
	e.global("bytes", e.bytesNamespace())
	e.global("files", e.filesNamespace())

	v, err := e.vm.RunProgram(prelude())
	if err != nil {
		return err
	}
	run, _ := goja.AssertFunction(v)
	if _, err := run(goja.Undefined(), e.preludeNatives()); err != nil {
		return err
	}
	sym := e.vm.Get("Symbol").ToObject(e.vm).Get("asyncIterator")
	e.ready.asyncIterator, _ = sym.(*goja.Symbol)
	return nil
}

func (e *engine) global(name string, v any) {
	e.vm.GlobalObject().DefineDataProperty(name, e.vm.ToValue(v), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE)
}

// installHTTP makes http, Response and Headers.
func (e *engine) installHTTP() {
	response := e.vm.NewObject()
	response.Set("make", func(fc goja.FunctionCall) goja.Value { return e.makeResponse(fc) })
	headers := e.vm.ToValue(func(c goja.ConstructorCall) *goja.Object {
		var fs flow.Fields
		obj := e.freeFields(fs)
		if v := c.Argument(0); !isNull(v) {
			obj.Export().(*dict).assign(v)
		}
		return obj
	})
	http := e.vm.NewObject()
	http.Set("Response", response)
	http.Set("Headers", headers)
	e.global("http", http)
	e.global("Response", response)
	e.global("Headers", headers)
}

// collect finds the objects with hooks that the bundle has left, the module
// first, then its addons, depth first.
func (e *engine) collect(base string) (parallel bool, err error) {
	g := e.vm.GlobalObject()
	module, _ := g.Get(moduleName).(*goja.Object)
	exports, _ := g.Get(exportsName).(*goja.Object)
	g.Delete(moduleName)
	if module == nil {
		module = e.vm.NewObject()
	}
	// What the module exports counts under its exported name.
	if exports != nil {
		for _, k := range exports.Keys() {
			if v := exports.Get(k); k != "default" && !goja.IsUndefined(v) {
				module.Set(k, v)
				e.warnOfTypo(k, v)
			}
		}
	}
	e.addEntity(module, goja.Undefined(), base)
	if exports != nil {
		if d := exports.Get("default"); !isNull(d) {
			if err := e.addAddon(d, "export default", 0); err != nil {
				return false, err
			}
		}
	}
	if err := e.addAddons(module, 0); err != nil {
		return false, err
	}
	for _, name := range unknownHooks {
		if _, ok := goja.AssertFunction(e.get(module, name)); ok {
			e.host.log.Warn("script has a function for an event that does not come yet", "script", e.script, "event", name)
		}
	}
	p := module.Get("parallel")
	return p != nil && p.ToBoolean(), nil
}

// warnOfTypo says when an exported function has nearly the name of an event: it
// would silently never be called.
func (e *engine) warnOfTypo(name string, v goja.Value) {
	if _, ok := goja.AssertFunction(v); !ok {
		return
	}
	known := slices.Concat(taken, unknownHooks)
	for _, ev := range events {
		known = append(known, ev.name)
	}
	if near := option.Nearest(name, known); near != "" && near != name {
		e.host.log.Warn("script exports a function that is no event", "script", e.script, "function", name, "did you mean", near)
	}
}

// maxAddons bounds the addons of one script, cycles included.
const maxAddons = 1000

func (e *engine) addAddons(of *goja.Object, depth int) (err error) {
	list := e.get(of, "addons")
	if isNull(list) {
		return nil
	}
	if depth > 10 {
		return &Fault{Text: "addons are nested more than 10 deep"}
	}
	i := 0
	e.vm.ForOf(list, func(v goja.Value) bool {
		err = e.addAddon(v, fmt.Sprintf("addons[%d]", i), depth+1)
		i++
		return err == nil
	})
	return err
}

func (e *engine) addAddon(v goja.Value, where string, depth int) error {
	if len(e.objects) >= maxAddons {
		return &Fault{Text: fmt.Sprintf("there are more than %d addons", maxAddons)}
	}
	obj, ok := v.(*goja.Object)
	if !ok {
		return &Fault{Text: fmt.Sprintf("%s is %s, not an object with hooks", where, kindOf(v))}
	}
	name := ""
	if _, isFunc := goja.AssertFunction(obj); isFunc || obj.ClassName() == "Function" {
		made, err := e.vm.New(obj) // a class where an object of it was meant
		if err != nil {
			return e.failed(err)
		}
		obj = made
	}
	if c, ok := e.get(obj, "constructor").(*goja.Object); ok {
		if n := e.text(c.Get("name")); n != "Object" {
			name = n
		}
	}
	if n := e.get(obj, "name"); !isNull(n) {
		name = e.text(n)
	}
	if name == "" {
		name = fmt.Sprintf("%s %s", e.objects[0].name, where)
	}
	e.addEntity(obj, obj, name)
	return e.addAddons(obj, depth)
}

func (e *engine) addEntity(obj *goja.Object, this goja.Value, name string) {
	en := &entity{name: name, this: this, object: obj}
	if n := e.get(obj, "name"); !isNull(n) {
		en.name = e.text(n)
	}
	for id, ev := range events {
		if f, ok := goja.AssertFunction(e.get(obj, ev.name)); ok {
			en.hooks[id] = f
		}
	}
	if v := e.get(obj, "observe"); v != nil {
		en.observe = v.ToBoolean()
	}
	if v := e.get(obj, "required"); v != nil {
		en.required = v.ToBoolean()
	}
	e.objects = append(e.objects, en)
}

// rethrow makes of err what a native function panics with.
func (e *engine) rethrow(err error) any {
	if ex, ok := err.(*goja.Exception); ok {
		return ex.Value()
	}
	return err
}
