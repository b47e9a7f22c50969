package coding

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Octets that are not UTF-8 stand as lone surrogates from escape+0x80 on.
const escape = 0xdc00

// UTF16 returns s in UTF-16. An octet b of s that is no part of valid UTF-8
// becomes the lone surrogate U+DC00+b, so that FromUTF16 brings it back.
func UTF16(s string) []uint16 {
	out := make([]uint16, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			out = append(out, uint16(s[i]))
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			out = append(out, escape+uint16(s[i]))
		} else {
			out = utf16.AppendRune(out, r)
		}
		i += size
	}
	return out
}

// FromUTF16 returns u as a string: lone surrogates U+DC80 to U+DCFF become the
// octets they stand for, other lone ones U+FFFD.
func FromUTF16(u []uint16) string {
	out := make([]byte, 0, len(u))
	for i := 0; i < len(u); i++ {
		c := rune(u[i])
		switch {
		case !utf16.IsSurrogate(c):
			out = utf8.AppendRune(out, c)
		case i+1 < len(u) && utf16.DecodeRune(c, rune(u[i+1])) != utf8.RuneError:
			out = utf8.AppendRune(out, utf16.DecodeRune(c, rune(u[i+1])))
			i++
		case c >= escape+0x80 && c <= escape+0xff:
			out = append(out, byte(c-escape))
		default:
			out = utf8.AppendRune(out, utf8.RuneError)
		}
	}
	return string(out)
}
