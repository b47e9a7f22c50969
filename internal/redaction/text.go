package redaction

import "strings"

// target replaces in a URL, or a part of one from its path on, the values of
// parameters that the rules mean: of its query, of its fragment, and those that
// stand in its path behind a semicolon.
func (h *hand) target(s string) string { return h.params(s, "&#") }

// params replaces the values of parameters in a text. A value ends at one of
// stops.
func (h *hand) params(s, stops string) string {
	var out strings.Builder
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '?', '&', ';', '#':
		default:
			continue
		}
		start := i + 1
		n := strings.IndexAny(s[start:], "=?&;#/ \t\r\n\"'<>")
		if n < 1 || n > 4*maxName || s[start+n] != '=' || !h.r.rules.param(unescapeQuery(s[start:start+n])) {
			continue
		}
		at := start + n + 1
		ends := stops
		if s[i] == ';' {
			ends += ";?/"
		}
		end := len(s)
		if k := strings.IndexAny(s[at:], ends); k >= 0 {
			end = at + k
		}
		if end == at {
			continue
		}
		out.WriteString(s[from:at])
		h.note(s[at:end])
		out.Write(h.replace([]byte(unescapeQuery(s[at:end]))))
		from, i = end, end-1
	}
	if from == 0 {
		return s
	}
	return out.String() + s[from:]
}

// note remembers the spelling of a credential that is about to be replaced.
func (h *hand) note(spelled string) {
	if plain := unescapeQuery(spelled); plain != spelled {
		h.told(spelled, h.tagOf(plain))
	}
}

// userinfo replaces user and password in the URLs of a text (RFC 3986 section
// 3.2.1).
func (h *hand) userinfo(s string) string {
	var out strings.Builder
	from := 0
	for i := 0; ; {
		k := strings.Index(s[i:], "://")
		if k < 0 {
			break
		}
		i += k + 3
		end := len(s)
		if k := strings.IndexAny(s[i:], "/?# \t\r\n\"'<>\\"); k >= 0 {
			end = i + k
		}
		at := strings.LastIndexByte(s[i:end], '@')
		if at < 1 {
			continue
		}
		out.WriteString(s[from:i])
		out.WriteString(h.user(s[i : i+at]))
		from = i + at
		i = end
	}
	if from == 0 {
		return s
	}
	return out.String() + s[from:]
}

// user replaces a userinfo; its password alone is remembered, too.
func (h *hand) user(info string) string {
	if _, password, ok := strings.Cut(info, ":"); ok && password != "" {
		h.remember(password)
	}
	return string(h.replace([]byte(info)))
}

// remember knows a credential from now on that is not replaced here.
func (h *hand) remember(secret string) {
	if len(secret) < shortestKept {
		return
	}
	h.told(secret, h.tagOf(secret))
}

// patterns replaces what the user's patterns find in a text.
func (h *hand) patterns(s string) string {
	if s == "" {
		return s
	}
	for _, rw := range h.r.user {
		s = string(whole(func(out sink) stage { return rw.stage(h, out) }, []byte(s)))
	}
	return s
}

// address replaces what may be a credential in a text that is, or has, a URL.
func (h *hand) address(s string) string { return h.patterns(h.userinfo(h.target(s))) }

// text replaces what may be a credential in a text that somebody wrote, as an error.
func (h *hand) text(s string) string {
	if s == "" {
		return s
	}
	s = h.params(s, "&# \t\r\n\"'<>`\\")
	s = h.userinfo(s)
	s = string(whole(func(out sink) stage { return h.r.quoted.stage(h, out) }, []byte(s)))
	return h.patterns(s)
}
