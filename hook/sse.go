package hook

import (
	"context"
	"errors"

	"midstream/flow"
)

// SSEEventHook runs for each server-sent event of a body of the type
// text/event-stream when the event is complete, before it is sent on. What comes
// behind the event waits until the hook has returned. It runs for blocks that
// have no data, too, as for those of comments only, with which servers keep
// connections alive; not for a block that the body ends in, nor for one above
// 1 MiB.
type SSEEventHook interface {
	SSEEvent(ctx context.Context, x *Exchange, e *SSEEvent) error
}

// SSE is the content of one server-sent event (WHATWG HTML section 9.2.6). The
// strings have the octets as they came: UTF-8, if the sender was right. Lines of
// Data and Comment are joined with LF.
type SSE struct {
	// Event is the event field; "" means the type message.
	Event string
	Data  string
	ID    string
	// Retry is the retry field, digits for one that counts.
	Retry string
	// Comment is the lines that begin with a colon, one leading space left out.
	Comment string
	// HasData, HasID and HasComment tell a field with an empty value from none. A
	// field with a value is there whatever they say.
	HasData, HasID, HasComment bool
}

// An SSEEvent is one event on its way. A hook may change its fields; one that is
// not changed is sent byte for byte as it came.
type SSEEvent struct {
	SSE
	// Side is that of the body.
	Side flow.Side
	// Index counts the events of the body from 0, those above the limit included
	// and those that hooks add left out.
	Index int64
	// Offset is where the event begins in the body as it came, its content coding
	// removed.
	Offset int64

	dropped       bool
	before, after []SSE
}

// Drop keeps the event from being sent, and from the addons that come after.
func (e *SSEEvent) Drop() { e.dropped = true }

// Dropped tells whether Drop was called.
func (e *SSEEvent) Dropped() bool { return e.dropped }

// MaxInserts is how many events hooks may add around one.
const MaxInserts = 1024

// ErrTooManyInserts is returned past MaxInserts.
var ErrTooManyInserts = errors.New("more than 1024 events were added around one")

// InsertBefore sends added events before this one, also when it is dropped. No
// hook sees them.
func (e *SSEEvent) InsertBefore(added ...SSE) error { return e.insert(&e.before, added) }

// InsertAfter sends added events after this one, also when it is dropped. No
// hook sees them.
func (e *SSEEvent) InsertAfter(added ...SSE) error { return e.insert(&e.after, added) }

func (e *SSEEvent) insert(at *[]SSE, added []SSE) error {
	if len(e.before)+len(e.after)+len(added) > MaxInserts {
		return ErrTooManyInserts
	}
	*at = append(*at, added...)
	return nil
}

// Inserted returns what is sent before and after the event.
func (e *SSEEvent) Inserted() (before, after []SSE) { return e.before, e.after }

// SSEEvent runs the event on every addon that has it, until one drops e; errors
// as RequestHeaders.
func (s *Set) SSEEvent(ctx context.Context, x *Exchange, e *SSEEvent) error {
	if s == nil {
		return nil
	}
	for i := range s.sseEvent {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		a := &s.sseEvent[i]
		if err := s.call(a.name, "sse_event", a.required, x, func() error { return a.hook.SSEEvent(ctx, x, e) }); err != nil {
			return err
		}
		if x.Killed() || e.dropped {
			return nil
		}
	}
	return nil
}
