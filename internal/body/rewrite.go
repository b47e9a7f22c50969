package body

import (
	"bytes"
	"context"
	"regexp"

	"midstream/hook"
)

// matchWindow is how much of a body a match that is not certain yet may hold
// back where nothing else is said.
const matchWindow = 64 << 10

// RewriteOptions say how a pattern is run; the zero value is UTF-8 and 64 KiB.
type RewriteOptions struct {
	// Window is how much of a body, in bytes, a match that is not certain yet may
	// hold back; 0 is 64 KiB.
	Window int
	// Octets is not 0 where the pattern is one of octets: those above 0x7f are
	// characters of it, from this one for octet 0 on.
	Octets rune
	// Submatches tells that RewriteWatch.Put wants them.
	Submatches bool
}

// RewriteWatch is told what a transform does. Its functions are called from the
// goroutine that runs the transform, and must not wait; nil ones are not.
type RewriteWatch struct {
	// Matched is called for each match.
	Matched func()
	// Long is called, once, when a match could not be decided within the window.
	Long func()
	// Put, where it is set, is called for each match in place of the template, and
	// appends to dst what is put there. text[at[0]:at[1]] is the match, the pairs that
	// follow are the submatches, negative where one has not taken part. Of a pattern
	// that is only a text it is called once, when the transform begins.
	Put func(dst, text []byte, at []int) []byte
}

// A Rewrite replaces the matches of a pattern. It may make transforms for many
// bodies at once.
type Rewrite struct {
	re       *regexp.Regexp
	template []byte
	fixed    bool     // the template is the same for every match
	prog     *program // nil when literal is set
	literal  []byte   // the only text that the pattern matches
	window   int
}

// NewRewrite prepares the replacement of the matches of re by template, in
// which $1, ${1} and ${name} stand for submatches, as in regexp.Expand. re is
// taken as written in Perl syntax and matched leftmost-first.
func NewRewrite(re *regexp.Regexp, template []byte) (*Rewrite, error) {
	return NewRewriteWith(re, template, RewriteOptions{})
}

// NewRewriteWith is NewRewrite with options.
func NewRewriteWith(re *regexp.Regexp, template []byte, opt RewriteOptions) (*Rewrite, error) {
	w := &Rewrite{re: re, template: template, fixed: bytes.IndexByte(template, '$') < 0 && !opt.Submatches, window: opt.Window}
	if w.window <= 0 {
		w.window = matchWindow
	}
	if literal, all := re.LiteralPrefix(); all && literal != "" {
		w.literal = unmapped(literal, opt.Octets)
		w.template = re.Expand(nil, template, w.literal, re.FindStringSubmatchIndex(literal))
		return w, nil
	}
	slots := 2
	if !w.fixed {
		slots = 2 * (re.NumSubexp() + 1)
	}
	var err error
	w.prog, err = newProgram(re, slots, opt.Octets)
	return w, err
}

// Transform returns the transform of one body. Wherever the body is cut into
// pieces, what comes out is what regexp.ReplaceAll makes of the whole, as long
// as it can be decided within 64 KiB whether a match that has begun is one:
// past that it ends where it had matched last, or is none. Only what may belong
// to a match is held back, and what is needed to see whole characters.
func (w *Rewrite) Transform() hook.Transform { return w.TransformWatched(RewriteWatch{}) }

// TransformWatched is Transform with somebody who is told what it does.
func (w *Rewrite) TransformWatched(watch RewriteWatch) hook.Transform {
	if w.prog == nil {
		template := w.template
		if watch.Put != nil {
			template = watch.Put(nil, w.literal, []int{0, len(w.literal)})
		}
		return ReplaceWatched(w.literal, template, watch.Matched)
	}
	return &rewriter{Rewrite: w, m: newMatcher(w.prog, w.window), before: -1, watch: watch}
}

type rewriter struct {
	*Rewrite
	m       *matcher
	held    []byte // text that has not been put out
	base    int    // position of held[0], or of the next piece
	before  rune   // the byte before base; -1 at the beginning
	lastEnd int    // of the match before
	watch   RewriteWatch
	out     []byte
}

func (w *rewriter) Chunk(_ context.Context, p []byte, emit func([]byte) error) error {
	text := p
	if len(w.held) > 0 {
		w.held = append(w.held, p...)
		text = w.held
	}
	done, err := w.rewrite(text, false, emit)
	if err != nil {
		return err
	}
	// Before w.held changes, what is certain goes out: text may be w.held.
	keep := w.m.held() - w.base
	if err := w.put(text[done:max(done, keep)], emit); err != nil {
		return err
	}
	keep = max(done, keep)
	if keep > 0 {
		w.before = rune(text[keep-1])
	}
	w.base += keep
	w.held = append(w.held[:0], text[keep:]...)
	return nil
}

func (w *rewriter) End(_ context.Context, emit func([]byte) error) error {
	done, err := w.rewrite(w.held, true, emit)
	if err != nil {
		return err
	}
	return w.put(w.held[done:], emit)
}

// rewrite replaces the matches in text, which begins at w.base. It returns up to
// where it has put the text into w.out.
func (w *rewriter) rewrite(text []byte, last bool, emit func([]byte) error) (done int, err error) {
	w.out = w.out[:0]
	for w.m.next(text, w.base, last) {
		begin, end := w.m.match[0], w.m.match[1]
		w.out = append(w.out, text[done:begin-w.base]...)
		// No empty match directly behind a match, as regexp has it.
		if end > w.lastEnd || begin == 0 {
			w.expand(text)
			if w.watch.Matched != nil {
				w.watch.Matched()
			}
		}
		done, w.lastEnd = end-w.base, end
		w.m.resume(text, w.base, w.before)
		if len(w.out) >= PieceSize {
			if err := emit(w.out); err != nil {
				return done, err
			}
			w.out = w.out[:0]
		}
	}
	if w.m.long && w.watch.Long != nil {
		w.watch.Long()
		w.watch.Long = nil
	}
	return done, nil
}

// Prompt implements Prompt.
func (w *rewriter) Prompt() bool { return true }

// Held returns what is held back.
func (w *rewriter) Held() []byte { return w.held }

func (w *rewriter) expand(text []byte) {
	if w.fixed && w.watch.Put == nil {
		w.out = append(w.out, w.template...)
		return
	}
	for i, at := range w.m.match {
		if at >= 0 {
			w.m.match[i] = at - w.base
		}
	}
	if w.watch.Put != nil {
		w.out = w.watch.Put(w.out, text, w.m.match)
	} else {
		w.out = w.re.Expand(w.out, w.template, text, w.m.match)
	}
	w.m.match[1] += w.base // the only one that is needed further
}

// put emits what is in w.out and then p.
func (w *rewriter) put(p []byte, emit func([]byte) error) error {
	if len(w.out) > 0 {
		w.out = append(w.out, p...)
		p = w.out
	}
	if len(p) == 0 {
		return nil
	}
	return emit(p)
}
