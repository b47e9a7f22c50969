package dump

import (
	"unicode"
	"unicode/utf8"
)

const hexDigits = "0123456789abcdef"

// Safe returns s with everything escaped that a terminal could take for more
// than a letter: control characters, format characters (bidirectional
// overrides among them), line separators and octets that are not UTF-8.
func Safe(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return string(AppendSafe(nil, s))
		}
	}
	return s
}

// SafeText is Safe for a line of text, in which a tab is a tab.
func SafeText(s string) string { return string(appendTabbed(nil, []byte(s))) }

// AppendSafe appends what Safe returns to dst.
func AppendSafe(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' {
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			dst = append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
		case steers(r) && r < 0x80:
			dst = append(dst, '\\', 'x', hexDigits[r>>4], hexDigits[r&15])
		case steers(r):
			dst = appendEscape(dst, r)
		default:
			dst = append(dst, s[i:i+n]...)
		}
		i += n
	}
	return dst
}

// steers tells whether r does more than stand in its place.
func steers(r rune) bool {
	if r < 0xa0 {
		return r < ' ' || r >= 0x7f
	}
	return unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r >= 0xe0000 && r < 0xe1000
}

// appendEscape writes r as JSON does, with a pair of surrogates above U+FFFF.
func appendEscape(dst []byte, r rune) []byte {
	if r > 0xffff {
		r -= 0x10000
		dst = appendEscape(dst, 0xd800+r>>10)
		return appendEscape(dst, 0xdc00+r&0x3ff)
	}
	return append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}

// appendString appends s as a JSON string. Octets that are not UTF-8 become
// U+FFFD, as JSON has no way to write them.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c <= '~' {
			if c == '"' || c == '\\' {
				dst = append(dst, '\\')
			}
			dst = append(dst, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if steers(r) {
			dst = appendEscape(dst, r)
		} else {
			dst = utf8.AppendRune(dst, r)
		}
		i += n
	}
	return append(dst, '"')
}
