package script

import (
	"strings"

	"github.com/dop251/goja"

	"midstream/flow"
)

type dictMethod func(d *dict, fc goja.FunctionCall) goja.Value

// dictMethods win over entries of the same name, so that a peer cannot take
// them away from a script by sending a field called "get".
var dictMethods = map[string]dictMethod{
	"get": func(d *dict, fc goja.FunctionCall) goja.Value {
		if v, ok := d.lookup(octets(fc.Argument(0))); ok {
			return d.show(v)
		}
		return orNull(fc.Argument(1))
	},
	"get_all": func(d *dict, fc goja.FunctionCall) goja.Value {
		var items []any
		for _, v := range d.all(octets(fc.Argument(0))) {
			items = append(items, d.show(v))
		}
		return d.e.vm.NewArray(items...)
	},
	"set_all": func(d *dict, fc goja.FunctionCall) goja.Value {
		name := d.name(fc.Argument(0))
		var values []string
		d.e.each(fc.Argument(1), func(v goja.Value) { values = append(values, d.read(v)) })
		d.setAll(name, values)
		return goja.Undefined()
	},
	"add": func(d *dict, fc goja.FunctionCall) goja.Value {
		name, value := d.name(fc.Argument(0)), d.read(fc.Argument(1))
		fs := d.edit()
		fs.Add(name, value)
		d.done(fs)
		return goja.Undefined()
	},
	"insert": func(d *dict, fc goja.FunctionCall) goja.Value {
		at := int(fc.Argument(0).ToInteger())
		name, value := d.name(fc.Argument(1)), d.read(fc.Argument(2))
		fs := d.edit()
		if at < 0 {
			at += len(*fs)
		}
		fs.Insert(at, name, value)
		d.done(fs)
		return goja.Undefined()
	},
	"items": func(d *dict, fc goja.FunctionCall) goja.Value {
		return d.e.vm.NewArray(d.items(fc.Argument(0))...)
	},
	"keys": func(d *dict, fc goja.FunctionCall) goja.Value {
		if !isMulti(fc.Argument(0)) {
			return d.e.textList(d.Keys())
		}
		var keys []string
		for _, f := range d.list() {
			keys = append(keys, f.Name)
		}
		return d.e.textList(keys)
	},
	"values": func(d *dict, fc goja.FunctionCall) goja.Value {
		var values []any
		for _, item := range d.items(fc.Argument(0)) {
			values = append(values, item.(*goja.Object).Get("1"))
		}
		return d.e.vm.NewArray(values...)
	},
	"pop": func(d *dict, fc goja.FunctionCall) goja.Value {
		name := octets(fc.Argument(0))
		v, ok := d.lookup(name)
		if !ok {
			return orNull(fc.Argument(1))
		}
		d.setAll(name, nil)
		return d.show(v)
	},
	"setdefault": func(d *dict, fc goja.FunctionCall) goja.Value {
		name := d.name(fc.Argument(0))
		if !d.Has(name) {
			d.setAll(name, []string{d.read(fc.Argument(1))})
		}
		v, _ := d.lookup(name)
		return d.show(v)
	},
	"update": func(d *dict, fc goja.FunctionCall) goja.Value {
		d.e.eachPair(fc.Argument(0), d.what, func(k, v goja.Value) { d.setAll(d.name(k), []string{d.read(v)}) })
		return goja.Undefined()
	},
	"clear": func(d *dict, fc goja.FunctionCall) goja.Value {
		fs := d.edit()
		*fs = nil
		d.done(fs)
		return goja.Undefined()
	},
	"copy": func(d *dict, fc goja.FunctionCall) goja.Value {
		fs := d.list().Clone()
		c := *d
		c.list = func() flow.Fields { return fs }
		c.edit = func() *flow.Fields { return &fs }
		c.commit = nil
		return d.e.dictObject(&c)
	},
	"toString": func(d *dict, fc goja.FunctionCall) goja.Value {
		var b strings.Builder
		for _, f := range d.list() {
			b.WriteString(f.Name + ": " + f.Value + "\r\n")
		}
		return d.e.wireText(b.String())
	},
}

func orNull(v goja.Value) goja.Value {
	if goja.IsUndefined(v) {
		return goja.Null()
	}
	return v
}

// dictProto has the methods and nothing else: "constructor" in headers is false.
func (e *engine) dictProto() *goja.Object {
	p := e.vm.CreateObject(nil)
	this := func(fc goja.FunctionCall, name string) *dict {
		if obj, ok := fc.This.(*goja.Object); ok {
			if d, ok := obj.Export().(*dict); ok {
				return d
			}
		}
		panic(e.typeError("%s was called on something else than headers or a form", name))
	}
	for name, m := range dictMethods {
		f := e.vm.ToValue(func(fc goja.FunctionCall) goja.Value { return m(this(fc, name), fc) })
		p.DefineDataProperty(name, f, goja.FLAG_TRUE, goja.FLAG_FALSE, goja.FLAG_TRUE)
	}
	iterate := e.vm.ToValue(func(fc goja.FunctionCall) goja.Value {
		list := e.vm.NewArray(this(fc, "iteration").items(goja.Undefined())...)
		f, _ := goja.AssertFunction(list.GetSymbol(goja.SymIterator))
		it, err := f(list)
		if err != nil {
			panic(err)
		}
		return it
	})
	p.DefineDataPropertySymbol(goja.SymIterator, iterate, goja.FLAG_TRUE, goja.FLAG_FALSE, goja.FLAG_TRUE)
	return p
}
