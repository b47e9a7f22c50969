package engine

import (
	"context"
	"fmt"

	"midstream/hook"
	"midstream/internal/message"
	"midstream/internal/sse"
)

// eventHooks is the transform that runs the hooks on server-sent events.
type eventHooks struct {
	messageHooks
	// swallow is set behind an event that ended in CR and was not sent as it came:
	// an LF that follows belongs to it.
	swallow bool
}

var _ hook.Transform = (*eventHooks)(nil)

// swallowed tells whether octets are the LF of an event that was not sent.
func (t *eventHooks) swallowed(p message.Piece) bool {
	was := t.swallow
	t.swallow = false
	return was && string(p.Raw) == "\n"
}

// event runs the hooks on one event and puts what comes of it into out.
func (t *eventHooks) event(ctx context.Context, p message.Piece) error {
	t.swallow = false
	came := sse.Parse(p.Raw)
	e := &hook.SSEEvent{SSE: came, Side: t.h.side, Index: t.index, Offset: p.Offset}
	t.index++
	x := t.x
	err := t.guard(ctx, func(ctx context.Context, live *hook.Exchange) error { return x.set.SSEEvent(ctx, live, e) })
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
	if added || !asItCame {
		t.rewritten()
	}
	return nil
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
