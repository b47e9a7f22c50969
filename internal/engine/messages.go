package engine

import (
	"context"
	"fmt"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/coding"
	"midstream/internal/message"
	"midstream/internal/sse"
)

// listens tells whether a hook hears the messages of a body, by its head as the
// head hooks left it. In a content coding that is not known they cannot be
// found, which is a finding.
func (x *exchange) listens(side flow.Side, m *flow.Message) bool {
	if !x.set.Hears(hook.OnSSEEvent) {
		return false
	}
	if k, _ := message.Of(m.Fields.Joined("Content-Type")); k != message.SSE {
		return false
	}
	if name := m.Fields.Joined("Content-Encoding"); !coding.Identity(name) && !coding.Known(name) {
		x.find("messages-unseen", fmt.Sprintf("the %s has the content coding %q, which is not known: no hook saw its events", side, name))
		return false
	}
	return true
}

// heard returns src with the message hooks running on it.
func (x *exchange) heard(h *half, src body.Reader, m *flow.Message) (body.Reader, *flow.Error) {
	name := m.Fields.Joined("Content-Encoding")
	src, err := body.Decoded(src, name)
	if err != nil {
		return nil, asError(err, flow.AtProxy, flow.InHead)
	}
	t := &eventHooks{x: x, h: h, split: message.New(message.SSE, "", 0)}
	src = body.Transformed(x.ctx, src, t, body.TransformOptions{PieceSize: x.policy.ChunkSize, Buffers: &x.e.buffers})
	if src, err = body.Encoded(src, name); err != nil {
		return nil, asError(err, flow.AtProxy, flow.InHead)
	}
	return src, nil
}

// eventHooks is the transform that runs the hooks on server-sent events. What is
// not an event, and one that the hooks leave alone, is emitted as it came. What
// comes before an event is emitted before its hooks run: they may wait.
type eventHooks struct {
	x     *exchange
	h     *half
	split *message.Splitter
	index int64
	out   []byte
	// ahead is a piece that was taken to look at it.
	ahead *message.Piece
	// swallow is set behind an event that ended in CR and was not sent as it came:
	// an LF that follows belongs to it.
	swallow bool
	changed bool
	large   bool
}

var _ hook.Transform = (*eventHooks)(nil)

// Chunk implements hook.Transform.
func (t *eventHooks) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	t.split.Write(p)
	return t.run(ctx, emit)
}

// End implements hook.Transform.
func (t *eventHooks) End(ctx context.Context, emit func([]byte) error) error {
	t.split.End()
	return t.run(ctx, emit)
}

func (t *eventHooks) run(ctx context.Context, emit func([]byte) error) error {
	for {
		piece, ok := t.next()
		if !ok {
			return t.flush(emit)
		}
		if piece.What != message.Message || piece.Part != message.Whole || piece.Unfinished {
			t.pass(piece)
			continue
		}
		if err := t.flush(emit); err != nil {
			return err
		}
		if err := t.event(ctx, piece); err != nil {
			return err
		}
	}
}

func (t *eventHooks) next() (message.Piece, bool) {
	if t.ahead != nil {
		piece := *t.ahead
		t.ahead = nil
		return piece, true
	}
	return t.split.Next()
}

// flush emits what has been put together.
func (t *eventHooks) flush(emit func([]byte) error) error {
	if len(t.out) == 0 {
		return nil
	}
	err := emit(t.out)
	if t.out = t.out[:0]; cap(t.out) > body.PieceSize {
		t.out = nil
	}
	return err
}

// pass is for what no hook sees.
func (t *eventHooks) pass(p message.Piece) {
	if t.swallow {
		t.swallow = false
		if string(p.Raw) == "\n" {
			return
		}
	}
	if p.Part == message.First {
		t.index++
	}
	if p.Part == message.First && !t.large {
		t.large = true
		t.x.find("event-large", fmt.Sprintf("the event at byte %d of the %s body is larger than %s: it passed without being seen by sse_event hooks",
			p.Offset, t.h.side, sizeText(message.DefaultLimit)))
	}
	t.out = append(t.out, p.Raw...)
}

// event runs the hooks on one event and puts what comes of it into out.
func (t *eventHooks) event(ctx context.Context, p message.Piece) error {
	t.swallow = false
	came := sse.Parse(p.Raw)
	e := &hook.SSEEvent{SSE: came, Side: t.h.side, Index: t.index, Offset: p.Offset}
	t.index++
	x := t.x
	x.hooks.Lock()
	err := x.guardEvent(ctx, e)
	x.hooks.Unlock()
	if err != nil {
		return err
	}
	ending := sse.Ending(p.Raw)
	before, after := e.Inserted()
	added := t.insert(before, ending)
	asItCame := false
	switch {
	case e.Dropped():
	case e.SSE == came:
		asItCame = true
	default:
		var perr error
		if t.out, perr = sse.Patch(t.out, p.Raw, &came, &e.SSE); perr != nil {
			x.find("event-refused", fmt.Sprintf("the event at byte %d of the %s body was sent as it came: %v", p.Offset, t.h.side, perr))
			asItCame = true
		}
	}
	if asItCame {
		t.out = append(t.out, p.Raw...)
	}
	if p.Raw[len(p.Raw)-1] == '\r' {
		t.lineFeed(asItCame)
	}
	added = t.insert(after, ending) || added
	if !t.changed && (added || !asItCame) {
		t.changed = true
		x.noteRewritten(t.h)
	}
	return nil
}

// guardEvent runs the hooks, and returns why the body must not go on.
func (x *exchange) guardEvent(ctx context.Context, e *hook.SSEEvent) error {
	err := x.set.SSEEvent(ctx, x.live, e)
	if x.live.Killed() {
		return errKilled
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // the hook may have been ended by it
	}
	if err == nil {
		return nil
	}
	return &flow.Error{Phase: flow.InBody, Status: 502, Err: err}
}

// lineFeed takes the LF that belongs to a CR, if it has come.
func (t *eventHooks) lineFeed(send bool) {
	next, ok := t.split.Next()
	switch {
	case !ok:
		t.swallow = !send
	case string(next.Raw) != "\n":
		t.ahead = &next
	case send:
		t.out = append(t.out, '\n')
	}
}

// insert puts events that hooks have added into out, and tells whether there
// were any.
func (t *eventHooks) insert(added []hook.SSE, ending string) bool {
	n := len(t.out)
	for i := range added {
		var err error
		if t.out, err = sse.Append(t.out, &added[i], ending); err != nil {
			t.x.find("event-refused", fmt.Sprintf("an event that a hook added to the %s body was not sent: %v", t.h.side, err))
		}
	}
	return len(t.out) > n
}

// noteRewritten notes that a hook has changed the body on its way.
func (x *exchange) noteRewritten(h *half) {
	x.mu.Lock()
	h.body.Transformed = true
	x.mu.Unlock()
	x.hooks.Lock()
	defer x.hooks.Unlock()
	m := &x.live.Request.Request.Message
	if h.side == flow.ToClient {
		m = &x.live.Response.Response.Message
	}
	x.noteStale(h.side, m.Fields)
}
