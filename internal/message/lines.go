package message

import "bytes"

// lines finds lines that end in LF; the last one may end with the body. White
// space before a line, and lines of nothing else, are gaps.
type lines struct{ in bool }

func (l *lines) next(p []byte, from int, end bool) (int, What, bool) {
	if !l.in {
		if n := blank(p); n > 0 {
			return n, Gap, true
		}
		l.in, from = true, 0
	}
	n := bytes.IndexByte(p[from:], '\n') + 1
	if n == 0 && !end {
		return len(p), Message, false
	}
	l.in = false
	if n == 0 {
		return len(p), Message, true
	}
	return from + n, Message, true
}

func (*lines) gone(int) {}

// blank is how much JSON white space p begins with.
func blank(p []byte) int {
	for i, c := range p {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return i
		}
	}
	return len(p)
}

const recordSeparator = 0x1e

// sequence finds the texts of RFC 7464: before each stands an RS, which is a gap.
// A text is over with the LF after its JSON value, else with the next RS; there
// can be none inside a JSON text.
type sequence struct {
	state   textState
	depth   int  // of brackets
	quoted  bool // in a string
	escaped bool // after a backslash there
	last    byte // the last octet that is not white space
}

type textState uint8

const (
	outside textState = iota // before an RS
	started                  // after an RS
	within                   // in a text
)

func (s *sequence) next(p []byte, i int, end bool) (int, What, bool) {
	if s.state == started {
		if n := blank(p); n > 0 {
			return n, Gap, true
		}
		if p[0] != recordSeparator {
			*s = sequence{state: within}
			i = 0
		}
	}
	if s.state != within {
		n := bytes.IndexByte(p, recordSeparator) + 1
		if n == 0 {
			return len(p), Gap, true
		}
		s.state = started
		return n, Gap, true
	}
	for ; i < len(p); i++ {
		c := p[i]
		switch {
		case c == recordSeparator:
			s.state = outside
			return i, Message, true
		case s.escaped:
			s.escaped = false
		case s.quoted:
			s.quoted, s.escaped = c != '"', c == '\\'
			s.last = c
		case c == '\n' && s.depth <= 0:
			s.state = outside
			return i + 1, Message, true
		case c == ' ', c == '\t', c == '\r', c == '\n':
		default:
			switch c {
			case '"':
				s.quoted = true
			case '{', '[':
				s.depth++
			case '}', ']':
				s.depth--
			}
			s.last = c
		}
	}
	return i, Message, end && s.whole()
}

// whole tells that a text that ends here was not cut: a number or word might
// have gone on (RFC 7464 section 2.4).
func (s *sequence) whole() bool {
	return s.depth <= 0 && !s.quoted && (s.last == '}' || s.last == ']' || s.last == '"')
}

func (*sequence) gone(int) {}
