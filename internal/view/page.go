package view

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// page takes text and keeps the lines of a window. A line that is longer than
// maxLine goes on in the next.
type page struct {
	from, upTo int64
	n          int64 // of the present line
	line       []byte
	pad        int // steps that come before its first text
	take       func(line string) bool
	last       bool // take wants no more
	// full tells that text came behind the window: nothing more is wanted.
	full bool
}

func (p *page) empty() bool { return p.n == 0 && len(p.line) == 0 }

// begin is called before anything is put on a line.
func (p *page) begin() bool {
	if p.full || p.n >= p.upTo || p.last {
		p.full = true
		return false
	}
	return true
}

func (p *page) bytes(b []byte) {
	p.padded(len(b))
	for len(b) > 0 && p.begin() {
		n := min(maxLine-len(p.line), len(b))
		p.line = append(p.line, b[:n]...)
		b = b[n:]
		if len(p.line) == maxLine && len(b) > 0 {
			p.broken()
		}
	}
}

func (p *page) text(s string) {
	p.padded(len(s))
	for len(s) > 0 && p.begin() {
		n := min(maxLine-len(p.line), len(s))
		p.line = append(p.line, s[:n]...)
		s = s[n:]
		if len(p.line) == maxLine && len(s) > 0 {
			p.broken()
		}
	}
}

func (p *page) octet(c byte) {
	p.padded(1)
	if len(p.line) == maxLine {
		p.broken()
	}
	if p.begin() {
		p.line = append(p.line, c)
	}
}

func (p *page) printf(format string, args ...any) { p.text(fmt.Sprintf(format, args...)) }

// row is a line of its own.
func (p *page) row(format string, args ...any) {
	p.printf(format, args...)
	p.end()
}

// broken ends a line that goes on in the next; a character that is cut goes there.
func (p *page) broken() {
	keep := len(p.line)
	for i := 1; i <= utf8.UTFMax && i < len(p.line); i++ {
		if at := len(p.line) - i; utf8.RuneStart(p.line[at]) {
			if !utf8.FullRune(p.line[at:]) {
				keep = at
			}
			break
		}
	}
	var rest [utf8.UTFMax]byte
	n := copy(rest[:], p.line[keep:])
	p.line = p.line[:keep]
	p.end()
	if n > 0 && p.begin() {
		p.line = append(p.line, rest[:n]...)
	}
}

// end ends the present line.
func (p *page) end() {
	if !p.begin() {
		return
	}
	if p.n >= p.from {
		p.last = !p.take(readable(p.line))
	}
	p.n++
	p.line, p.pad = p.line[:0], 0
}

// finish ends a last line without an end.
func (p *page) finish() {
	if len(p.line) > 0 {
		p.end()
	}
	p.pad = 0
}

// readable is a line as UTF-8: octets that are none are written as \xNN.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var s strings.Builder
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&s, `\x%02x`, b[0])
		} else {
			s.WriteRune(r)
		}
		b = b[n:]
	}
	return s.String()
}

// indent puts depth steps before what comes first on the line; a line without
// text has none. Deep ones stay at the last.
func (p *page) indent(depth int) {
	const deepest = 40
	p.pad = min(p.pad+depth, deepest)
}

// padded comes before n octets of text.
func (p *page) padded(n int) {
	if p.pad == 0 || n == 0 {
		return
	}
	for ; p.pad > 0 && p.begin(); p.pad-- {
		p.line = append(p.line, "  "...)
	}
	p.pad = 0
}
