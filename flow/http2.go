package flow

import (
	"strconv"
	"strings"
)

// Opening is how a client opened a connection of HTTP/2: what it sent before its
// first request, as it sent it. Programs are told apart by it.
type Opening struct {
	// Settings is the first SETTINGS frame (RFC 9113 section 6.5), in its order.
	Settings []Setting
	// Window is by how much WINDOW_UPDATE frames widened the connection's window
	// before the first request, 0 without.
	Window uint32
	// Priorities are the PRIORITY frames before the first request (RFC 7540
	// section 6.3), in their order.
	Priorities []Priority
}

// Setting is one parameter of a SETTINGS frame, also one that nobody knows.
type Setting struct {
	ID    uint16
	Value uint32
}

// settingNames are those of RFC 9113 section 6.5.2, RFC 8441 and RFC 9218; it is
// never changed.
var settingNames = [...]string{
	1: "HEADER_TABLE_SIZE", 2: "ENABLE_PUSH", 3: "MAX_CONCURRENT_STREAMS", 4: "INITIAL_WINDOW_SIZE",
	5: "MAX_FRAME_SIZE", 6: "MAX_HEADER_LIST_SIZE", 8: "ENABLE_CONNECT_PROTOCOL", 9: "NO_RFC7540_PRIORITIES",
}

// Name is the registered name, or the number in hexadecimal.
func (s Setting) Name() string {
	if int(s.ID) < len(settingNames) && settingNames[s.ID] != "" {
		return settingNames[s.ID]
	}
	return "0x" + strconv.FormatUint(uint64(s.ID), 16)
}

// Priority is what a PRIORITY frame says of a stream, or a HEADERS frame of its
// own (RFC 7540 section 6.2).
type Priority struct {
	Stream    uint32 // 0 in HEADERS
	DependsOn uint32
	Exclusive bool
	Weight    uint8 // as on the wire: one less than the weight
}

// PriorityChange is a priority that a client gave a request after its head: by
// PRIORITY (RFC 7540 section 6.3), or by PRIORITY_UPDATE (RFC 9218 section 7.1).
type PriorityChange struct {
	Tree  *Priority // what PRIORITY said; nil for PRIORITY_UPDATE
	Value string    // what PRIORITY_UPDATE said, as a Priority field would
}

// String writes it as a person reads it.
func (c PriorityChange) String() string {
	if c.Tree == nil {
		return c.Value
	}
	text := "weight " + strconv.Itoa(int(c.Tree.Weight)+1) + ", depends on stream " + strconv.FormatUint(uint64(c.Tree.DependsOn), 10)
	if c.Tree.Exclusive {
		text += " exclusively"
	}
	return text
}

// Fingerprint writes what an HTTP/2 server can tell a client by, in the form that
// is in wide use for that: settings, window update, priorities and the order of
// the pseudo-fields of a request (see Request.Pseudos), as
// "1:65536;4:131072;5:16384|12517377|3:0:0:201|m,p,a,s".
func (o *Opening) Fingerprint(pseudos string) string {
	var b strings.Builder
	for i, s := range o.Settings {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(strconv.Itoa(int(s.ID)) + ":" + strconv.FormatUint(uint64(s.Value), 10))
	}
	b.WriteByte('|')
	if o.Window == 0 {
		b.WriteString("00")
	} else {
		b.WriteString(strconv.FormatUint(uint64(o.Window), 10))
	}
	b.WriteByte('|')
	if len(o.Priorities) == 0 {
		b.WriteByte('0')
	}
	for i, p := range o.Priorities {
		if i > 0 {
			b.WriteByte(',')
		}
		exclusive := "0"
		if p.Exclusive {
			exclusive = "1"
		}
		b.WriteString(strconv.FormatUint(uint64(p.Stream), 10) + ":" + exclusive + ":" +
			strconv.FormatUint(uint64(p.DependsOn), 10) + ":" + strconv.Itoa(int(p.Weight)+1))
	}
	b.WriteByte('|')
	for i := range len(pseudos) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte(pseudos[i])
	}
	return b.String()
}

// pseudoNames are the pseudo-fields by their letter in Request.Pseudos.
var pseudoNames = map[byte]string{'m': ":method", 's': ":scheme", 'a': ":authority", 'p': ":path", 'o': ":protocol"}

// PseudoNames returns the pseudo-fields in the order that Pseudos notes.
func (r *Request) PseudoNames() []string {
	var names []string
	for i := range len(r.Pseudos) {
		if name, ok := pseudoNames[r.Pseudos[i]]; ok {
			names = append(names, name)
		}
	}
	return names
}
