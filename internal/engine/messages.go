package engine

import (
	"context"
	"fmt"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/coding"
	"midstream/internal/message"
)

// hookOf is the event that hears messages of a kind, 0 for none.
func hookOf(k message.Kind) hook.Events {
	switch k {
	case message.SSE:
		return hook.OnSSEEvent
	case message.GRPC, message.GRPCWeb, message.GRPCWebText, message.Connect:
		return hook.OnGRPCMessage
	case message.NDJSON, message.JSONSeq, message.AWS, message.Multipart:
		return hook.OnStreamMessage
	}
	return 0
}

// listens tells whether a hook hears the messages of a body, by its head as the
// head hooks left it. In a content coding that is not known they cannot be
// found, which is a finding.
func (x *exchange) listens(side flow.Side, m *flow.Message) bool {
	if !x.set.Hears(hook.OnSSEEvent | hook.OnGRPCMessage | hook.OnStreamMessage) {
		return false
	}
	if k, _ := message.Of(m.Fields.Joined("Content-Type")); !x.set.Hears(hookOf(k)) {
		return false
	}
	if name := m.Fields.Joined("Content-Encoding"); !coding.Identity(name) && !coding.Known(name) {
		x.find("messages-unseen", fmt.Sprintf("the %s has the content coding %q, which is not known: no hook saw its messages", side, name))
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
	kind, boundary := message.Of(m.Fields.Joined("Content-Type"))
	var t hook.Transform
	switch base := (messageHooks{x: x, h: h, split: message.New(kind, boundary, hookLimit(kind))}); kind {
	case message.SSE:
		e := &eventHooks{messageHooks: base}
		e.take, e.skip = e.event, e.swallowed
		t = e
	default:
		t = newStreamHooks(base, kind, boundary, m)
	}
	src = body.Transformed(&x.ctx, src, t, body.TransformOptions{PieceSize: x.policy.ChunkSize, Buffers: &x.e.buffers})
	if src, err = body.Encoded(src, name); err != nil {
		return nil, asError(err, flow.AtProxy, flow.InHead)
	}
	return src, nil
}

// hookLimit is up to which length hooks get a message, in octets.
func hookLimit(k message.Kind) int {
	if hookOf(k) == hook.OnGRPCMessage {
		return grpcLimit
	}
	return message.DefaultLimit
}

// messageHooks is what transforms have in common that run hooks on messages. What
// is no message, and what the hooks leave alone, is emitted as it came. What comes
// before a message is emitted before its hooks run: they may wait.
type messageHooks struct {
	x     *exchange
	h     *half
	split *message.Splitter
	index int64
	out   []byte
	// take runs the hooks on a whole message and puts what comes of it into out.
	take func(ctx context.Context, p message.Piece) error
	// skip tells that octets that no hook sees are not sent; nil sends them all.
	skip func(p message.Piece) bool
	// ahead is a piece that was taken to look at it.
	ahead   *message.Piece
	taking  bool // hooks are about to run
	changed bool
	large   bool
}

// Chunk implements hook.Transform.
func (t *messageHooks) Chunk(ctx context.Context, p []byte, emit func([]byte) error) error {
	t.split.Write(p)
	return t.run(ctx, emit)
}

// End implements hook.Transform.
func (t *messageHooks) End(ctx context.Context, emit func([]byte) error) error {
	t.split.End()
	return t.run(ctx, emit)
}

// Prompt implements body.Prompt: nothing is left that hooks could run on.
func (t *messageHooks) Prompt() bool {
	return !t.taking && t.ahead == nil && t.split.Buffered() == 0
}

func (t *messageHooks) run(ctx context.Context, emit func([]byte) error) error {
	for {
		piece, ok := t.next()
		if !ok {
			return t.flush(emit)
		}
		if piece.What != message.Message || piece.Part != message.Whole || piece.Unfinished {
			t.pass(piece)
			continue
		}
		t.taking = true
		if err := t.flush(emit); err != nil {
			return err
		}
		if err := t.take(ctx, piece); err != nil {
			return err
		}
		t.taking = false
	}
}

func (t *messageHooks) next() (message.Piece, bool) {
	if t.ahead != nil {
		piece := *t.ahead
		t.ahead = nil
		return piece, true
	}
	return t.split.Next()
}

// flush emits what has been put together.
func (t *messageHooks) flush(emit func([]byte) error) error {
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
func (t *messageHooks) pass(p message.Piece) {
	if t.skip != nil && t.skip(p) {
		return
	}
	if p.Part == message.First {
		t.index++
	}
	if p.Part == message.First && !t.large {
		t.large = true
		t.x.find("message-large", fmt.Sprintf("the message at byte %d of the %s body is larger than hooks are given: it passed without being seen by them", p.Offset, t.h.side))
	}
	t.out = append(t.out, p.Raw...)
}

// guard runs hooks on a message, and returns why the body must not go on.
func (t *messageHooks) guard(ctx context.Context, run func(context.Context, *hook.Exchange) error) error {
	x := t.x
	x.hooks.Lock()
	defer x.hooks.Unlock()
	x.inHook.Store(true)
	err := run(ctx, x.live)
	x.inHook.Store(false)
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

// rewritten notes the first message that does not leave as it came.
func (t *messageHooks) rewritten() {
	if !t.changed {
		t.changed = true
		t.x.noteRewritten(t.h)
	}
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
