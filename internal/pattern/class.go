package pattern

import (
	"strings"
	"unicode"
)

// class reads from "[" to its "]".
func (t *translator) class() {
	start := t.pos
	t.pos++
	var b strings.Builder
	b.WriteByte('[')
	if t.accept("^") {
		b.WriteByte('^')
	}
	for first := true; ; first = false {
		if !t.more() {
			t.fail(start, "unterminated character set")
		}
		if t.peek() == ']' && !first {
			t.pos++
			break
		}
		at := t.pos
		lo, set := t.member()
		if t.peek() != '-' || t.pos+1 >= len(t.text) || t.text[t.pos+1] == ']' {
			b.WriteString(set)
			continue
		}
		t.pos++
		hi, hiSet := t.member()
		if lo < 0 || hi < 0 || hi < lo {
			t.fail(at, "bad character range "+t.text[at:t.pos])
		}
		b.WriteString(set + "-" + hiSet)
	}
	b.WriteByte(']')
	t.both(b.String())
	if t.fast.Len() > maxSpelling {
		t.fail(start, "the pattern grows too large")
	}
}

// member reads one member of a class: a character, or a shorthand (lo < 0).
func (t *translator) member() (lo rune, set string) {
	start := t.pos
	if t.peek() != '\\' {
		if !t.more() {
			t.fail(start, "unterminated character set")
		}
		r := t.rune()
		return r, quote(r)
	}
	t.pos++
	if !t.more() {
		t.fail(start, "unterminated character set")
	}
	switch c := t.peek(); c {
	case 'd', 's', 'w':
		t.pos++
		return -1, t.shorthandSet(c)
	case 'D', 'S', 'W':
		t.pos++
		return -1, t.complement(c | 0x20)
	case 'b':
		t.pos++
		return '\b', `\x08`
	}
	if c := t.peek(); c == '8' || c == '9' {
		t.fail(start, `bad escape \`+string(c))
	}
	r := t.character(start)
	return r, quote(r)
}

// complement spells all characters outside a shorthand as ranges: neither
// matcher can negate a part of a class.
func (t *translator) complement(c byte) string {
	key := complementKey{c, t.flags & ASCII}
	s, ok := t.complements[key]
	if !ok {
		s = t.computeComplement(c)
		t.complements[key] = s
	}
	return s
}

type complementKey struct {
	c     byte
	ascii Flags
}

func (t *translator) computeComplement(c byte) string {
	in := func(r rune) bool { return r < 0x80 && strings.ContainsRune(" \t\n\v\f\r", r) }
	ascii := t.flags&ASCII != 0
	switch {
	case c == 'd' && ascii:
		in = func(r rune) bool { return r >= '0' && r <= '9' }
	case c == 'd':
		in = func(r rune) bool { return unicode.Is(unicode.Nd, r) }
	case c == 'w' && ascii:
		in = func(r rune) bool { return r == '_' || r < 0x80 && isAlnum(byte(r)) }
	case c == 'w':
		in = func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }
	case !ascii:
		in = func(r rune) bool {
			return r >= '\t' && r <= '\r' || r >= 0x1c && r <= 0x20 || r == 0x85 || r == 0xa0 || unicode.Is(unicode.Z, r)
		}
	}
	var b strings.Builder
	from := rune(0)
	flush := func(end rune) { // [from, end) is outside
		if from < end {
			b.WriteString(quote(from))
			if end-1 > from {
				b.WriteString("-" + quote(end-1))
			}
		}
	}
	for r := rune(0); r <= unicode.MaxRune; r++ {
		// Surrogates cannot be spelled and never occur in a subject.
		if r == 0xd800 {
			flush(r)
			r, from = 0xdfff, 0xe000
			continue
		}
		if in(r) {
			flush(r)
			from = r + 1
		}
	}
	flush(unicode.MaxRune + 1)
	return b.String()
}
