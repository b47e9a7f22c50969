package query

import (
	"strconv"
	"strings"
)

// Bounds of a filter; both are far above what people write.
const (
	maxLength = 64 << 10
	maxDepth  = 200
)

// scanner reads a filter. Its faults are *Error panics that Parse recovers.
type scanner struct {
	text string
	pos  int
}

// fail leaves Parse with an error.
func (s *scanner) fail(at int, msg string) {
	panic(&Error{Filter: s.text, Offset: at, Msg: msg})
}

func (s *scanner) space() {
	for s.pos < len(s.text) && isSpace(s.text[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// peek returns the next octet that is no space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// accept takes c where it comes next.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c || s.pos == len(s.text) {
		return false
	}
	s.pos++
	return true
}

// word reads up to white space, a parenthesis, a tilde or a quote.
func (s *scanner) word() string {
	start := s.pos
	for s.pos < len(s.text) && !isSpace(s.text[s.pos]) && strings.IndexByte(`()~'"`, s.text[s.pos]) < 0 {
		s.pos++
	}
	return s.text[start:s.pos]
}

// name reads letters and digits.
func (s *scanner) name() string {
	start := s.pos
	for s.pos < len(s.text) && isName(s.text[s.pos]) {
		s.pos++
	}
	return s.text[start:s.pos]
}

func isName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
}

// quoted reads a string in quotes. A backslash takes a quote or a backslash as it
// is; \t, \n, \f and \r are white space, \x41, \u0041 and \101 characters. Any other
// stays with its backslash, for the pattern.
func (s *scanner) quoted() string {
	start, quote := s.pos, s.text[s.pos]
	s.pos++
	var b strings.Builder
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		s.pos++
		switch {
		case c == quote:
			return b.String()
		case c != '\\':
			b.WriteByte(c)
		case s.pos < len(s.text):
			s.escape(&b)
		}
	}
	s.fail(start, "this quote has no end: write "+string(quote)+" behind the text")
	return ""
}

// escape reads what stands behind a backslash.
func (s *scanner) escape(b *strings.Builder) {
	rest := s.text[s.pos:]
	if i := strings.IndexByte("tnfr", rest[0]); i >= 0 {
		b.WriteByte("\t\n\f\r"[i])
		s.pos++
		return
	}
	number := func(digits string, base int) bool {
		n, err := strconv.ParseUint(digits, base, 16)
		if err != nil || n >= 0xd800 && n < 0xe000 {
			return false
		}
		b.WriteRune(rune(n))
		return true
	}
	switch {
	case rest[0] == 'x' && len(rest) >= 3 && number(rest[1:3], 16):
		s.pos += 3
	case rest[0] == 'u' && len(rest) >= 5 && number(rest[1:5], 16):
		s.pos += 5
	case len(rest) >= 3 && rest[0] >= '0' && rest[0] <= '7' && number(rest[:3], 8):
		s.pos += 3
	case rest[0] == '0':
		b.WriteByte(0)
		s.pos++
	case rest[0] == '\\' || rest[0] == '\'' || rest[0] == '"':
		b.WriteByte(rest[0])
		s.pos++
	default:
		b.WriteByte('\\')
	}
}
