package http2

import (
	h2 "golang.org/x/net/http2"

	"midstream/flow"
)

// readHeaders takes a whole header block: nothing else may come between its
// frames (RFC 9113 section 6.10).
func (c *conn) readHeaders(f *h2.HeadersFrame) error {
	id, end := f.StreamID, f.StreamEnded()
	loop := f.HasPriority() && f.Priority.StreamDep == id
	c.mu.Lock()
	st := c.streams[id]
	c.mu.Unlock()
	b := &c.block
	limit := c.limits.Head
	trailers := st != nil && st.headed
	if trailers {
		limit = c.limits.Trailers
	}
	b.begin(limit)
	if f.HasPriority() {
		b.priority = &flow.Priority{DependsOn: f.Priority.StreamDep, Exclusive: f.Priority.Exclusive, Weight: f.Priority.Weight}
	}
	if err := b.add(f.HeaderBlockFragment()); err != nil {
		return err
	}
	for done := f.HeadersEnded(); !done; {
		more, err := c.fr.ReadFrame()
		if err != nil {
			return c.frameError(err)
		}
		cont, ok := more.(*h2.ContinuationFrame)
		if !ok {
			return breaksConn(h2.ErrCodeProtocol, "a frame inside a header block")
		}
		if b.frames++; b.frames > continuationSlop+b.wire>>10 {
			return breaksConn(h2.ErrCodeEnhanceYourCalm, "a header block in %d frames", b.frames)
		}
		if err := b.add(cont.HeaderBlockFragment()); err != nil {
			return err
		}
		done = cont.HeadersEnded()
	}
	if err := b.end(); err != nil {
		return err
	}
	if loop {
		return breaksStream(id, h2.ErrCodeProtocol, "a stream that depends on itself")
	}
	if st != nil && st.recvEnd {
		return breaksStream(id, h2.ErrCodeStreamClosed, "HEADERS after the end of the %s", st.in)
	}
	if trailers {
		return st.readTrailers(b, end)
	}
	return c.side.head(id, st, b, end)
}

// readTrailers ends a message with its trailer section.
func (st *stream) readTrailers(b *fieldBlock, end bool) error {
	c := st.c
	if !end {
		return breaksStream(st.id, h2.ErrCodeProtocol, "HEADERS in the middle of a body")
	}
	fs, found, fault := parseTrailers(b, st.in, c.profile)
	switch {
	case fault != "":
		return breaksStream(st.id, h2.ErrCodeProtocol, "malformed trailers: %s", fault)
	case b.tooLarge:
		return breaksStream(st.id, h2.ErrCodeEnhanceYourCalm, "a trailer section of more than %d octets", b.limit)
	}
	c.mu.Lock()
	if err := st.whole(); err != nil {
		c.mu.Unlock()
		return err
	}
	st.trailers, st.notes = fs, append(st.notes, found...)
	st.recvEnd = true
	over := st.ended()
	st.readable.Broadcast()
	c.mu.Unlock()
	if over {
		c.drained()
	}
	return nil
}

// whole checks that a body that ends has its length. mu is held.
func (st *stream) whole() error {
	if st.declared >= 0 && st.came != st.declared {
		return breaksStream(st.id, h2.ErrCodeProtocol, "a body of %d octets with a content-length of %d", st.came, st.declared)
	}
	return nil
}
