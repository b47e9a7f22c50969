package body

import (
	"bytes"
	"regexp/syntax"
	"unicode/utf8"
)

// matcher finds the matches of a pattern in a text that arrives in pieces, as
// regexp.ReplaceAll finds them in the whole: leftmost, of the alternatives the
// preferred one, not overlapping. It runs all alternatives side by side, a
// character at a time, so it always knows from where on a match is still
// possible. Positions count from the beginning of the text.
type matcher struct {
	p         *program
	now, then threads
	caps      []int // scratch of one thread

	pos     int  // of the next character
	prev    rune // the byte before pos; -1 at the beginning
	from    int  // where the search for this match began
	skip    bool // no match may begin at pos
	waiting bool // a thread of now needs to know the character at pos
	matched bool // match holds the best so far
	match   []int
	window  int
	long    bool // a match was given up because of window
}

func newMatcher(p *program, window int) *matcher {
	return &matcher{
		p: p, now: newThreads(p), then: newThreads(p),
		caps: make([]int, p.slots), match: make([]int, p.slots),
		prev: -1, window: window,
	}
}

// next goes through text, which begins at position base, until it has found a
// match, which is then in match, or needs more text. It needs no more when text
// is the last.
func (m *matcher) next(text []byte, base int, last bool) (found bool) {
	for {
		if len(m.now.list) == 0 {
			if m.matched {
				return true
			}
			if !m.skip {
				m.jump(text, base)
			}
		}
		rest := text[m.pos-base:]
		r, width := rune(-1), 0
		if len(rest) > 0 {
			r, width = rune(rest[0]), 1
			switch {
			case r < utf8.RuneSelf:
			case m.p.octets != 0:
				r += m.p.octets
			default:
				if !last && !utf8.FullRune(rest) {
					return false
				}
				r, width = utf8.DecodeRune(rest)
			}
		} else if !last {
			return false
		}
		if m.waiting {
			m.look(r)
		}
		if !m.matched && !m.skip && m.mayBegin(rest) {
			m.begin(r)
		}
		m.settle()
		if r < 0 {
			m.now.clear()
			return m.matched
		}
		if len(m.now.list) == 0 && m.matched {
			return true
		}
		m.step(r, width)
		if m.prev = rune(rest[width-1]); m.skip {
			m.skip, m.from = false, m.pos
		}
		m.settle()
		for len(m.now.list) > 0 && m.pos-m.now.caps[0] > m.window {
			m.now.dropFirst()
			m.long = true
		}
	}
}

// jump moves over text in which no match can begin. It stops where one may, at
// the beginning of a character.
func (m *matcher) jump(text []byte, base int) {
	rest := text[m.pos-base:]
	n := 0
	switch {
	case m.p.atBegin && m.pos > 0:
		n = len(rest)
	case len(m.p.prefix) > 0:
		if n = bytes.Index(rest, m.p.prefix); n < 0 {
			n = max(0, len(rest)-len(m.p.prefix)+1) // its beginning may be at the end
			if i := bytes.IndexByte(rest[n:], m.p.prefix[0]); i >= 0 {
				n += i
			} else {
				n = len(rest)
			}
		}
	case m.p.first != nil:
		for n < len(rest) && !m.p.first[rest[n]] {
			n++
		}
	}
	if n > 0 {
		m.pos += n
		m.prev = rune(rest[n-1])
		m.from = max(m.from, m.pos)
	}
}

func (m *matcher) mayBegin(rest []byte) bool {
	if m.p.atBegin && m.pos > 0 {
		return false
	}
	return m.p.first == nil || len(rest) > 0 && m.p.first[rest[0]]
}

// begin adds the thread of a match that begins here, as the least preferred.
func (m *matcher) begin(next rune) {
	for i := range m.caps {
		m.caps[i] = -1
	}
	m.caps[0] = m.pos
	c := closure{p: m.p, t: &m.now, pos: m.pos, prev: m.prev, next: next, caps: m.caps}
	c.add(m.p.start)
}

// look lets the threads go on that waited for the next character.
func (m *matcher) look(next rune) {
	m.then.clear()
	c := closure{p: m.p, t: &m.then, pos: m.pos, prev: m.prev, next: next, caps: m.caps}
	for i, pc := range m.now.list {
		copy(m.caps, m.now.captures(i))
		if m.p.inst[pc].Op == syntax.InstEmptyWidth {
			c.add(pc)
		} else if m.then.visit(pc) {
			m.then.push(pc, m.caps)
		}
	}
	m.now, m.then = m.then, m.now
	m.waiting = false
}

// settle takes the most preferred thread that matches: those after it are
// beaten, those before it may still beat it.
func (m *matcher) settle() {
	for i, pc := range m.now.list {
		if m.p.inst[pc].Op == syntax.InstMatch {
			copy(m.match, m.now.captures(i))
			m.match[1] = m.pos
			m.matched = true
			m.now.cut(i)
			return
		}
	}
}

// step takes the character r.
func (m *matcher) step(r rune, width int) {
	m.then.clear()
	prev := r
	if r >= utf8.RuneSelf {
		prev = utf8.RuneError // all that assertions want to know
	}
	c := closure{p: m.p, t: &m.then, pos: m.pos + width, prev: prev, next: unknown, caps: m.caps}
	for i, pc := range m.now.list {
		inst := &m.p.inst[pc]
		if takes(inst, r) {
			copy(m.caps, m.now.captures(i))
			c.add(inst.Out)
		}
	}
	m.now, m.then = m.then, m.now
	m.pos += width
	m.waiting = c.waiting
}

// resume goes on behind the match that was found. Behind an empty one the next
// character is passed over, as regexp does.
func (m *matcher) resume(text []byte, base int, before rune) {
	end := m.match[1]
	if m.skip = end == m.from; !m.skip {
		m.from = end
	}
	m.now.clear()
	m.matched, m.waiting = false, false
	m.pos, m.prev = end, before
	if end > base {
		m.prev = rune(text[end-base-1])
	}
}

// held returns the position from which on the text may belong to a match.
func (m *matcher) held() int {
	h := m.pos
	if len(m.now.list) > 0 {
		h = m.now.caps[0]
	}
	if m.matched {
		h = min(h, m.match[0])
	}
	return h
}
