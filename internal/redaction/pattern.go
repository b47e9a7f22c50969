package redaction

import (
	"bytes"
	"context"
	"regexp"
	"strings"

	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/pattern"
)

// rewriting is a pattern whose matches are replaced, or what their first group has
// caught where there is one.
type rewriting struct{ rw *body.Rewrite }

// newRewriting prepares one; octets is as body.RewriteOptions has it.
func newRewriting(re *regexp.Regexp, octets rune) *rewriting {
	rw, err := body.NewRewriteWith(re, nil, body.RewriteOptions{Window: window, Octets: octets, Submatches: true})
	if err != nil {
		panic("redaction: " + err.Error()) // rules were tried when they were read, the others are our own
	}
	return &rewriting{rw}
}

// stage runs it on a text in pieces.
func (w *rewriting) stage(h *hand, out sink) stage {
	s := &matching{h: h, out: out}
	s.t = w.rw.TransformWatched(body.RewriteWatch{Put: s.put, Matched: s.found, Long: func() {
		h.fail("a match of a pattern of --redact has more than 256 KiB: what follows was not recorded")
	}})
	return s
}

// matching is a rewriting at work.
type matching struct {
	h       *hand
	out     sink
	t       hook.Transform
	matched bool
	// only is the one text that is looked for, where that is all.
	only pair
}

// found is called for each match.
func (s *matching) found() {
	s.matched = true
	if s.only.secret != "" {
		s.h.told(s.only.secret, s.only.tag)
	}
}

func (s *matching) put(dst, text []byte, at []int) []byte {
	begin, end := at[0], at[1]
	if s.t == nil { // there is no match yet
		s.only = pair{string(text), s.h.tagOf(string(text))}
		if s.h.exact {
			return append(dst, fit([]byte(s.only.tag), len(text))...)
		}
		return append(dst, s.only.tag...)
	}
	if len(at) > 3 && at[2] >= 0 {
		dst = append(dst, text[begin:at[2]]...)
		dst = append(dst, s.h.replaceText(text[at[2]:at[3]])...)
		return append(dst, text[at[3]:end]...)
	}
	return append(dst, s.h.replaceText(text[begin:end])...)
}

// replaceText replaces what a pattern has found; nothing stays nothing.
func (h *hand) replaceText(p []byte) []byte {
	if len(p) == 0 {
		return nil
	}
	return h.replace(p)
}

func (s *matching) emit(p []byte) error {
	if s.h.err == nil {
		s.out(p)
	}
	return nil
}

func (s *matching) write(p []byte) {
	if err := s.t.Chunk(context.Background(), p, s.emit); err != nil {
		s.h.fail(err.Error())
	}
}

// end gives out what is held back, as it is: no match came of it. Where the text
// was broken off, one might have.
func (s *matching) end(whole bool) {
	var held []byte
	if t, ok := s.t.(interface{ Held() []byte }); ok && !whole {
		held = bytes.Clone(t.Held())
	}
	var last []byte
	s.matched = false
	err := s.t.End(context.Background(), func(p []byte) error {
		last = append(last, p...)
		return nil
	})
	switch {
	case err != nil:
		s.h.fail(err.Error())
	case len(held) > 0 && !s.matched:
		s.emit(s.h.replace(held))
	case len(last) > 0:
		s.emit(last)
	}
}

// echo replaces credentials that the flow has had before, and those that come to
// be known while it runs.
type echo struct {
	h    *hand
	out  sink
	seen uint64 // how many of the flow's it has looked at
	each []*matching
}

func (e *echo) write(p []byte) {
	if e.seen != e.h.own.count() && len(e.each) < mostKnown {
		var fresh []pair
		fresh, e.seen = e.h.own.since(e.seen)
		for _, k := range fresh[:min(len(fresh), mostKnown-len(e.each))] {
			e.add(k)
		}
	}
	e.from(0, p)
}

// from gives p to what looks for the i-th credential.
func (e *echo) from(i int, p []byte) {
	if i < len(e.each) {
		e.each[i].write(p)
		return
	}
	e.out(p)
}

func (e *echo) add(k pair) {
	tag := []byte(k.tag)
	if e.h.exact {
		tag = fit(tag, len(k.secret))
	}
	next := len(e.each) + 1
	s := &matching{h: e.h, out: func(p []byte) { e.from(next, p) }}
	s.t = body.ReplaceWatched([]byte(k.secret), tag, func() { s.matched = true; e.h.told(k.secret, k.tag) })
	e.each = append(e.each, s)
}

func (e *echo) end(whole bool) {
	for i := 0; i < len(e.each); i++ {
		e.each[i].end(whole)
	}
}

// newRewritings makes those of the user's patterns.
func newRewritings(list []*found) (ws []*rewriting) {
	for _, f := range list {
		re, _, _ := f.sub.Stream()
		ws = append(ws, newRewriting(re, pattern.OctetZero))
	}
	return ws
}

// alternatives writes names as a regular expression, whatever their case.
func alternatives(names map[string]bool, prefixes []string) string {
	var list []string
	for n := range names {
		list = append(list, regexp.QuoteMeta(n))
	}
	for _, p := range prefixes {
		list = append(list, regexp.QuoteMeta(p)+`[!-9;-~]*`)
	}
	// The longest first: of names that begin alike the whole must match.
	sortLongest(list)
	return "(?i:" + strings.Join(list, "|") + ")"
}

// newQuoted finds fields in a text that somebody wrote, as "Authorization: x".
func newQuoted(r *Rules) *rewriting {
	return newRewriting(regexp.MustCompile(alternatives(r.fields, r.prefixes)+`\\?["']?[ \t]*[:=][ \t]*\\?["']?([^\r\n"]*[^\r\n" ])`), 0)
}
