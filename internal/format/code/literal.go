package code

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// latin1 writes octets as a double-quoted literal in which each is one character
// up to U+00FF, by escapes that Python (str and bytes), JavaScript and Go (there
// each is an octet) share.
func latin1(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c == '\n':
			b.WriteString(`\n`)
		case c < ' ' || c >= 0x7f || c == '<':
			fmt.Fprintf(&b, `\x%02x`, c) // < would end a script in a page
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// lines cuts octets behind their line ends and after at most 120 of them.
func lines(s string) (list []string) {
	const most = 120
	for len(s) > 0 {
		n := strings.IndexByte(s, '\n') + 1
		if n == 0 || n > most {
			n = min(most, len(s))
		}
		list = append(list, s[:n])
		s = s[n:]
	}
	return list
}

// text tells whether octets are written as text, and not as base64.
func (c *content) text() bool { return visible(c.octets, "\n\r\t") }

// base64Lines is the base64 of octets (RFC 4648) in lines.
func base64Lines(s string) (list []string) {
	const most = 100
	for e := base64.StdEncoding.EncodeToString([]byte(s)); len(e) > 0; {
		n := min(most, len(e))
		list = append(list, e[:n])
		e = e[n:]
	}
	return list
}
