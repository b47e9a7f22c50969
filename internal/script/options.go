package script

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dop251/goja"
)

// OptionType is the type of an option that a script declares.
type OptionType uint8

// The types. The optional ones may also be nil, which is null in scripts.
const (
	Bool OptionType = iota
	Int
	String
	OptionalInt
	OptionalString
	List
)

func (t OptionType) String() string {
	return [...]string{"bool", "int", "str", "Optional[int]", "Optional[str]", "Sequence[str]"}[t]
}

// Option is what a script declares with loader.add_option.
type Option struct {
	Name    string
	Type    OptionType
	Default any // bool, int64, string, []string or nil, by Type
	Help    string
	Choices []string // for completion; not enforced
}

// Options is where options live. Values are bool, int64, string, []string or
// nil; other numbers and named types are shown to scripts as they are.
type Options interface {
	// Add declares an option; again with the same type it changes nothing.
	Add(o Option) error
	// Get returns the value of an option and whether there is one of that name.
	Get(name string) (value any, ok bool)
	// Set changes a value. It may call Host.Configure before it returns. The error
	// wraps ErrAtStart where it is too late for that.
	Set(name string, value any) error
	// Names lists all options.
	Names() []string
}

// ErrAtStart is why Options.Set does not take a value.
var ErrAtStart = errors.New("counts when midstream starts")

func (h *Host) optionNames() []string {
	if h.config.Options == nil {
		return nil
	}
	return h.config.Options.Names()
}

// configure runs configure(updated). A change that JavaScript itself makes
// comes from inside the engine: it is told when the assignment is done.
func (e *engine) configure(ctx context.Context, updated []string) error {
	args := func() []goja.Value {
		list := make([]any, len(updated))
		for i, n := range updated {
			list[i] = n
		}
		set, err := e.vm.New(e.vm.Get("Set"), e.vm.NewArray(list...))
		if err != nil {
			return nil
		}
		return []goja.Value{set}
	}
	e.inbox.mu.Lock()
	if e.setting {
		e.inbox.changed = append(e.inbox.changed, updated...)
		e.inbox.mu.Unlock()
		return nil
	}
	e.inbox.mu.Unlock()
	return e.lifecycle(ctx, "configure", args)
}

// setOption is an assignment to ctx.options from inside the engine.
func (e *engine) setOption(name string, v goja.Value) {
	o := e.host.config.Options
	old, ok := any(nil), false
	if o != nil {
		old, ok = o.Get(name)
	}
	if !ok {
		panic(e.failure(fmt.Errorf("KeyError: there is no option %q", name)))
	}
	if c := e.current; name == "scripts" && c != nil && c.flow == nil {
		panic(e.failure(errors.New("the option scripts can only be changed in a hook on a flow")))
	}
	changed, err := e.changeOption(o, name, e.optionValue(v))
	if err != nil {
		panic(e.failure(err))
	}
	if len(changed) == 0 {
		return
	}
	set, err := e.vm.New(e.vm.Get("Set"), e.vm.ToValue(changed))
	if err != nil {
		return
	}
	for _, en := range e.objects {
		if _, err := e.callMethod(en, "configure", func() []goja.Value { return []goja.Value{set} }); err != nil {
			e.changeOption(o, name, old)
			panic(e.failure(e.fault(err)))
		}
	}
}

func (e *engine) changeOption(o Options, name string, value any) (changed []string, err error) {
	e.inbox.mu.Lock()
	e.setting = true
	e.inbox.mu.Unlock()
	err = o.Set(name, value)
	e.inbox.mu.Lock()
	defer e.inbox.mu.Unlock()
	e.setting = false
	changed, e.inbox.changed = e.inbox.changed, nil
	return changed, err
}

// optionValue makes a Go value for an option.
func (e *engine) optionValue(v goja.Value) any {
	if isNull(v) {
		return nil
	}
	switch x := v.Export().(type) {
	case []any:
		list := make([]string, len(x))
		for i, s := range x {
			list[i] = fmt.Sprint(s)
		}
		return list
	case float64:
		panic(e.typeError("an option takes whole numbers, not %v", x))
	case bool, int64, string:
		return x
	}
	panic(e.typeError("an option takes a boolean, a whole number, a string, a list of strings or null"))
}

// optionsObject is ctx.options.
type optionsObject struct{ e *engine }

func (o optionsObject) value(name string) (any, bool) {
	if o.e.host.config.Options == nil {
		return nil, false
	}
	return o.e.host.config.Options.Get(name)
}

