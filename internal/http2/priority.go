package http2

import (
	"sync"

	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// Bounds of what is taken over of priorities that come after a head.
const (
	maxPriorityValue   = 256 // octets of a Priority field
	maxPriorityChanges = 16  // that are told of a stream
	maxEarlyPriorities = 64  // streams that are named before they are opened
)

// readPriorityUpdate takes a PRIORITY_UPDATE. A value that is no text is as good as
// none: it is a hint.
func (c *conn) readPriorityUpdate(f *h2.PriorityUpdateFrame) error {
	if c.peer == flow.AtServer {
		return breaksConn(h2.ErrCodeProtocol, "PRIORITY_UPDATE from a server")
	}
	if len(f.Priority) > maxPriorityValue {
		return nil
	}
	for i := range len(f.Priority) {
		if b := f.Priority[i]; b < ' ' || b > '~' {
			return nil
		}
	}
	c.side.prioritized(f.PrioritizedStreamID, flow.PriorityChange{Value: f.Priority})
	return nil
}

// earlyPriorities are those of requests that have not come yet: the last of each,
// of so many. The zero value is ready.
type earlyPriorities map[uint32]flow.PriorityChange

func (e *earlyPriorities) add(id uint32, p flow.PriorityChange) {
	if len(*e) >= maxEarlyPriorities {
		if _, known := (*e)[id]; !known {
			return
		}
	}
	if *e == nil {
		*e = make(earlyPriorities)
	}
	(*e)[id] = p
}

// take takes out what was said of the stream id, and of those before it, which will
// not come any more.
func (e *earlyPriorities) take(id uint32) (last [2]*flow.PriorityChange) {
	for other, p := range *e {
		if other > id {
			continue
		}
		if delete(*e, other); other == id {
			last[kindOf(p)] = &p
		}
	}
	return last
}

// kindOf numbers the two ways to give a priority.
func kindOf(p flow.PriorityChange) int {
	if p.Tree == nil {
		return 1
	}
	return 0
}

// prioritized tells who follows the priority of a request.
func (s *Server) prioritized(id uint32, p flow.PriorityChange) {
	s.mu.Lock()
	st := s.streams[id]
	if st == nil && id%2 == 1 && id > s.lastPeer && p.Tree == nil {
		s.early.add(id, p)
	}
	s.mu.Unlock()
	if st != nil {
		st.server.priority.change(p)
	}
}

// follower tells somebody how the priority of a request changes.
type follower struct {
	mu   sync.Mutex // guards all below, and is held while told
	last [2]*flow.PriorityChange
	told int
	tell func(flow.PriorityChange)
}

func (f *follower) change(p flow.PriorityChange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.told++; f.told > maxPriorityChanges {
		return
	}
	f.last[kindOf(p)] = &p
	if f.tell != nil {
		f.tell(p)
	}
}

// FollowPriority makes tell the one that is told how the client changes the priority
// of the request after its head, at once of what it has said by now. tell must not
// wait; at most 16 changes are told.
func (st *Stream) FollowPriority(tell func(flow.PriorityChange)) {
	f := &st.priority
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tell = tell
	for _, p := range f.last {
		if p != nil {
			tell(*p)
		}
	}
}

// Prioritize tells the server another priority of the call, in the same kind of
// frame. A stream that it depends on has another number here, unless it is one of
// the client's tree: the dependence becomes one on stream 0.
func (call *Call) Prioritize(p flow.PriorityChange) {
	c, st := call.client, &call.stream
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[st.id] != st {
		return
	}
	if p.Tree != nil {
		param := mapped(p.Tree, c.tree)
		c.w.control(func(fr *h2.Framer) { fr.WritePriority(st.id, param) })
		return
	}
	c.w.control(func(fr *h2.Framer) { fr.WritePriorityUpdate(st.id, p.Value) })
}
