package engine

import (
	"fmt"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/coding"
)

// rewritten returns src as the message hooks and the transform that the head
// hooks set and the rules rewrite it, in this order, or src itself without them. A transform that asks for decoded content in a
// coding that is not known is left out, with a finding: it must not be fed with
// something else.
func (x *exchange) rewritten(h *half, src body.Reader, m *flow.Message, b *hook.Body) (body.Reader, *flow.Error) {
	if h.listened {
		var err *flow.Error
		if src, err = x.heard(h, src, m); err != nil {
			return nil, err
		}
	}
	list, err := x.transforms(h, m, b)
	h.rewrites = b.Stream.Transform != nil
	if err != nil || len(list) == 0 {
		return src, err
	}
	name, decoded := m.Fields.Joined("Content-Encoding"), false
	for i, r := range list {
		if src, err = recoded(src, name, decoded, r.Decoded); err != nil {
			return nil, err
		}
		decoded = r.Decoded
		t, terr := makeTransform(r.New)
		if terr != nil {
			return nil, &flow.Error{Phase: flow.InHead, Status: 502, Err: fmt.Errorf("begin to rewrite the %s body: %w", h.side, terr)}
		}
		src = body.Transformed(&x.ctx, src, t, body.TransformOptions{PieceSize: x.policy.ChunkSize, KeepsLength: r.KeepsLength, Buffers: &x.e.buffers,
			Bulk: i == 0 && b.Stream.Transform != nil && b.Stream.Bulk && !h.listened && !r.Decoded && h.body.Declared >= 0})
	}
	if src, err = recoded(src, name, decoded, false); err != nil {
		return nil, err
	}
	x.mu.Lock()
	h.body.Transformed = true
	x.mu.Unlock()
	return src, nil
}

// recoded takes the content coding called name off src, or puts it on, so that
// it is as wanted.
func recoded(src body.Reader, name string, is, wanted bool) (body.Reader, *flow.Error) {
	recode := body.Decoded
	switch {
	case is == wanted:
		return src, nil
	case is:
		recode = body.Encoded
	}
	src, err := recode(src, name)
	if err != nil {
		return nil, asError(err, flow.AtProxy, flow.InHead)
	}
	return src, nil
}

// transforms are those of the body that can run, in their order. What they
// promise of its length holds for content without a coding only.
func (x *exchange) transforms(h *half, m *flow.Message, b *hook.Body) ([]hook.Rewriting, *flow.Error) {
	if b.Stream.Transform == nil && len(b.Rewritings()) == 0 {
		return nil, nil
	}
	name := m.Fields.Joined("Content-Encoding")
	plain, known := coding.Identity(name), coding.Known(name)
	var list []hook.Rewriting
	if s := &b.Stream; s.Transform != nil {
		switch {
		case !s.Decoded || plain:
			list = append(list, hook.Rewriting{New: s.Transform, KeepsLength: s.KeepsLength})
		case known:
			s.KeepsLength = false // the coded length is another
			list = append(list, hook.Rewriting{New: s.Transform, Decoded: true})
		default:
			x.find("transform-skipped", fmt.Sprintf("the %s has the content coding %q, which is not known: its stream function, which asks for decoded content, was left out", h.side, name))
			s.Transform = nil
		}
	}
	var kept []hook.Rewriting
	for _, r := range b.Rewritings() {
		if r.Decoded && !plain && !known {
			x.find("rewriting-skipped", fmt.Sprintf("the %s has the content coding %q, which is not known: the rule that changes its content was left out", h.side, name))
			continue
		}
		if r.Decoded = r.Decoded && !plain; r.Decoded {
			r.KeepsLength = false
		}
		kept = append(kept, r)
	}
	x.ctl.SetRewritings(b, kept)
	return append(list, kept...), nil
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
