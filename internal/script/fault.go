package script

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// Fault is what went wrong in a script, with its place in the source as it was
// written.
type Fault struct {
	// Place is file:line:column, "" when it is not known.
	Place string
	// Text is the message, as "TypeError: x is not a function".
	Text string

	stopped bool // the runtime was interrupted
}

func (f *Fault) Error() string {
	if f.Place == "" {
		return f.Text
	}
	return f.Place + ": " + f.Text
}

// fault explains an error that came out of the runtime.
func (e *engine) fault(err error) *Fault {
	if f, ok := errors.AsType[*Fault](err); ok {
		return f
	}
	if ie, ok := errors.AsType[*goja.InterruptedError](err); ok {
		text := fmt.Sprintf("stopped: it %v (%v)", errTimeout, e.host.timeout())
		if ie.Value() == errMemory {
			text = fmt.Sprintf("stopped: it %v (%d MiB)", errMemory, e.host.memory()>>20)
		}
		return &Fault{Place: placeOf(ie.Stack()), stopped: true, Text: text}
	}
	if so, ok := errors.AsType[*goja.StackOverflowError](err); ok {
		return &Fault{Place: placeOf(so.Stack()), Text: "RangeError: the calls are nested too deeply", stopped: true}
	}
	if ex, ok := errors.AsType[*goja.Exception](err); ok {
		f := e.faultOf(ex.Value())
		if p := placeOf(ex.Stack()); p != "" && f.Place == "" {
			f.Place = p
		}
		return f
	}
	return &Fault{Text: err.Error()}
}

// ours tells whether a file is none that a person has written: what the engine begins
// with, and what holds a script's files together.
func ours(file string) bool { return file == preludeName || strings.HasSuffix(file, bundleName) }

// placeOf returns where the innermost frame of a script stands, "" where none does: one
// that only awaits is on no stack while it is resumed.
func placeOf(stack []goja.StackFrame) string {
	for _, fr := range stack {
		p := fr.Position()
		if p.Filename == "" || p.Line == 0 || ours(p.Filename) {
			continue
		}
		return place(p.Filename, p.Line, p.Column+1)
	}
	return ""
}

// place spells a place; lines and columns count from 1. Positions that come out
// of a source map have columns from 0.
func place(file string, line, column int) string {
	if s, err := url.PathUnescape(file); err == nil {
		file = s
	}
	return fmt.Sprintf("%s:%d:%d", file, line, column)
}

// stackLine finds the place in one line of an Error's stack.
var stackLine = regexp.MustCompile(`(?m)^\s*at (?:.*\()?([^()\n]+):(\d+):(\d+)\(\d+\)`)

// faultOf explains a value that was thrown, or with which a promise was rejected.
func (e *engine) faultOf(v goja.Value) *Fault {
	f := &Fault{Text: "undefined was thrown"}
	if v == nil || goja.IsUndefined(v) {
		return f
	}
	f.Text = e.text(v)
	obj, ok := v.(*goja.Object)
	if !ok {
		f.Text = "thrown: " + f.Text
		return f
	}
	stack := ""
	if s := e.get(obj, "stack"); s != nil {
		stack = e.text(s)
	}
	for _, m := range stackLine.FindAllStringSubmatch(stack, -1) {
		if ours(m[1]) {
			continue
		}
		line, _ := strconv.Atoi(m[2])
		column, _ := strconv.Atoi(m[3])
		f.Place = place(m[1], line, column+1)
		break
	}
	return f
}

// text is v as text, whatever its toString does.
func (e *engine) text(v goja.Value) string {
	s := "a value that has no text"
	_ = e.guarded(func() error {
		s = strings.TrimSpace(v.String())
		return nil
	})
	return s
}

// get is a property of obj, nil when there is none or its getter throws.
func (e *engine) get(obj *goja.Object, name string) (v goja.Value) {
	_ = e.guarded(func() error {
		v = obj.Get(name)
		return nil
	})
	return v
}

// guarded runs f, which uses the runtime from Go, and makes errors of what is
// thrown in it.
func (e *engine) guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = e.recovered(r)
		}
	}()
	if ex := e.vm.Try(func() { err = f() }); ex != nil {
		return e.failed(ex)
	}
	return err
}

// recovered makes an error of what a panic of the runtime carries.
func (e *engine) recovered(r any) error {
	if err, ok := r.(error); ok {
		if _, own := errors.AsType[runtime.Error](err); !own {
			return e.failed(err)
		}
	}
	return &Fault{Text: fmt.Sprintf("internal fault: %v", r)}
}

// report logs a fault for which no hook stands, and notes it on the flow.
func (e *engine) report(event string, c *call, err error) {
	e.host.faults.note(e.script, err)
	e.host.log.Error("script failed", "script", e.script, "event", event, "err", err)
	if c != nil && c.flow != nil {
		c.flow.x.Find("script-error", fmt.Sprintf("%s in %s: %v", e.script, event, err))
	}
}

// track remembers rejections that nothing handles.
func (e *engine) track(p *goja.Promise, op goja.PromiseRejectionOperation) {
	if op == goja.PromiseRejectionReject {
		if len(e.rejected) < 100 {
			e.rejected = append(e.rejected, p)
		}
		return
	}
	e.handled(p)
}

func (e *engine) handled(p *goja.Promise) {
	for i, q := range e.rejected {
		if q == p {
			e.rejected = append(e.rejected[:i], e.rejected[i+1:]...)
			return
		}
	}
}

func (e *engine) reportRejections() {
	if len(e.rejected) == 0 {
		return
	}
	for _, p := range e.rejected {
		e.report("promise", e.current, e.faultOf(p.Result()))
	}
	e.rejected = e.rejected[:0]
}

func (e *engine) rangeError(format string, args ...any) *goja.Object {
	o, err := e.vm.New(e.vm.Get("RangeError"), e.vm.ToValue(fmt.Sprintf(format, args...)))
	if err != nil {
		return e.vm.NewTypeError(fmt.Sprintf(format, args...))
	}
	return o
}

func (e *engine) typeError(format string, args ...any) *goja.Object {
	return e.vm.NewTypeError(fmt.Sprintf(format, args...))
}

// failure is an Error with a plain message, to be thrown.
func (e *engine) failure(err error) *goja.Object {
	o, newErr := e.vm.New(e.vm.Get("Error"), e.vm.ToValue(err.Error()))
	if newErr != nil {
		return e.vm.NewTypeError(err.Error())
	}
	return o
}
