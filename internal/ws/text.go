package ws

import "unicode/utf8"

// UTF8 tells whether what a text message says is UTF-8 (RFC 6455 section 8.1)
// while it comes: the first octet that no continuation could make good is seen
// when it is given. The zero value is ready.
type UTF8 struct {
	// part is a code point that is not whole.
	part [utf8.UTFMax]byte
	n    int
	bad  bool
}

// Write takes the next octets, and tells whether all so far may begin a text.
func (u *UTF8) Write(p []byte) bool {
	for u.n > 0 && len(p) > 0 && !u.bad {
		u.part[u.n] = p[0]
		u.n++
		p = p[1:]
		if utf8.FullRune(u.part[:u.n]) {
			u.bad = !utf8.Valid(u.part[:u.n])
			u.n = 0
		}
	}
	for i := len(p) - 1; i >= max(0, len(p)-utf8.UTFMax+1); i-- {
		if utf8.RuneStart(p[i]) {
			// What cannot become a code point counts as full.
			if !utf8.FullRune(p[i:]) {
				u.n = copy(u.part[:], p[i:])
				p = p[:i]
			}
			break
		}
	}
	u.bad = u.bad || !utf8.Valid(p)
	return !u.bad
}

// Whole tells whether what was given is a text.
func (u *UTF8) Whole() bool { return !u.bad && u.n == 0 }
