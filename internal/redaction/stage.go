package redaction

import (
	"errors"
)

// sink takes octets, and does not keep them.
type sink func(p []byte)

// stage goes through octets that come in pieces and gives its sink what may be
// seen. It holds back only what may belong to something that is to be replaced.
type stage interface {
	write(p []byte)
	// end gives out the rest. whole tells that the octets came to their end.
	end(whole bool)
}

// hand is what stages of one text have in common: who replaces, and what has come
// of it.
type hand struct {
	r *Redactor
	// hit is told of each credential; nil for nobody.
	hit func(secret, tag string)
	// err is why what follows cannot be looked into.
	err error
	// own has the credentials that the flow has had before: they are replaced
	// wherever they stand. Nil knows none.
	own *memory
	// exact makes what is put as long as what it replaces.
	exact bool

	one   credential // that a stage is going through
	spare credential // that is at hand
}

// fail notes why what follows cannot be looked into.
func (h *hand) fail(text string) {
	if h.err == nil {
		h.err = errors.New(text)
	}
}

// begin begins to read a credential.
func (h *hand) begin() { h.one.reset(h.r.key) }

// put returns what stands in the place of the credential that was read; raw is how
// long it was where it stood, -1 where that does not matter.
func (h *hand) put(raw int) []byte { return h.instead(&h.one, raw) }

func (h *hand) instead(c *credential, raw int) []byte {
	t := c.tag()
	if c.n <= longestKept {
		h.told(string(c.head), string(t))
	}
	if h.exact && raw >= 0 {
		return fit(t, raw)
	}
	return t
}

func (h *hand) told(secret, tag string) {
	if isTag(secret) {
		return
	}
	h.r.seen.add(secret, tag)
	if h.hit != nil {
		h.hit(secret, tag)
	}
}

// replace returns what stands in the place of a credential that is at hand.
func (h *hand) replace(secret []byte) []byte {
	h.spare.reset(h.r.key)
	h.spare.write(secret)
	return h.instead(&h.spare, len(secret))
}

// tagOf is the tag of a credential.
func (h *hand) tagOf(secret string) string {
	h.spare.reset(h.r.key)
	h.spare.write([]byte(secret))
	return string(h.spare.tag())
}

// plain is a stage that lets everything through.
type plain struct{ out sink }

func (s plain) write(p []byte) { s.out(p) }
func (s plain) end(bool)       {}

// whole sends a text that is at hand through a stage.
func whole(make func(sink) stage, text []byte) []byte {
	var out []byte
	s := make(func(p []byte) { out = append(out, p...) })
	s.write(text)
	s.end(true)
	return out
}
