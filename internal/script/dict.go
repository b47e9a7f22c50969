package script

import (
	"slices"
	"strings"

	"github.com/dop251/goja"

	"midstream/flow"
)

// dict is an ordered list of names and values as scripts see it: fields of a
// head, a query, cookies, a form. It is a view: every use reads what is there
// now, every change is written back at once.
type dict struct {
	e    *engine
	what string // for messages
	// fold: names fold case and values of one name are joined with ", ", as for
	// fields; otherwise a name stands for its first value.
	fold bool
	// list returns the pairs; edit returns them to be changed and commit, which
	// may be nil, takes them when that has been done.
	list   func() flow.Fields
	edit   func() *flow.Fields
	commit func(flow.Fields)
	show   func(string) goja.Value
	read   func(goja.Value) string
}

func (d *dict) same(a, b string) bool { return a == b || d.fold && flow.EqualFold(a, b) }

func (d *dict) all(name string) []string {
	var vs []string
	for _, f := range d.list() {
		if d.same(f.Name, name) {
			vs = append(vs, f.Value)
		}
	}
	return vs
}

func (d *dict) lookup(name string) (string, bool) {
	fs := d.list()
	if d.fold {
		if !fs.Has(name) {
			return "", false
		}
		return fs.Joined(name), true
	}
	for _, f := range fs {
		if f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

func (d *dict) setAll(name string, values []string) {
	fs := d.edit()
	if d.fold {
		fs.SetAll(name, values)
	} else {
		kept := (*fs)[:0]
		for _, f := range *fs {
			if f.Name == name {
				if len(values) == 0 {
					continue
				}
				f.Value, values = values[0], values[1:]
			}
			kept = append(kept, f)
		}
		*fs = kept
		for _, v := range values {
			fs.Add(name, v)
		}
	}
	d.done(fs)
}

func (d *dict) done(fs *flow.Fields) {
	if d.commit != nil {
		d.commit(*fs)
	}
}

func (d *dict) name(v goja.Value) string {
	n := d.e.mustLine(v, "a name of "+d.what)
	if d.fold && (n == "" || strings.ContainsAny(n, ": \t")) {
		panic(d.e.typeError("%q is not a name for a field", n))
	}
	return n
}

// Get is for goja.DynamicObject.
func (d *dict) Get(key string) goja.Value {
	if _, reserved := dictMethods[key]; reserved {
		return nil
	}
	v, ok := d.lookup(key)
	if !ok {
		return nil
	}
	return d.show(v)
}

// Set is for goja.DynamicObject.
func (d *dict) Set(key string, v goja.Value) bool {
	if _, reserved := dictMethods[key]; reserved {
		panic(d.e.typeError("%s.%s is a method; set_all(%q, [value]) sets what is called so", d.what, key, key))
	}
	d.setAll(d.name(d.e.vm.ToValue(key)), []string{d.read(v)})
	return true
}

// Has is for goja.DynamicObject.
func (d *dict) Has(key string) bool {
	_, ok := d.lookup(key)
	return ok
}

// Delete is for goja.DynamicObject.
func (d *dict) Delete(key string) bool {
	if d.Has(key) {
		d.setAll(key, nil)
	}
	return true
}

// Keys is for goja.DynamicObject.
func (d *dict) Keys() []string {
	var keys []string
	for _, f := range d.list() {
		if !slices.ContainsFunc(keys, func(k string) bool { return d.same(k, f.Name) }) {
			keys = append(keys, f.Name)
		}
	}
	return keys
}

func (d *dict) pair(name, value string) goja.Value {
	return d.e.vm.NewArray(d.e.wireText(name), d.show(value))
}

// items are the pairs: one a name, or all of them.
func (d *dict) items(multi goja.Value) []any {
	var out []any
	if isMulti(multi) {
		for _, f := range d.list() {
			out = append(out, d.pair(f.Name, f.Value))
		}
		return out
	}
	for _, k := range d.Keys() {
		v, _ := d.lookup(k)
		out = append(out, d.pair(k, v))
	}
	return out
}

// isMulti reads multi=True: true, or {multi: true}.
func isMulti(v goja.Value) bool {
	if obj, ok := v.(*goja.Object); ok {
		m := obj.Get("multi")
		return m != nil && m.ToBoolean()
	}
	return v != nil && v.ToBoolean()
}

// assign replaces everything by init: a dict, an object, or pairs.
func (d *dict) assign(init goja.Value) {
	var fs flow.Fields
	d.e.eachPair(init, d.what, func(k, v goja.Value) {
		if list, ok := v.(*goja.Object); ok && list.ClassName() == "Array" && d.fold {
			d.e.each(list, func(item goja.Value) { fs.Add(d.name(k), d.read(item)) })
			return
		}
		fs.Add(d.name(k), d.read(v))
	})
	p := d.edit()
	*p = fs
	d.done(p)
}

// eachPair calls f for the names and values of a dict, an iterable of pairs, or
// an object's own properties.
func (e *engine) eachPair(v goja.Value, what string, f func(k, v goja.Value)) {
	if isNull(v) {
		return
	}
	obj, ok := v.(*goja.Object)
	if !ok {
		panic(e.typeError("%s takes an object or a list of pairs, not %s", what, kindOf(v)))
	}
	if d, ok := obj.Export().(*dict); ok {
		for _, fd := range d.list() {
			f(e.wireText(fd.Name), d.show(fd.Value))
		}
		return
	}
	if it := obj.GetSymbol(goja.SymIterator); !isNull(it) {
		e.each(obj, func(item goja.Value) {
			pair, ok := item.(*goja.Object)
			if !ok {
				panic(e.typeError("%s takes pairs of a name and a value", what))
			}
			f(pair.Get("0"), pair.Get("1"))
		})
		return
	}
	for _, k := range obj.Keys() {
		f(e.vm.ToValue(k), obj.Get(k))
	}
}

func (e *engine) dictObject(d *dict) *goja.Object {
	obj := e.vm.NewDynamicObject(d)
	obj.SetPrototype(e.ready.dict)
	return obj
}

// wordDict is a dict whose values are text on a line.
func (e *engine) wordDict(what string) *dict {
	d := &dict{e: e, what: what, show: e.wireText}
	d.read = func(v goja.Value) string { return e.mustLine(v, "a value of "+what) }
	return d
}

// fieldsDict shows a list of fields.
func (e *engine) fieldsDict(list func() flow.Fields, edit func() *flow.Fields) *dict {
	d := e.wordDict("headers")
	d.fold, d.list, d.edit = true, list, edit
	return d
}

// freeFields is a dict on a list of its own, as new Headers() makes it.
func (e *engine) freeFields(fs flow.Fields) *goja.Object {
	return e.dictObject(e.fieldsDict(func() flow.Fields { return fs }, func() *flow.Fields { return &fs }))
}
