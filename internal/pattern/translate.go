package pattern

import (
	"strings"
	"unicode/utf8"
)

// Bounds of a pattern; both are far above what people write.
const (
	maxLength = 64 << 10
	maxDepth  = 200
	maxRepeat = 1 << 20
	// maxSpelling bounds what a pattern may grow to when it is spelled out.
	maxSpelling = 1 << 20
)

// translation is a pattern in both spellings.
type translation struct {
	fast, exact string

	backtracks bool // RE2 has no spelling
	dollar     bool
	boundary   bool

	groups int
	names  map[string]int
}

// translator walks a pattern once and writes both spellings side by side. Case
// folding is the only flag that reaches the output as a flag; the others
// choose what is written.
type translator struct {
	text  string
	pos   int
	flags Flags
	depth int
	// catching makes the groups of the fast spelling catch what they match.
	catching bool

	fast, exact strings.Builder
	out         translation

	groups      int            // groups opened so far
	closed      map[int]bool   // groups that have ended, for references
	names       map[string]int // named groups
	complements map[complementKey]string
}

// width is how many characters something can match.
type width struct{ min, max int }

const unbounded = 1 << 30

func (w width) plus(v width) width {
	return width{min(w.min+v.min, unbounded), min(w.max+v.max, unbounded)}
}

func translate(text string, flags Flags) (translation, error) {
	return (&translator{text: text, flags: flags}).translate()
}

func (tr *translator) translate() (t translation, err error) {
	tr.closed, tr.names, tr.complements = map[int]bool{}, map[string]int{}, map[complementKey]string{}
	text := tr.text
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	if len(text) > maxLength {
		tr.fail(maxLength, "pattern is longer than 64 KiB")
	}
	if !utf8.ValidString(text) {
		tr.fail(0, "pattern is not UTF-8")
	}
	tr.globalFlags()
	if tr.flags&IgnoreCase != 0 {
		tr.both("(?i)")
	}
	tr.alternatives()
	if tr.pos < len(text) {
		tr.fail(tr.pos, "unbalanced parenthesis")
	}
	tr.out.fast, tr.out.exact = tr.fast.String(), tr.exact.String()
	tr.out.groups, tr.out.names = tr.groups, tr.names
	return tr.out, nil
}

// fail leaves translate with an error; only translate recovers it.
func (t *translator) fail(at int, msg string) {
	panic(&Error{Pattern: t.text, Offset: at, Msg: msg})
}

func (t *translator) both(s string) {
	t.fast.WriteString(s)
	t.exact.WriteString(s)
}

func (t *translator) peek() byte {
	if t.pos < len(t.text) {
		return t.text[t.pos]
	}
	return 0
}

func (t *translator) more() bool { return t.pos < len(t.text) }

func (t *translator) accept(s string) bool {
	if strings.HasPrefix(t.text[t.pos:], s) {
		t.pos += len(s)
		return true
	}
	return false
}

func (t *translator) rune() rune {
	r, n := utf8.DecodeRuneInString(t.text[t.pos:])
	t.pos += n
	return r
}

// literal writes one character that stands for itself.
func (t *translator) literal(r rune) {
	t.both(quote(r))
}

