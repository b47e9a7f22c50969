package redaction

import (
	"unicode/utf16"
	"unicode/utf8"
)

// unescaper reads a string of JSON an octet at a time (RFC 8259 section 7). The
// zero value is behind the quotation mark.
type unescaper struct {
	state uint8 // 0 outside of an escape, 1 behind \, 2 to 5 in \u
	code  rune
	high  rune // a first half of two, that waits for the second
}

// open tells that an escape is not whole.
func (u *unescaper) open() bool { return u.state != 0 || u.high != 0 }

// ends takes c and tells whether it ends the string.
func (u *unescaper) ends(c byte) bool {
	switch {
	case u.state == 1:
		u.state = 0
	case c == '\\':
		u.state = 1
	case c == '"':
		return true
	}
	return false
}

// next appends what c stands for, and tells whether it ends the string. What is no
// escape is taken as it is.
func (u *unescaper) next(dst []byte, c byte) (out []byte, end bool) {
	switch u.state {
	case 0:
		if c == '\\' {
			u.state = 1
			return dst, false
		}
		dst = u.half(dst)
		if c == '"' {
			return dst, true
		}
		return append(dst, c), false
	case 1:
		u.state = 0
		if c == 'u' {
			u.state, u.code = 2, 0
			return dst, false
		}
		dst = u.half(dst)
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		}
		return append(dst, c), false
	}
	d, ok := hexDigit(c)
	if !ok {
		u.state = 0
		dst = append(u.half(dst), 'u')
		if c == '"' {
			return dst, true
		}
		return append(dst, c), false
	}
	u.code = u.code<<4 | d
	if u.state++; u.state < 6 {
		return dst, false
	}
	u.state = 0
	switch {
	case u.high != 0:
		if both := utf16.DecodeRune(u.high, u.code); both != utf8.RuneError {
			u.high = 0
			return utf8.AppendRune(dst, both), false
		}
		dst = u.half(dst)
	}
	if utf16.IsSurrogate(u.code) && u.code < 0xdc00 {
		u.high = u.code
		return dst, false
	}
	return utf8.AppendRune(dst, u.code), false
}

// half gives out a first half that has no second.
func (u *unescaper) half(dst []byte) []byte {
	if u.high == 0 {
		return dst
	}
	u.high = 0
	return utf8.AppendRune(dst, utf8.RuneError)
}

func hexDigit(c byte) (rune, bool) {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0'), true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10, true
	}
	return 0, false
}
