package redaction

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// Redactor applies rules with the key of one session.
type Redactor struct {
	rules    *Rules
	key      Key
	seen     memory
	user     []*rewriting
	quoted   *rewriting   // finds fields in texts that somebody wrote
	decoding atomic.Int64 // bodies in a coding that are being looked into
}

// New makes a Redactor; k is the key of a session, see Key.Session and NewKey.
func New(rules *Rules, k Key) *Redactor {
	return &Redactor{rules: rules, key: k, user: newRewritings(rules.patterns), quoted: newQuoted(rules)}
}

// Text replaces what may be a credential in a text that somebody wrote: what looks
// like one, and those that were seen in what passed.
func (r *Redactor) Text(s string) string {
	if s == "" {
		return s
	}
	h := hand{r: r}
	return r.seen.hide(h.text(s))
}

func sortLongest(list []string) {
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(len(b)-len(a), cmp.Compare(a, b)) })
}
