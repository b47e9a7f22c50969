package script

import (
	"errors"
	"fmt"

	"github.com/dop251/goja"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/coding"
)

// message is a request or a response in JavaScript: one of the exchange while a
// hook runs, its picture afterwards, or one that a script has made.
type message struct {
	e    *engine
	f    *flowState // nil: made by the script, not yet part of a flow
	side flow.Side
	req  *hook.Request
	res  *hook.Response
	obj  *goja.Object

	frozenReq *flow.Request // what it was when the last hook ended
	frozenRes *flow.Response
	kept      []byte // content that a hook has read
	keptRaw   []byte
	stream    goja.Value // what the script set
	dicts     map[string]*goja.Object
}

// free tells that the message itself may be used, not only its picture.
func (m *message) free() bool { return m.f == nil || m.f.live > 0 }

func (m *message) freeze() {
	if m.req != nil {
		m.frozenReq = m.req.Request.Clone()
		return
	}
	m.frozenRes = m.res.Response.Clone()
	if m.res.Made && m.keptRaw == nil {
		if p, err := m.res.Raw(); err == nil { // in memory already
			m.keptRaw = nonNil(p)
		}
	}
}

func (m *message) request() *flow.Request {
	if m.free() || m.frozenReq == nil {
		return &m.req.Request
	}
	return m.frozenReq
}

func (m *message) response() *flow.Response {
	if m.free() || m.frozenRes == nil {
		return &m.res.Response
	}
	return m.frozenRes
}

func (m *message) head() *flow.Message {
	if m.req != nil {
		return &m.request().Message
	}
	return &m.response().Message
}

// edit is head for a change. Outside of hooks it is lost, and said so once.
func (m *message) edit() *flow.Message {
	m.touch()
	return m.head()
}

func (m *message) touch() {
	if !m.free() {
		m.f.warn("late-change", "the "+m.side.String()+" was changed when no hook of the flow ran: it has no effect")
	}
}

func (m *message) body() *hook.Body {
	if m.req != nil {
		return &m.req.Body
	}
	return &m.res.Body
}

func (m *message) object() *goja.Object {
	if m.obj == nil {
		if m.req != nil {
			m.obj = m.e.ready.requests.wrap(m.e, m.e.ready.request, m)
		} else {
			m.obj = m.e.ready.responses.wrap(m.e, m.e.ready.response, m)
		}
	}
	return m.obj
}

func (m *message) String() string {
	if m.req != nil {
		r := m.request()
		return "Request(" + r.Method + " " + r.URL() + ")"
	}
	r := m.response()
	return "Response(" + statusText(r) + ")"
}

// view returns the dict called name, the same object each time.
func (m *message) view(name string, make func() *dict) *goja.Object {
	if o, ok := m.dicts[name]; ok {
		return o
	}
	if m.dicts == nil {
		m.dicts = map[string]*goja.Object{}
	}
	o := m.e.dictObject(make())
	m.dicts[name] = o
	return o
}

func (m *message) headers() *goja.Object {
	return m.view("headers", func() *dict {
		return m.e.fieldsDict(func() flow.Fields { return m.head().Fields }, func() *flow.Fields { return &m.edit().Fields })
	})
}

func (m *message) trailers() *goja.Object {
	return m.view("trailers", func() *dict {
		return m.e.fieldsDict(func() flow.Fields { return m.head().Trailers }, func() *flow.Fields { return &m.edit().Trailers })
	})
}

// raw returns the body as it came, nil when it is not there.
func (m *message) raw() []byte {
	if !m.free() {
		return m.keptRaw
	}
	p, err := m.body().Raw()
	if m.absent(err) {
		return nil
	}
	m.keptRaw = nonNil(p)
	return m.keptRaw
}

// content returns the body with its coding removed, nil when it is not there.
// With strict false a body that cannot be decoded is returned as it came.
func (m *message) content(strict bool) []byte {
	if !m.free() {
		return m.kept
	}
	p, err := m.body().Content()
	if err != nil && !strict {
		if raw := m.raw(); raw != nil {
			return raw
		}
	}
	if m.absent(err) {
		return nil
	}
	m.kept = nonNil(p)
	return m.kept
}

func (m *message) text() (s string, ok bool) {
	p := m.content(true)
	if p == nil {
		return "", false
	}
	s, err := coding.DecodeText(m.head().Fields.Get("Content-Type"), p)
	if err != nil {
		panic(m.e.failure(fmt.Errorf("ValueError: %w", err)))
	}
	return s, true
}

// absent tells that the content is not there; other errors are thrown.
func (m *message) absent(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, hook.ErrMissing) || errors.Is(err, hook.ErrNotYet) {
		return true
	}
	panic(m.e.failure(err))
}

// changed takes the error of a change of the body.
func (m *message) changed(err error) {
	switch {
	case err == nil:
	case errors.Is(err, hook.ErrMissing), errors.Is(err, hook.ErrReadOnly):
		// The body has told that it refused the change.
	default:
		panic(m.e.failure(err))
	}
	if err == nil {
		m.kept, m.keptRaw = nil, nil
	}
}

// settable tells whether the body may be set now; outside of hooks it may not.
func (m *message) settable() bool {
	if m.free() {
		return true
	}
	m.touch()
	return false
}

func nonNil(p []byte) []byte {
	if p == nil {
		return []byte{}
	}
	return p
}
