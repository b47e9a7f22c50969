package pattern

import (
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// group reads from "(" to its ")".
func (t *translator) group(start int) width {
	t.depth++
	defer func() { t.depth-- }()
	if t.depth > maxDepth {
		t.fail(start, "groups are nested too deeply")
	}
	t.pos++
	if !t.accept("?") {
		return t.capture(start, "")
	}
	switch {
	case t.accept("P<"):
		return t.capture(start, t.name('>'))
	case t.accept("P="):
		name := t.name(')')
		n, ok := t.names[name]
		if !ok {
			t.fail(start, "unknown group name "+strconv.Quote(name))
		}
		t.backReference(start, n)
		return width{0, unbounded}
	case t.accept(":"):
		t.both("(?:")
		return t.rest(start)
	case t.accept(">"):
		t.out.backtracks = true
		t.exact.WriteString("(?>")
		return t.rest(start)
	case t.accept("="):
		return t.look(start, "(?=")
	case t.accept("!"):
		return t.look(start, "(?!")
	case t.accept("<="):
		return t.lookBehind(start, "(?<=")
	case t.accept("<!"):
		return t.lookBehind(start, "(?<!")
	case t.accept("("):
		return t.conditional(start)
	}
	return t.flagged(start)
}

// rest reads the inside of a group whose opening has been written, and closes
// it.
func (t *translator) rest(start int) width {
	saved := t.flags
	w := t.alternatives()
	t.flags = saved
	t.close(start)
	t.both(")")
	return w
}

func (t *translator) close(start int) {
	if !t.accept(")") {
		t.fail(start, "missing ), unterminated subpattern")
	}
}

func (t *translator) capture(start int, name string) width {
	t.groups++
	n := t.groups
	if name != "" {
		if _, taken := t.names[name]; taken {
			t.fail(start, "redefinition of group name "+strconv.Quote(name))
		}
		t.names[name] = n
	}
	if t.catching {
		t.fast.WriteString("(")
	} else {
		t.fast.WriteString("(?:")
	}
	// Groups are numbered by hand: .NET counts named ones last.
	t.exact.WriteString("(?<" + itoa(n) + ">")
	w := t.rest(start)
	t.closed[n] = true
	return w
}

func (t *translator) name(end byte) string {
	at := t.pos
	n := strings.IndexByte(t.text[at:], end)
	if n < 0 {
		t.fail(at, "missing "+string(end)+", unterminated name")
	}
	name := t.text[at : at+n]
	if name == "" {
		t.fail(at, "missing group name")
	}
	for i, r := range name {
		if r == '_' || r >= 0x80 || r < 0x80 && isAlnum(byte(r)) && (i > 0 || r > '9') {
			continue
		}
		t.fail(at, "bad character in group name "+strconv.Quote(name))
	}
	t.pos += n + 1
	return name
}

func (t *translator) look(start int, opening string) width {
	t.out.backtracks = true
	t.exact.WriteString(opening)
	t.rest(start)
	return width{}
}

func (t *translator) lookBehind(start int, opening string) width {
	t.out.backtracks = true
	t.exact.WriteString(opening)
	if w := t.rest(start); w.min != w.max {
		t.fail(start, "look-behind requires fixed-width pattern")
	}
	return width{}
}

// conditional reads "(?(1)yes|no)"; pos is behind the second "(".
func (t *translator) conditional(start int) width {
	name := t.text[t.pos:]
	if i := strings.IndexByte(name, ')'); i >= 0 {
		name = name[:i]
	}
	n, ok := t.names[name]
	if !ok {
		var err error
		if n, err = strconv.Atoi(name); err != nil || n < 1 || n > t.groups {
			t.fail(t.pos, "unknown group in condition "+strconv.Quote(name))
		}
	}
	t.pos += len(name)
	t.close(start)
	t.out.backtracks = true
	t.exact.WriteString("(?(" + itoa(n) + ")")
	saved := t.flags
	w := t.sequence()
	no := width{}
	if t.accept("|") {
		t.both("|")
		no = t.sequence()
		if t.peek() == '|' && t.more() {
			t.fail(t.pos, "conditional backref with more than two branches")
		}
	}
	t.flags = saved
	t.close(start)
	t.both(")")
	return width{min(w.min, no.min), max(w.max, no.max)}
}

// flagged reads "(?i-s:...)"; pos is behind "(?".
func (t *translator) flagged(start int) width {
	on, off, minus := Flags(0), Flags(0), false
	for {
		if !t.more() {
			t.fail(start, "unexpected end of pattern")
		}
		c := t.peek()
		f, ok := flagOf(c)
		switch {
		case ok && minus && (c == 'a' || c == 'u'):
			t.fail(t.pos, "bad inline flags: cannot turn off flags 'a' and 'u'")
		case ok && minus:
			off |= f
		case ok:
			on |= f
		case c == '-' && !minus:
			minus = true
		case c == ':' && t.pos > start+2:
			if on&off != 0 {
				t.fail(start, "bad inline flags: flag turned on and off")
			}
			t.pos++
			return t.scoped(start, on, off)
		case c == ')' && t.pos > start+2:
			t.fail(start, "global flags not at the start of the expression")
		default:
			t.fail(start, "unknown extension ?"+string(t.rune()))
		}
		t.pos++
	}
}

func (t *translator) scoped(start int, on, off Flags) width {
	saved := t.flags
	t.flags = t.flags&^off | on
	switch {
	case on&IgnoreCase != 0:
		t.both("(?i:")
	case off&IgnoreCase != 0:
		t.both("(?-i:")
	default:
		t.both("(?:")
	}
	w := t.rest(start)
	t.flags = saved
	return w
}
