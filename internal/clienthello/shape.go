package clienthello

import "bytes"

// extTicket is the extension of a client that resumes sessions of TLS 1.2 (RFC 5077).
const extTicket = 35

// Shape returns a copy of h in which what belongs to one connection alone is zero:
// the random values, the keys, and what resumes a session. All hellos by which one
// client greets one server in one way are equal then, and Client repeats
// the copy as it does h.
func (h *Hello) Shape() *Hello {
	shape := *h
	shape.Body = bytes.Clone(h.Body)
	c := cursor{shape.Body, true}
	c.take(2)
	clear(c.take(32)) // random
	clear(c.take(c.u8()))
	c.take(c.u16()) // cipher suites
	c.take(c.u8())  // compression methods
	ext := cursor{c.take(c.u16()), c.ok}
	for ext.ok && len(ext.p) > 0 {
		switch kind, data := ext.u16(), ext.take(ext.u16()); kind {
		case extKeyShare:
			clearKeys(data)
		case extTicket, resumption:
			clear(data)
		}
	}
	return &shape
}

// clearKeys makes the keys of a key_share extension zero. What stands for a key beside
// GREASE stays.
func clearKeys(p []byte) {
	c := cursor{p, true}
	list := cursor{c.take(c.u16()), c.ok}
	for list.ok && len(list.p) > 0 {
		if group, key := list.u16(), list.take(list.u16()); !grease(uint16(group)) {
			clear(key)
		}
	}
}
