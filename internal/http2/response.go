package http2

import (
	"midstream/flow"
)

// parseResponse makes a response head of a block (RFC 9113 section 8.3.2), as
// parseRequest does.
func parseResponse(r *flow.Response, b *fieldBlock, profile Profile) (length int64, found notes, fault string) {
	if b.fault != "" {
		return -1, nil, b.fault
	}
	if b.pseudos != 1 || b.fields[0].Name != ":status" {
		for _, f := range b.fields[:b.pseudos] {
			if f.Name != ":status" {
				return -1, nil, "a response has no pseudo-field " + flow.Quote(f.Name)
			}
		}
		return -1, nil, "a response has one :status"
	}
	status := b.fields[0].Value
	n := digits(status)
	if len(status) != 3 || n < 100 {
		return -1, nil, "the status is not a number of three digits: " + flow.Quote(status)
	}
	r.Status, r.Version = int(n), flow.HTTP2
	if r.Status == 101 {
		return -1, nil, "status 101, which HTTP/2 does not have"
	}
	p := parser{side: flow.ToClient, profile: profile}
	r.Fields = p.parse(b.regular())
	length = -1
	if p.fault == "" {
		length = p.length(r.Fields)
	}
	return length, p.notes, p.fault
}
