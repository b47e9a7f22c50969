package pattern

import "strings"

// What \w, \d and \s match in Python, as the inside of a class that both
// spellings understand.
const (
	unicodeWord  = `\p{L}\p{N}_`
	unicodeDigit = `\p{Nd}`
	unicodeSpace = `\t-\r\x1c-\x20\x85\xa0\p{Z}`
	asciiWord    = `a-zA-Z0-9_`
	asciiDigit   = `0-9`
	asciiSpace   = `\t-\r\x20`
)

// item reads one thing that can be repeated. anchor means that it matches a
// place and may not be repeated.
func (t *translator) item() (w width, anchor bool) {
	one := width{1, 1}
	start := t.pos
	switch c := t.peek(); c {
	case '.':
		t.pos++
		if t.flags&DotAll != 0 {
			t.both(`(?s:.)`)
		} else {
			t.both(`[^\n]`)
		}
		return one, false
	case '^':
		t.pos++
		if t.flags&Multiline != 0 {
			t.both(`(?m:^)`)
		} else {
			t.both(`\A`)
		}
		return width{}, true
	case '$':
		t.pos++
		if t.flags&Multiline != 0 {
			t.both(`(?m:$)`)
		} else {
			t.fast.WriteString(`\z`)
			t.exact.WriteString(`\Z`)
			t.out.dollar = true
		}
		return width{}, true
	case '(':
		return t.group(start), false
	case '[':
		t.class()
		return one, false
	case '\\':
		return t.escape(start)
	}
	t.literal(t.rune())
	return one, false
}

// escape reads a backslash and what follows, outside of a class.
func (t *translator) escape(start int) (w width, anchor bool) {
	one := width{1, 1}
	t.pos++
	if !t.more() {
		t.fail(start, "bad escape (end of pattern)")
	}
	c := t.peek()
	switch c {
	case 'A':
		t.pos++
		t.both(`\A`)
		return width{}, true
	case 'Z', 'z':
		t.pos++
		t.both(`\z`)
		return width{}, true
	case 'b', 'B':
		t.pos++
		t.wordBoundary(c)
		return width{}, true
	case 'd', 'D', 's', 'S', 'w', 'W':
		t.pos++
		t.both(t.shorthand(c))
		return one, false
	}
	if c >= '1' && c <= '9' {
		if n, ok := t.reference(); ok {
			t.backReference(start, n)
			return width{0, unbounded}, false
		}
	}
	t.literal(t.character(start))
	return one, false
}

// shorthand returns \d and its like as a class of its own.
func (t *translator) shorthand(c byte) string {
	inside := t.shorthandSet(c | 0x20)
	if c < 'a' {
		return "[^" + inside + "]"
	}
	return "[" + inside + "]"
}

func (t *translator) shorthandSet(c byte) string {
	ascii := t.flags&ASCII != 0
	switch {
	case c == 'd' && ascii:
		return asciiDigit
	case c == 'd':
		return unicodeDigit
	case c == 's' && ascii:
		return asciiSpace
	case c == 's':
		return unicodeSpace
	case ascii:
		return asciiWord
	}
	return unicodeWord
}

func (t *translator) wordBoundary(c byte) {
	t.fast.WriteString(`\` + string(c))
	if t.flags&ASCII == 0 {
		t.out.boundary = true
	}
	in := "[" + t.shorthandSet('w') + "]"
	if c == 'b' {
		t.exact.WriteString(`(?:(?<=` + in + `)(?!` + in + `)|(?<!` + in + `)(?=` + in + `))`)
	} else {
		t.exact.WriteString(`(?:(?<=` + in + `)(?=` + in + `)|(?<!` + in + `)(?!` + in + `))`)
	}
}

// reference reads the digits of a back reference; three octal digits are a
// character instead.
func (t *translator) reference() (int, bool) {
	s := t.text[t.pos:]
	if len(s) >= 3 && isOctal(s[0]) && isOctal(s[1]) && isOctal(s[2]) {
		return 0, false
	}
	n := int(s[0] - '0')
	t.pos++
	if len(s) > 1 && s[1] >= '0' && s[1] <= '9' {
		n = n*10 + int(s[1]-'0')
		t.pos++
	}
	return n, true
}

func (t *translator) backReference(start, n int) {
	if n > t.groups {
		t.fail(start, "invalid group reference "+itoa(n))
	}
	if !t.closed[n] {
		t.fail(start, "cannot refer to an open group")
	}
	t.out.backtracks = true
	t.exact.WriteString(`(?:\k<` + itoa(n) + `>)`)
}

// character reads an escape that stands for one character; pos is behind the
// backslash.
func (t *translator) character(start int) rune {
	c := t.peek()
	switch c {
	case 'a', 'f', 'n', 'r', 't', 'v':
		t.pos++
		return rune("\a\f\n\r\t\v"[strings.IndexByte("afnrtv", c)])
	case 'x':
		return t.hex(start, 2)
	case 'u':
		return t.hex(start, 4)
	case 'U':
		return t.hex(start, 8)
	case 'N':
		t.fail(start, `\N{...} is not supported here, write \u or \U with the number`)
	}
	if isOctal(c) {
		n := rune(0)
		for i := 0; i < 3 && t.more() && isOctal(t.peek()); i++ {
			n = n*8 + rune(t.peek()-'0')
			t.pos++
		}
		if n > 0o377 {
			t.fail(start, "octal escape value outside of range 0-0o377")
		}
		return n
	}
	if c < 0x80 && isAlnum(c) {
		t.fail(start, `bad escape \`+string(c))
	}
	return t.rune()
}

func (t *translator) hex(start, digits int) rune {
	t.pos++
	n := rune(0)
	for range digits {
		d := strings.IndexByte("0123456789abcdef", t.peek()|0x20)
		if !t.more() || d < 0 || t.peek() < '0' {
			t.fail(start, "incomplete escape "+t.text[start:t.pos])
		}
		n = n<<4 | rune(d)
		if n > 0x10ffff {
			t.fail(start, "bad escape: no such character")
		}
		t.pos++
	}
	if n >= 0xd800 && n < 0xe000 {
		t.fail(start, "bad escape: half of a surrogate pair is no character")
	}
	return n
}

func isOctal(c byte) bool { return c >= '0' && c <= '7' }
