package flow

import (
	"strconv"
	"strings"
)

// Quote shows octets that came from outside in an error text or a finding:
// escaped, cut after 80 octets, and without credentials that stand before the
// host of a URL or authority.
func Quote(s string) string {
	const most = 80
	s = withoutUserinfo(s)
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// withoutUserinfo cuts what stands before an @ in the authority of each word of
// s (RFC 3986 section 3.2.1).
func withoutUserinfo(s string) string {
	if strings.IndexByte(s, '@') < 0 {
		return s
	}
	words := strings.Split(s, " ")
	for i, word := range words {
		start := 0
		if scheme := strings.Index(word, "://"); scheme >= 0 {
			start = scheme + len("://")
		}
		authority := word[start:]
		if end := strings.IndexAny(authority, "/?#"); end >= 0 {
			authority = authority[:end]
		}
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			words[i] = word[:start] + word[start+at+1:]
		}
	}
	return strings.Join(words, " ")
}