func quote(r rune) string {
	if r < utf8.RuneSelf && r > ' ' && !isAlnum(byte(r)) && r != '_' && r != 0x7f {
		return `\` + string(r)
	}
	return string(r)
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// globalFlags reads "(?aimsux)" at the very start, the only place where
// Python takes it.
func (t *translator) globalFlags() {
	for {
		start := t.pos
		if t.flags&Verbose != 0 {
			t.skipVerbose()
		}
		rest := t.text[t.pos:]
		end := strings.IndexByte(rest, ')')
		if !strings.HasPrefix(rest, "(?") || end < 3 {
			t.pos = start
			return
		}
		set := Flags(0)
		for _, c := range []byte(rest[2:end]) {
			f, ok := flagOf(c)
			if !ok {
				t.pos = start
				return
			}
			set |= f
		}
		t.flags |= set
		t.pos += end + 1
	}
}

func flagOf(c byte) (Flags, bool) {
	switch c {
	case 'i':
		return IgnoreCase, true
	case 'm':
		return Multiline, true
	case 's':
		return DotAll, true
	case 'x':
		return Verbose, true
	case 'a':
		return ASCII, true
	case 'u':
		return 0, true
	}
	return 0, false
}

// skip skips what stands for nothing: comments, and white space where it does.
func (t *translator) skip() {
	for {
		if t.flags&Verbose != 0 {
			t.skipVerbose()
		}
		start := t.pos
		if !t.accept("(?#") {
			return
		}
		end := strings.IndexByte(t.text[t.pos:], ')')
		if end < 0 {
			t.fail(start, "missing ), unterminated comment")
		}
		t.pos += end + 1
	}
}

// skipVerbose skips white space and comments.
func (t *translator) skipVerbose() {
	for t.more() {
		switch c := t.peek(); {
		case c == ' ' || c >= '\t' && c <= '\r':
			t.pos++
		case c == '#':
			n := strings.IndexByte(t.text[t.pos:], '\n')
			if n < 0 {
				t.pos = len(t.text)
				return
			}
			t.pos += n + 1
		default:
			return
		}
	}
}

// alternatives reads up to the end or an unmatched ")".
func (t *translator) alternatives() width {
	w := t.sequence()
	for t.more() && t.peek() == '|' {
		t.pos++
		t.both("|")
		v := t.sequence()
		w = width{min(w.min, v.min), max(w.max, v.max)}
	}
	return w
}

func (t *translator) sequence() width {
	var w width
	for {
		t.skip()
		if !t.more() || t.peek() == '|' || t.peek() == ')' {
			return w
		}
		w = w.plus(t.repeated())
	}
}

// repeated reads one item and what repeats it.
func (t *translator) repeated() width {
	start := t.pos
	if t.isRepeat() {
		t.fail(start, "nothing to repeat")
	}
	fastAt, exactAt := t.fast.Len(), t.exact.Len()
	w, anchor := t.item()
	t.skip()
	at := t.pos
	if !t.isRepeat() {
		return w
	}
	if anchor {
		t.fail(at, "nothing to repeat")
	}
	low, high := t.bounds(at)
	op := t.text[at:t.pos]
	if strings.HasPrefix(op, "{,") {
		op = "{0" + op[1:]
	}
	fast, exact := t.fast.String(), t.exact.String()
	t.fast.Reset()
	t.exact.Reset()
	t.fast.WriteString(fast[:fastAt] + "(?:" + fast[fastAt:] + ")" + op)
	possessive := t.accept("+")
	if possessive {
		t.out.backtracks = true
		t.exact.WriteString(exact[:exactAt] + "(?>(?:" + exact[exactAt:] + ")" + op + ")")
	} else {
		t.exact.WriteString(exact[:exactAt] + "(?:" + exact[exactAt:] + ")" + op)
		if t.accept("?") {
			t.both("?")
		}
	}
	t.skip()
	if t.isRepeat() {
		t.fail(t.pos, "multiple repeat")
	}
	return width{clampMul(w.min, low), clampMul(w.max, high)}
}

func clampMul(a, b int) int {
	if a == 0 || b == 0 {
		return 0
	}
	if a >= unbounded/b {
		return unbounded
	}
	return a * b
}

// isRepeat tells whether a quantifier stands at pos; a "{" that is none is a
// literal.
func (t *translator) isRepeat() bool {
	switch t.peek() {
	case '*', '+', '?':
		return t.more()
	case '{':
		_, _, n := braces(t.text[t.pos:])
		return n > 0
	}
	return false
}

func (t *translator) bounds(at int) (low, high int) {
	switch c := t.peek(); c {
	case '*':
		t.pos++
		return 0, unbounded
	case '+':
		t.pos++
		return 1, unbounded
	case '?':
		t.pos++
		return 0, 1
	}
	low, high, n := braces(t.text[t.pos:])
	t.pos += n
	if low > maxRepeat || high > maxRepeat && high != unbounded {
		t.fail(at, "the repetition number is too large")
	}
	if high < low {
		t.fail(at, "min repeat greater than max repeat")
	}
	return low, high
}

// braces parses "{m}", "{m,}", "{,n}", "{m,n}" and returns its length, 0 when
// s does not start with one.
func braces(s string) (low, high, n int) {
	end := strings.IndexByte(s, '}')
	if end < 2 {
		return 0, 0, 0
	}
	lo, hi, comma := strings.Cut(s[1:end], ",")
	if !comma {
		hi = lo
	}
	if lo == "" && !comma {
		return 0, 0, 0
	}
	low, ok := number(lo, 0)
	if !ok {
		return 0, 0, 0
	}
	high, ok = number(hi, unbounded)
	if !ok {
		return 0, 0, 0
	}
	return low, high, end + 1
}

func number(s string, empty int) (int, bool) {
	if s == "" {
		return empty, true
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = min(n*10+int(c-'0'), maxRepeat+1)
	}
	return n, true
}