// Get is for goja.DynamicObject.
func (o optionsObject) Get(name string) goja.Value {
	v, ok := o.value(name)
	if !ok {
		if name == "toJSON" || name == "then" || name == "constructor" {
			return nil
		}
		panic(o.e.failure(fmt.Errorf("AttributeError: there is no option %q", name)))
	}
	if v == nil {
		return goja.Null()
	}
	if list, ok := v.([]string); ok {
		items := make([]any, len(list))
		for i, s := range list {
			items[i] = s
		}
		return o.e.vm.NewArray(items...)
	}
	return o.e.vm.ToValue(v)
}

// Set is for goja.DynamicObject.
func (o optionsObject) Set(name string, v goja.Value) bool {
	o.e.setOption(name, v)
	return true
}

// Has is for goja.DynamicObject.
func (o optionsObject) Has(name string) bool {
	_, ok := o.value(name)
	return ok
}

// Delete is for goja.DynamicObject.
func (o optionsObject) Delete(string) bool { return false }

// Keys is for goja.DynamicObject.
func (o optionsObject) Keys() []string { return o.e.host.optionNames() }

// loader is what load gets.
func (e *engine) loader() goja.Value {
	obj := e.vm.NewObject()
	obj.Set("add_option", func(fc goja.FunctionCall) goja.Value {
		o, err := e.readOption(fc)
		if err != nil {
			panic(e.typeError("add_option: %v", err))
		}
		if e.host.config.Options == nil {
			return goja.Undefined()
		}
		if err := e.host.config.Options.Add(o); err != nil {
			panic(e.failure(err))
		}
		return goja.Undefined()
	})
	return obj
}

// readOption takes (name, type, default, help, choices), or one object with them.
func (e *engine) readOption(fc goja.FunctionCall) (o Option, err error) {
	arg := func(i int, names ...string) goja.Value {
		if first, ok := fc.Argument(0).(*goja.Object); ok {
			for _, n := range names {
				if v := first.Get(n); v != nil {
					return v
				}
			}
			return goja.Undefined()
		}
		return fc.Argument(i)
	}
	o.Name = arg(0, "name").String()
	if o.Name == "" || strings.Trim(o.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != "" {
		return o, fmt.Errorf("%q is not a name for an option", o.Name)
	}
	if o.Type, err = e.optionType(arg(1, "type", "typespec")); err != nil {
		return o, fmt.Errorf("%s: %w", o.Name, err)
	}
	if o.Default, err = e.optionDefault(o.Type, arg(2, "default")); err != nil {
		return o, fmt.Errorf("%s: %w", o.Name, err)
	}
	if v := arg(3, "help"); !isNull(v) {
		o.Help = strings.Join(strings.Fields(v.String()), " ")
	}
	if v := arg(4, "choices"); !isNull(v) {
		list, _ := v.Export().([]any)
		for _, c := range list {
			o.Choices = append(o.Choices, fmt.Sprint(c))
		}
	}
	return o, nil
}

// optionType reads a type: a name as "str", "int", "bool", "Optional[str]",
// "Sequence[str]", or String, Number, Boolean, Array.
func (e *engine) optionType(v goja.Value) (OptionType, error) {
	s := v.String()
	if obj, ok := v.(*goja.Object); ok && obj.ClassName() == "Function" {
		s = e.text(obj.Get("name"))
	}
	switch strings.ToLower(strings.ReplaceAll(s, " ", "")) {
	case "bool", "boolean":
		return Bool, nil
	case "int", "number":
		return Int, nil
	case "str", "string":
		return String, nil
	case "optional[int]", "int|null", "number|null", "int?", "int|none":
		return OptionalInt, nil
	case "optional[str]", "str|null", "string|null", "str?", "str|none":
		return OptionalString, nil
	case "sequence[str]", "list[str]", "string[]", "list", "array":
		return List, nil
	}
	return 0, fmt.Errorf("unknown type %s: use bool, int, str, Optional[int], Optional[str] or Sequence[str]", s)
}

func (e *engine) optionDefault(t OptionType, v goja.Value) (any, error) {
	wrong := fmt.Errorf("the default %s is not of type %s", e.text(v), t)
	if isNull(v) {
		if t == OptionalInt || t == OptionalString {
			return nil, nil
		}
		return nil, wrong
	}
	switch x := v.Export().(type) {
	case bool:
		if t == Bool {
			return x, nil
		}
	case int64:
		if t == Int || t == OptionalInt {
			return x, nil
		}
	case string:
		if t == String || t == OptionalString {
			return x, nil
		}
	case []any:
		if t == List {
			list := make([]string, len(x))
			for i, s := range x {
				text, ok := s.(string)
				if !ok {
					return nil, errors.New("the default has an entry that is not a string")
				}
				list[i] = text
			}
			return list, nil
		}
	}
	return nil, wrong
}
