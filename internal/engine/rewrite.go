package engine

import (
	"fmt"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/coding"
)

// rewritten returns src as the message hooks and the transform that the head
// hooks set rewrite it, in this order, or src itself without them. A transform that asks for decoded content in a
// coding that is not known is left out, with a finding: it must not be fed with
// something else.
func (x *exchange) rewritten(h *half, src body.Reader, m *flow.Message, b *hook.Body) (body.Reader, *flow.Error) {
	if h.listened {
		var err *flow.Error
		if src, err = x.heard(h, src, m); err != nil {
			return nil, err
		}
	}
	if b.Stream.Transform == nil {
		return src, nil
	}
	name := ""
	if b.Stream.Decoded {
		name = m.Fields.Joined("Content-Encoding")
		if coding.Identity(name) {
			name = ""
		} else if !coding.Known(name) {
			x.find("transform-skipped", fmt.Sprintf("the %s has the content coding %q, which is not known: its stream function, which asks for decoded content, was left out", h.side, name))
			b.Stream.Transform = nil
			return src, nil
		}
	}
	t, err := makeTransform(b.Stream.Transform)
	if err != nil {
		return nil, &flow.Error{Phase: flow.InHead, Status: 502, Err: fmt.Errorf("begin to rewrite the %s body: %w", h.side, err)}
	}
	opt := body.TransformOptions{PieceSize: x.policy.ChunkSize, KeepsLength: b.Stream.KeepsLength, Buffers: &x.e.buffers}
	if name != "" {
		b.Stream.KeepsLength = false // the coded length is another
		if src, err = body.Decoded(src, name); err != nil {
			return nil, asError(err, flow.AtProxy, flow.InHead)
		}
	}
	src = body.Transformed(x.ctx, src, t, opt)
	if name != "" {
		if src, err = body.Encoded(src, name); err != nil {
			return nil, asError(err, flow.AtProxy, flow.InHead)
		}
	}
	x.mu.Lock()
	h.body.Transformed = true
	x.mu.Unlock()
	return src, nil
}

// makeTransform begins a transform; a panic is an error.
func makeTransform(begin func() hook.Transform) (t hook.Transform, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	if t = begin(); t == nil {
		return nil, fmt.Errorf("the stream function made no transform")
	}
	return t, nil
}
