package redaction

import (
	"context"
	"regexp"
	"strings"

	"midstream/hook"
	"midstream/internal/body"
	"midstream/internal/pattern"
)

// rewriting is a pattern whose matches are replaced, or what their first group has
// caught where there is one.
type rewriting struct {
	re     *regexp.Regexp
	octets rune
}

// stage runs it on a text in pieces.
func (w *rewriting) stage(h *hand, out sink) stage {
	s := &matching{h: h, out: out}
	rw, err := body.NewRewriteWith(w.re, nil, body.RewriteOptions{Window: window, Octets: w.octets, Put: s.put})
	if err != nil {
		h.fail(err.Error()) // rules are tried when they are read
		return plain{func([]byte) {}}
	}
	s.t = rw.TransformWatched(body.RewriteWatch{Long: func() {
		h.fail("a match of a pattern of --redact has more than 256 KiB: what follows was not recorded")
	}})
	return s
}

// matching is a rewriting at work.
type matching struct {
	h   *hand
	out sink
	t   hook.Transform
}

func (s *matching) put(dst, text []byte, at []int) []byte {
	begin, end := at[0], at[1]
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
	if whole {
		if err := s.t.End(context.Background(), s.emit); err != nil {
			s.h.fail(err.Error())
		}
		return
	}
	if held, ok := s.t.(interface{ Held() []byte }); ok && len(held.Held()) > 0 {
		s.emit(s.h.replace(held.Held()))
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
	s.t = body.ReplaceWatched([]byte(k.secret), tag, func() { e.h.told(k.secret, k.tag) })
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
		ws = append(ws, &rewriting{re: re, octets: pattern.OctetZero})
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

// newLines finds field lines of HTTP in a text of any kind.
func newLines(r *Rules) *rewriting {
	return &rewriting{re: regexp.MustCompile(`(?m:^)` + alternatives(r.fields, r.prefixes) + `[ \t]*:[ \t]*([^\r\n]+)`)}
}

// newLinks finds parameters of URLs in a text of any kind, also where & is written
// as an escape.
func newLinks(r *Rules) *rewriting {
	return &rewriting{re: regexp.MustCompile(`(?:[?&;]|\\u0026)` + alternatives(r.params, nil) + "=([^&#\\s\"'<>\\\\`]+)")}
}

// newQuoted finds fields in a text that somebody wrote, as "Authorization: x".
func newQuoted(r *Rules) *rewriting {
	return &rewriting{re: regexp.MustCompile(alternatives(r.fields, r.prefixes) + `\\?["']?[ \t]*[:=][ \t]*\\?["']?([^\r\n"]*[^\r\n" ])`)}
}
