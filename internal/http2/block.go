package http2

import (
	h2 "golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"midstream/flow"
)

// fieldBlock is one header block (RFC 9113 section 4.3) as it is decoded, frame
// by frame: nothing of it is kept but what is within the limits. It is used
// again for each block of a connection, which has one at a time.
type fieldBlock struct {
	dec     *hpack.Decoder
	limits  Limits
	fields  []hpack.HeaderField
	pseudos int // of fields, at their front
	size    int // as SETTINGS_MAX_HEADER_LIST_SIZE counts
	limit   int
	count   int
	wire    int // octets of the block as it came
	frames  int // CONTINUATION frames

	priority *flow.Priority // of the HEADERS frame; or nil
	tooLarge bool
	fault    string // what makes the block malformed whatever it is for
}

func (b *fieldBlock) init(limits Limits) {
	b.limits = limits
	b.dec = hpack.NewDecoder(maxTable, b.emit)
	// One string may be as large as a whole head, which is refused above that,
	// without a fault of the connection.
	b.dec.SetMaxStringLength(2*limits.Head + 1)
}

// begin makes ready for another block.
func (b *fieldBlock) begin(limit int) {
	clear(b.fields)
	*b = fieldBlock{dec: b.dec, limits: b.limits, fields: b.fields[:0], limit: limit}
	if cap(b.fields) > 256 {
		b.fields = nil
	}
	b.dec.SetEmitEnabled(true)
}

// add decodes a fragment. Its error ends the connection.
func (b *fieldBlock) add(p []byte) error {
	b.wire += len(p)
	if b.wire > 4*b.limit+maxTable {
		// What is above the limit is decoded only because the table depends on it.
		return breaksConn(h2.ErrCodeEnhanceYourCalm, "a header block of more than %d octets", b.wire)
	}
	if _, err := b.dec.Write(p); err != nil {
		return breaksConn(h2.ErrCodeCompression, "decode a header block: %v", err)
	}
	return nil
}

// end ends the block.
func (b *fieldBlock) end() error {
	if err := b.dec.Close(); err != nil {
		return breaksConn(h2.ErrCodeCompression, "decode a header block: %v", err)
	}
	return nil
}

func (b *fieldBlock) emit(f hpack.HeaderField) {
	b.size += int(f.Size())
	b.count++
	if b.size > b.limit || b.count > b.limits.Fields {
		b.tooLarge = true
		b.dec.SetEmitEnabled(false)
		return
	}
	if len(f.Name) > 0 && f.Name[0] == ':' {
		if b.pseudos < len(b.fields) {
			b.fault = "the pseudo-field " + flow.Quote(f.Name) + " follows a field"
		}
		b.pseudos++
	}
	b.fields = append(b.fields, f)
}

// regular returns the fields behind the pseudo-fields.
func (b *fieldBlock) regular() []hpack.HeaderField { return b.fields[min(b.pseudos, len(b.fields)):] }

// parser makes fields of one block what the flow keeps, or says why not.
type parser struct {
	side    flow.Side
	profile Profile
	notes   notes
	fault   string
}

// bad notes the first fault.
func (p *parser) bad(fault string) {
	if p.fault == "" {
		p.fault = fault
	}
}

// odd tells whether a fault is one that is repaired.
func (p *parser) odd(fault string) bool {
	if p.profile == Strict {
		p.bad(fault)
		return false
	}
	return true
}

// parse checks and copies fields (RFC 9113 section 8.2).
func (p *parser) parse(in []hpack.HeaderField) flow.Fields {
	out := make(flow.Fields, 0, len(in)+2)
	for _, f := range in {
		if f, ok := p.field(f); ok {
			out = append(out, f)
		}
		if p.fault != "" {
			return nil
		}
	}
	return out
}

