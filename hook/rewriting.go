package hook

import "midstream/flow"

// A Rewriting is a transform of one body that says nothing of how the body
// flows: one that is recorded stays recorded, as it was sent, and one that is
// held is rewritten before it is held. It runs behind Stream.Transform.
type Rewriting struct {
	// New makes the transform; it is called once, when the body begins, and not
	// for a message without one.
	New func() Transform
	// Decoded asks for content-decoded bytes, as Stream.Decoded does; a body in a
	// coding that is not known is left alone, with a finding.
	Decoded bool
	// KeepsLength promises what Stream.KeepsLength does.
	KeepsLength bool
}

// Rewrite adds a transform of the body. It counts in the head hooks of its
// message.
func (b *Body) Rewrite(r Rewriting) { b.rewritings = append(b.rewritings, r) }

// Rewritings are those that were added, in their order.
func (b *Body) Rewritings() []Rewriting { return b.rewritings }

// Reshapes tells whether what is set may change the length of the body.
func (b *Body) Reshapes() bool {
	if b.Stream.Transform != nil && !b.Stream.KeepsLength {
		return true
	}
	for _, r := range b.rewritings {
		if !r.KeepsLength {
			return true
		}
	}
	return false
}

// Hold asks for the whole of this one body, for reason, as a hook on whole
// bodies does for all; endless types are not held for it. It counts in the head
// hooks of its message.
func (b *Body) Hold(reason string) {
	if b.hold == "" {
		b.hold = reason
	}
}

// Guard is Hold for a guard: the body is held whatever its type, and refused where
// it cannot be.
func (b *Body) Guard(reason string) {
	b.Hold(reason)
	b.guarded = true
}

// Wanted is why Hold was called, "" where it was not.
func (b *Body) Wanted() string { return b.hold }

// Guarded tells whether Guard was called.
func (b *Body) Guarded() bool { return b.guarded }

// MakeResponseFrom is MakeResponse with a body that is read from source when it
// is sent, however large it is. Close is called on what was opened.
func MakeResponseFrom(status int, fields flow.Fields, source Source) *Response {
	r := NewResponse(flow.Response{
		Message: flow.Message{Version: flow.HTTP11, Fields: fields.Clone()},
		Status:  status, Reason: Reason(status),
	})
	r.Made = true
	r.access = Editable
	r.source, r.given = source, source
	return r
}

// Given is the source that the body was made with, nil without one.
func (c Control) Given(b *Body) Source { return b.given }

// SetRewritings replaces what Rewrite has added: the engine leaves out what
// cannot run.
func (c Control) SetRewritings(b *Body, list []Rewriting) { b.rewritings = list }
