package dump

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/coding"
)

// maxOriginalText bounds what is decoded of an original, in octets.
const maxOriginalText = 4 * flow.MaxOriginal

// before is what hooks changed of f, as it was: null where that is nothing.
func (o *object) before(f *flow.Flow) {
	b := f.Before
	if b == nil {
		o.null("before")
		return
	}
	o.open("before", '{')
	o.list("by", len(b.By), func(i int) { o.text("", b.By[i]) })
	o.request("request", b.Request)
	o.response("response", b.Response)
	requested, answered := b.Heads(f)
	o.original("request_body", b.RequestBody, requested)
	o.original("response_body", b.ResponseBody, answered)
	o.close('}')
}

func (o *object) original(name string, b *flow.Original, m *flow.Message) {
	if b == nil {
		o.null(name)
		return
	}
	o.open(name, '{')
	o.number("size", b.Size)
	o.text("sha256", hex.EncodeToString(b.SHA256))
	if p, known := OriginalContent(b, m); !known {
		o.null("text")
	} else if s := string(p); utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		o.text("text", s)
	} else {
		o.text("base64", base64.StdEncoding.EncodeToString(p))
	}
	o.close('}')
}

// OriginalContent is a body as it was, without the coding that its head m names
// where that can be removed. It is not known where it was too large to be kept.
func OriginalContent(b *flow.Original, m *flow.Message) (p []byte, known bool) {
	if b.Octets == nil && b.Size > 0 {
		return nil, false
	}
	if m != nil {
		if plain, err := coding.Decode(m.Fields.Joined("Content-Encoding"), b.Octets, maxOriginalText); err == nil {
			return plain, true
		}
	}
	return b.Octets, true
}
