package redaction

import (
	"slices"
	"strings"
)

// Dots stand in the place of a credential that is hidden. They do not say how long
// it is.
const Dots = "••••••••"

// Veil hides credentials in what a person looks at until the person asks for them.
// What is recorded stays as it is, so it is no redaction: a Veil reads names in what
// is shown, wherever that begins, and knows nothing of the rest. Its methods may be
// called at once.
type Veil struct{ rules *Rules }

// NewVeil makes one that knows the names that always hold.
func NewVeil() *Veil { return &Veil{rules: known} }

// Text hides in a text.
func (v *Veil) Text(s string) string {
	var o open
	return dotted(s, v.spans(s, 0, &o, strict))
}

// dotted puts dots in the place of spans.
func dotted(s string, list []span) string {
	if len(list) == 0 {
		return s
	}
	var b strings.Builder
	from := 0
	for _, sp := range list {
		if secret := s[sp.from:sp.to]; isTag(secret) || strings.Trim(secret, "*") == "" {
			continue // it is hidden already
		}
		b.WriteString(s[from:sp.from])
		b.WriteString(Dots)
		from = sp.to
	}
	b.WriteString(s[from:])
	return b.String()
}

// longestHead is how far before a value its name may begin, with what is between
// them, in octets.
const longestHead = 1 << 10

// Octets hides in octets that come in pieces, and keeps their number: each hidden
// one is a star. The zero value has no Veil; see Veil.Octets.
type Octets struct {
	v    *Veil
	was  []byte // what came last, as it was
	open open
}

// Octets begins.
func (v *Veil) Octets() *Octets { return &Octets{v: v} }

// Next returns the next piece as it may be seen, in memory of its own.
func (o *Octets) Next(p []byte) []byte {
	all := string(o.was) + string(p)
	from := len(o.was)
	out := slices.Clone(p)
	for _, sp := range o.v.spans(all, from, &o.open, strict) {
		if isTag(all[sp.from:sp.to]) {
			continue
		}
		for i := max(sp.from, from); i < sp.to; i++ {
			out[i-from] = '*'
		}
	}
	o.was = append(o.was[:0], all[max(0, len(all)-longestHead):]...)
	return out
}
