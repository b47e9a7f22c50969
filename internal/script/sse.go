package script

import (
	"context"
	"slices"
	"strings"

	"github.com/dop251/goja"

	"midstream/hook"
	"midstream/internal/option"
)

// event is the argument of sse_event. When the hook has returned it is only
// there to be read: its event is on its way.
type event struct {
	e    *hook.SSEEvent
	over bool
}

// SSEEvent runs the script's sse_event.
func (a *addon) SSEEvent(ctx context.Context, x *hook.Exchange, e *hook.SSEEvent) error {
	ev := &event{e: e}
	return a.run(ctx, x, sseEvent, ev)
}

func (ev *event) object(e *engine) goja.Value { return eventClass.wrap(e, e.ready.event, ev) }

// close takes the event away from the script.
func (ev *event) close() {
	kept := *ev.e
	ev.e, ev.over = &kept, true
}

// eventField is one field of an event as scripts see it: text, or null.
type eventField struct {
	name string
	text func(*hook.SSE) *string
	flag func(*hook.SSE) *bool // nil: an empty value is none
	line bool                  // it cannot have line breaks
}

var eventFields = []eventField{
	{"event", func(e *hook.SSE) *string { return &e.Event }, nil, true},
	{"data", func(e *hook.SSE) *string { return &e.Data }, func(e *hook.SSE) *bool { return &e.HasData }, false},
	{"id", func(e *hook.SSE) *string { return &e.ID }, func(e *hook.SSE) *bool { return &e.HasID }, true},
	{"retry", func(e *hook.SSE) *string { return &e.Retry }, nil, true},
	{"comment", func(e *hook.SSE) *string { return &e.Comment }, func(e *hook.SSE) *bool { return &e.HasComment }, false},
}

func (f *eventField) get(e *engine, s *hook.SSE) goja.Value {
	text := *f.text(s)
	if text == "" && (f.flag == nil || !*f.flag(s)) {
		return goja.Null()
	}
	return e.wireText(text)
}

func (f *eventField) set(e *engine, s *hook.SSE, v goja.Value) {
	text := ""
	if !isNull(v) {
		if text = e.mustText(v, "event."+f.name); f.line && strings.ContainsAny(text, "\r\n") {
			panic(e.typeError("event.%s must not contain a line break", f.name))
		}
	}
	*f.text(s) = text
	if f.flag != nil {
		*f.flag(s) = !isNull(v)
	}
}

var eventClass = newEventClass()

func newEventClass() *class[*event] {
	c := &class[*event]{
		name:  "event",
		attrs: map[string]attr[*event]{},
		text: func(ev *event) string {
			return "<SSEEvent " + ev.e.Event + " " + ev.e.Data + ">"
		},
		methods: map[string]method[*event]{
			"json": func(e *engine, ev *event, _ goja.FunctionCall) goja.Value {
				v, err := e.ready.parseJSON(goja.Undefined(), e.wireText(ev.e.Data))
				if err != nil {
					panic(e.rethrow(err))
				}
				return v
			},
			"drop": func(e *engine, ev *event, _ goja.FunctionCall) goja.Value {
				ev.mustBeOpen(e, "drop")
				ev.e.Drop()
				return goja.Undefined()
			},
			"insert_before": func(e *engine, ev *event, fc goja.FunctionCall) goja.Value {
				return ev.insert(e, "insert_before", ev.e.InsertBefore, fc)
			},
			"insert_after": func(e *engine, ev *event, fc goja.FunctionCall) goja.Value {
				return ev.insert(e, "insert_after", ev.e.InsertAfter, fc)
			},
		},
	}
	for i := range eventFields {
		f := &eventFields[i]
		c.order = append(c.order, f.name)
		c.attrs[f.name] = attr[*event]{
			get: func(e *engine, ev *event) goja.Value { return f.get(e, &ev.e.SSE) },
			set: func(e *engine, ev *event, v goja.Value) {
				ev.mustBeOpen(e, f.name)
				f.set(e, &ev.e.SSE, v)
			},
		}
	}
	c.order = append(c.order, "index")
	c.attrs["index"] = attr[*event]{get: func(e *engine, ev *event) goja.Value { return e.vm.ToValue(ev.e.Index) }}
	return c
}

func (ev *event) mustBeOpen(e *engine, what string) {
	if ev.over {
		panic(e.typeError("event.%s comes too late: its sse_event has returned, and the event is on its way", what))
	}
}

// insert adds events: objects with the fields of an event, or their data as a
// string.
func (ev *event) insert(e *engine, name string, insert func(...hook.SSE) error, fc goja.FunctionCall) goja.Value {
	ev.mustBeOpen(e, name)
	for _, v := range fc.Arguments {
		if err := insert(e.sse(v, name)); err != nil {
			panic(e.failure(err))
		}
	}
	return goja.Undefined()
}

func (e *engine) sse(v goja.Value, name string) (s hook.SSE) {
	if text, ok := v.(goja.String); ok {
		s.Data, s.HasData = octets(text), true
		return s
	}
	obj, ok := v.(*goja.Object)
	if !ok {
		panic(e.typeError("event.%s takes {event, data, id, retry, comment} or a string, not %s", name, kindOf(v)))
	}
	if ev, ok := unwrap[*event](v); ok {
		return ev.e.SSE
	}
	var known []string
	for i := range eventFields {
		f := &eventFields[i]
		known = append(known, f.name)
		if value := e.get(obj, f.name); !isNull(value) {
			f.set(e, &s, value)
		}
	}
	for _, k := range obj.Keys() {
		if !slices.Contains(known, k) {
			hint := ""
			if near := option.Nearest(k, known); near != "" {
				hint = "; did you mean " + near + "?"
			}
			panic(e.typeError("event.%s: an event has no %s%s", name, k, hint))
		}
	}
	return s
}
