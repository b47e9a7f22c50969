package script

import (
	"reflect"

	"github.com/dop251/goja"
)

var (
	typeBytes   = reflect.TypeFor[[]byte]()
	typePromise = reflect.TypeFor[*goja.Promise]()
)

// A class says how values of type T look in JavaScript: attributes that are
// read and set through Go, and methods on a prototype that an engine makes once.
type class[T any] struct {
	name    string
	attrs   map[string]attr[T]
	order   []string // of attrs, for keys
	methods map[string]method[T]
	text    func(T) string // toString
}

type attr[T any] struct {
	get func(e *engine, self T) goja.Value
	set func(e *engine, self T, v goja.Value) // nil: read-only
}

type method[T any] func(e *engine, self T, fc goja.FunctionCall) goja.Value

// object is one such value. Scripts may hang further attributes on it.
type object[T any] struct {
	e     *engine
	class *class[T]
	self  T
	extra map[string]goja.Value
	keys  []string // of extra
}

// Get is for goja.DynamicObject.
func (o *object[T]) Get(key string) goja.Value {
	if a, ok := o.class.attrs[key]; ok {
		return a.get(o.e, o.self)
	}
	return o.extra[key]
}

// Set is for goja.DynamicObject.
func (o *object[T]) Set(key string, v goja.Value) bool {
	if a, ok := o.class.attrs[key]; ok {
		if a.set == nil {
			panic(o.e.typeError("%s.%s cannot be set", o.class.name, key))
		}
		a.set(o.e, o.self, v)
		return true
	}
	if o.extra == nil {
		o.extra = make(map[string]goja.Value)
	}
	if _, ok := o.extra[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.extra[key] = v
	return true
}

// Has is for goja.DynamicObject.
func (o *object[T]) Has(key string) bool {
	if _, ok := o.class.attrs[key]; ok {
		return true
	}
	_, ok := o.extra[key]
	return ok
}

// Delete is for goja.DynamicObject.
func (o *object[T]) Delete(key string) bool {
	if _, ok := o.extra[key]; ok {
		delete(o.extra, key)
		for i, k := range o.keys {
			if k == key {
				o.keys = append(o.keys[:i:i], o.keys[i+1:]...)
				break
			}
		}
	}
	_, own := o.class.attrs[key]
	return !own
}

// Keys is for goja.DynamicObject.
func (o *object[T]) Keys() []string {
	return append(append([]string(nil), o.class.order...), o.keys...)
}

// proto makes the prototype of c for e.
func (c *class[T]) proto(e *engine) *goja.Object {
	p := e.vm.NewObject()
	define := func(name string, f func(goja.FunctionCall) goja.Value) {
		p.DefineDataProperty(name, e.vm.ToValue(f), goja.FLAG_TRUE, goja.FLAG_FALSE, goja.FLAG_TRUE)
	}
	for name, m := range c.methods {
		define(name, func(fc goja.FunctionCall) goja.Value { return m(e, c.this(e, fc.This, name), fc) })
	}
	define("toString", func(fc goja.FunctionCall) goja.Value {
		return e.wireText(c.text(c.this(e, fc.This, "toString")))
	})
	return p
}

func (c *class[T]) this(e *engine, v goja.Value, name string) T {
	if obj, ok := v.(*goja.Object); ok {
		if o, ok := obj.Export().(*object[T]); ok {
			return o.self
		}
	}
	panic(e.typeError("%s of %s was called on something else", name, c.name))
}

// wrap makes the JavaScript object of self.
func (c *class[T]) wrap(e *engine, proto *goja.Object, self T) *goja.Object {
	obj := e.vm.NewDynamicObject(&object[T]{e: e, class: c, self: self})
	obj.SetPrototype(proto)
	return obj
}

// unwrap returns what wrap was given.
func unwrap[T any](v goja.Value) (self T, ok bool) {
	if obj, isObj := v.(*goja.Object); isObj {
		if o, is := obj.Export().(*object[T]); is {
			return o.self, true
		}
	}
	return self, false
}
