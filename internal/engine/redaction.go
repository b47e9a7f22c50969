package engine

import (
	"sync/atomic"

	"midstream/flow"
)

// Redactor keeps what must not be seen away from the record and the watchers.
// What passes on the wire, and what hooks see of it, stays as it is. Its method
// may be called at once.
type Redactor interface {
	// Begin begins the redaction of one flow.
	Begin() Redaction
}

// Redaction is that of one flow. Its methods may be called at once.
type Redaction interface {
	// Picture returns f as it may be seen. f is not changed.
	Picture(f *flow.Flow) *flow.Flow
	// Interim returns an interim response as it may be seen.
	Interim(head *flow.Response) *flow.Response
	// Body begins the redaction of octets that are sent on; nil where nothing is
	// looked for in them.
	Body(c Content) BodyRedaction
}

// Content tells what octets are.
type Content struct {
	Side flow.Side
	What ContentKind
	// Fields are those of the head that a body is sent with; of a WebSocket those of
	// the response.
	Fields flow.Fields
	// Request and Response are the heads of the flow as they are now, nil where there
	// is none; they may change when the call has returned.
	Request  *flow.Request
	Response *flow.Response
}

// ContentKind is where octets are.
type ContentKind uint8

// The kinds.
const (
	InBody   ContentKind = iota // the body of a message
	InSocket                    // a direction of a WebSocket
	InTunnel                    // a direction of a raw tunnel, or of another upgraded connection
)

// BodyRedaction goes through the octets of one side. It belongs to the goroutine
// that moves them.
type BodyRedaction interface {
	// Write takes the next octets and gives keep what may be recorded, in order.
	// What may begin something that is to be replaced is held back until that is
	// known. keep must not keep what it is given.
	Write(p []byte, keep func([]byte))
	// End gives keep the rest. whole tells that the octets came to their end; in
	// what was broken off, what might have become something to be replaced is.
	End(whole bool, keep func([]byte))
	// Err is why what follows cannot be looked at, and so is not kept; nil where it
	// is.
	Err() error
}

// hiding is the redaction of one direction; the zero value is none.
type hiding struct {
	by   BodyRedaction
	note func([]byte)
}

// write takes octets that have been sent on.
func (h *hiding) write(p []byte) { h.by.Write(p, h.note) }

// end ends it, and may be called more than once.
func (h *hiding) end(whole bool) {
	if h.by != nil {
		h.by.End(whole, h.note)
		h.by = nil
	}
}

// hidden is a half whose record is not what was sent.
type hidden struct {
	hiding                       // the goroutine's that moves the body
	shown  atomic.Int64          // octets of the record
	unseen atomic.Pointer[error] // why the rest is not there
}

// begun tells that octets that are sent go through a redaction.
func (d *hidden) begun() bool { return d != nil && d.by != nil }

// beginRedaction begins that of one flow, nil where nothing is hidden.
func (e *Engine) beginRedaction() Redaction {
	if e.redactor == nil {
		return nil
	}
	return e.redactor.Begin()
}

// visible is a picture as record and watchers may see it.
func (x *exchange) visible(f *flow.Flow) *flow.Flow {
	if x.redaction == nil {
		return f
	}
	return x.redaction.Picture(f)
}

// hide begins the redaction of a body that is sent with these fields, or of what
// follows an upgrade. The hooks lock is held.
func (h *half) hide(what ContentKind, fields flow.Fields) {
	x := h.x
	if x.redaction == nil {
		return
	}
	h.conclude(true)
	c := Content{Side: h.side, What: what, Fields: fields, Request: &x.live.Request.Request}
	if x.live.Response != nil {
		c.Response = &x.live.Response.Response
	}
	by := x.redaction.Body(c)
	if by == nil {
		return
	}
	d := h.hidden.Load()
	if d == nil {
		d = &hidden{hiding: hiding{note: h.note}}
	}
	d.by = by
	h.hidden.Store(d)
}

// conclude gives out what the redaction holds back: no more octets come.
func (h *half) conclude(whole bool) {
	d := h.hidden.Load()
	if !d.begun() {
		return
	}
	by := d.by
	d.end(whole)
	d.noteUnseen(by)
}

// noteUnseen notes why the record of the body ends here.
func (d *hidden) noteUnseen(by BodyRedaction) {
	if err := by.Err(); err != nil && d.unseen.Load() == nil {
		d.unseen.Store(&err)
	}
}

// note hands on octets that may be seen.
func (h *half) note(p []byte) {
	if len(p) == 0 {
		return
	}
	h.hidden.Load().shown.Add(int64(len(p)))
	if h.keep {
		h.x.record.PieceAt(h.side, p, h.x.order.at(h.side))
	}
	h.marks.sent(p)
}

// redacted says in a picture what there is of a body whose record is not what was
// sent: its length is that of the record, unless that was cut.
func (h *half) redacted(b *flow.Body) {
	d := h.hidden.Load()
	if d == nil {
		return
	}
	if why := d.unseen.Load(); why != nil {
		if b.CutReason == "" && b.Sent > 0 {
			b.CutReason = (*why).Error()
		}
		return
	}
	b.Sent = d.shown.Load()
}

// keptOf is what is kept of a flow that was refused.
func keptOf(r Redaction, f *flow.Flow, content []byte) (*flow.Flow, []byte) {
	c := *f
	if f.Response != nil && len(content) > 0 {
		var seen []byte
		note := func(p []byte) { seen = append(seen, p...) }
		if by := r.Body(Content{Side: flow.ToClient, Fields: f.Response.Fields, Request: f.Request, Response: f.Response}); by != nil {
			by.Write(content, note)
			by.End(true, note)
			if by.Err() == nil {
				c.ResponseBody.Sent = int64(len(seen))
			}
			content = seen
		}
	}
	return r.Picture(&c), content
}

// hideUpgraded begins the redaction of both directions of an upgraded connection.
func (x *exchange) hideUpgraded() {
	if x.redaction == nil {
		return
	}
	x.hooks.Lock()
	defer x.hooks.Unlock()
	fields := x.live.Response.Fields.Clone()
	what := InTunnel
	if flow.Switched(&x.live.Request.Request, &x.live.Response.Response) == "websocket" {
		what = InSocket
	}
	x.req.hide(what, fields)
	x.resp.hide(what, fields)
}
