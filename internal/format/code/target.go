package code

import "strings"

// plainTarget tells whether every tool sends s as it stands: a path and a query
// of RFC 3986 without dot segments, and without what some of them escape, fold
// or expand.
func plainTarget(s string) bool {
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case letter(c) || digit(c) || strings.IndexByte("-._~!$&()*+,;=:@/?", c) >= 0:
		case c == '%' && i+2 < len(s) && upperHex(s[i+1]) && upperHex(s[i+2]):
			if s[i+1] == '2' && s[i+2] == 'E' || unreserved(s[i+1], s[i+2]) {
				return false // the same target without an escape
			}
			i += 2
		default:
			return false
		}
	}
	path, _, _ := strings.Cut(s, "?")
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

func upperHex(c byte) bool { return digit(c) || c >= 'A' && c <= 'F' }

// unreserved tells whether an escape stands for a character that needs none.
func unreserved(high, low byte) bool {
	c := hexValue(high)<<4 | hexValue(low)
	return letter(c) && c < 0x80 || digit(c) || c == '-' || c == '_' || c == '~'
}

func hexValue(c byte) byte {
	if digit(c) {
		return c - '0'
	}
	return c - 'A' + 10
}
