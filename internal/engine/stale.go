package engine

import (
	"fmt"
	"strings"

	"midstream/flow"
)

// digests are the fields that say something about the octets of a body.
var digests = [...]string{"Content-Digest", "Repr-Digest", "Digest", "Content-MD5"}

// noteStale adds a finding for each field that a changed body has made wrong:
// they are the sender's words and are left as they are (RFC 9530; RFC 9110
// section 8.8.3 for strong validators).
func (x *exchange) noteStale(side flow.Side, fields flow.Fields) {
	for _, name := range digests {
		if fields.Has(name) {
			x.find("stale-digest", fmt.Sprintf("the %s body was changed: its %s field was left as it came and is wrong now", side, name))
		}
	}
	if tag, ok := fields.Lookup("ETag"); ok && side == flow.ToClient && !strings.HasPrefix(tag, "W/") {
		x.find("stale-etag", "the response body was changed: its strong ETag was left as it came and names another body")
	}
}

// hasTrailers tells whether a body with framing f has room for a trailer
// section: in HTTP/1 only the chunked coding has (RFC 9112 section 7.1.2).
func hasTrailers(v flow.Version, f flow.Framing) bool {
	return v >= flow.HTTP2 || f.Kind == flow.Chunked
}

func (x *exchange) dropTrailers(side flow.Side) {
	x.find("trailers-dropped", fmt.Sprintf("the %s has no room for a trailer section on its way out: it was left out", side))
}