func (p *parser) field(f hpack.HeaderField) (flow.Field, bool) {
	name, value := f.Name, f.Value
	response := p.side == flow.ToClient
	switch {
	case has(name, breakOctet) || has(value, breakOctet):
		p.bad("the field " + flow.Quote(name) + " has a line break or NUL in it")
		return flow.Field{}, false
	case has(name, upperOctet) && isToken(name):
		if !response || !p.odd("the field name "+flow.Quote(name)+" has upper-case letters") {
			p.bad("the field name " + flow.Quote(name) + " has upper-case letters")
			return flow.Field{}, false
		}
		p.notes.add(FieldNameOdd, "the field name %s had upper-case letters", flow.Quote(name))
		name = lower(name)
	case !isToken(name):
		if !response || !p.odd("a field has the name "+flow.Quote(name)) {
			p.bad("a field has the name " + flow.Quote(name))
			return flow.Field{}, false
		}
		p.notes.add(FieldLineDropped, "a field with the name %s was left out", flow.Quote(name))
		return flow.Field{}, false
	}
	if n := len(value); n > 0 && (value[0] == ' ' || value[0] == '\t' || value[n-1] == ' ' || value[n-1] == '\t') {
		if !p.odd("the value of " + name + " begins or ends with white space") {
			return flow.Field{}, false
		}
		p.notes.add(FieldSpace, "the value of %s began or ended with white space, which was cut off", name)
		value = flow.TrimSpace(value)
	}
	if has(value, ctlOctet) {
		if !p.odd("the value of " + name + " has a control character") {
			return flow.Field{}, false
		}
		p.notes.add(FieldControl, "the value of %s has a control character", name)
	}
	if ofConnection(name, value) {
		if !response || !p.odd("it has the field "+name+", which belongs to HTTP/1 connections") {
			p.bad("it has the field " + name + ", which belongs to HTTP/1 connections")
			return flow.Field{}, false
		}
		p.notes.add(FieldConnection, "the field %s, which belongs to HTTP/1 connections, was left out", name)
		return flow.Field{}, false
	}
	return flow.Field{Name: name, Value: value, NeverIndexed: f.Sensitive}, true
}

// ofConnection tells whether a field must not be in a message of HTTP/2 (RFC 9113
// section 8.2.2). The name is in lower case.
func ofConnection(name, value string) bool {
	switch name {
	case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "http2-settings":
		return true
	case "te":
		return value != "trailers"
	}
	return false
}

// length reads Content-Length (RFC 9110 section 8.6); -1 without one.
func (p *parser) length(fs flow.Fields) int64 {
	n, seen := int64(-1), ""
	for i := range fs {
		if fs[i].Name != "content-length" {
			continue
		}
		v := fs[i].Value
		if n >= 0 {
			if v != seen {
				p.bad("it has two different lengths")
				return -1
			}
			p.notes.add(LengthRepeated, "content-length is there twice")
			continue
		}
		seen = v
		if n = digits(v); n < 0 {
			p.bad("content-length is not a number: " + flow.Quote(v))
			return -1
		}
	}
	return n
}

// digits reads a decimal number; -1 is none.
func digits(s string) int64 {
	if s == "" || len(s) > 18 {
		return -1
	}
	n := int64(0)
	for i := range len(s) {
		d := s[i] - '0'
		if d > 9 {
			return -1
		}
		n = n*10 + int64(d)
	}
	return n
}

// parseTrailers makes the trailer section of a block.
func parseTrailers(b *fieldBlock, side flow.Side, profile Profile) (flow.Fields, notes, string) {
	if b.fault != "" {
		return nil, nil, b.fault
	}
	if b.pseudos > 0 {
		return nil, nil, "a pseudo-field in a trailer section"
	}
	p := parser{side: side, profile: profile}
	fs := p.parse(b.fields)
	kept := fs[:0]
	for _, f := range fs {
		if !outsideTrailers(f.Name) {
			kept = append(kept, f)
			continue
		}
		if !p.odd(f.Name + " in the trailer section") {
			return nil, p.notes, p.fault
		}
		p.notes.add(TrailerDropped, "%s in the trailer section was dropped", f.Name)
	}
	return kept, p.notes, p.fault
}

// outsideTrailers tells of a field that frames or routes a message: behind it it
// means nothing, and to a server of HTTP/1 it may mean another message (RFC 9110
// section 6.5.1).
func outsideTrailers(name string) bool {
	switch name {
	case "host", "content-length", "transfer-encoding", "trailer":
		return true
	}
	return false
}
