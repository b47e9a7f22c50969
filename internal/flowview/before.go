package flowview

import (
	"strings"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/dump"
)

// shownOriginal bounds what a page shows of a body as it was, in octets; JSON has
// all that is kept.
const shownOriginal = 4 << 10

// before says what hooks changed, as it was.
func (p *page) before(f *flow.Flow) {
	b := f.Before
	if b == nil {
		return
	}
	p.line("")
	p.line("changed by %s; before that", strings.Join(b.By, ", "))
	requested, answered := b.Heads(f)
	if r := b.Request; r != nil {
		p.line("  request to %s", r.Address())
		p.head(dump.RequestLine(r), &r.Message)
	}
	p.original("request", b.RequestBody, requested)
	if r := b.Response; r != nil {
		p.line("  response")
		p.head(dump.StatusLine(r), &r.Message)
	}
	p.original("response", b.ResponseBody, answered)
}

func (p *page) original(side string, o *flow.Original, m *flow.Message) {
	if o == nil {
		return
	}
	p.line("  %s body: %d bytes", side, o.Size)
	text, known := dump.OriginalContent(o, m)
	switch {
	case !known:
		p.line("    it was not kept; SHA-256 %x", o.SHA256)
	case !utf8.Valid(text):
		p.line("    SHA-256 %x", o.SHA256)
	default:
		s := string(text)
		if len(s) > shownOriginal {
			s = strings.ToValidUTF8(s[:shownOriginal], "") + " ..."
		}
		for line := range strings.Lines(s) {
			p.line("    %s", strings.TrimRight(line, "\r\n"))
		}
	}
}
