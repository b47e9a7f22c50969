package clienthello

import "slices"

// resumption is the extension of a client that resumes a session (RFC 8446
// section 4.2.11).
const resumption = 41

// Alike tells whether a server cannot tell the clients of h and o apart by their
// hellos: they offer the same, whatever name they ask for, in the same order;
// GREASE, the name, and whether a session is resumed do not count.
func (h *Hello) Alike(o *Hello) bool {
	bare := func(list []uint16) []uint16 {
		return slices.DeleteFunc(ungreased(list), func(e uint16) bool { return e == extServerName || e == extProtocols || e == resumption })
	}
	return h.Version == o.Version && slices.Equal(ungreased(h.Ciphers), ungreased(o.Ciphers)) &&
		slices.Equal(bare(h.Extensions), bare(o.Extensions)) && slices.Equal(ungreased(h.groups), ungreased(o.groups)) &&
		slices.Equal(h.signatures, o.signatures) && slices.Equal(h.points, o.points)
}
