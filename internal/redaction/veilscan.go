package redaction

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
)

// span is a part of a text that is hidden.
type span struct{ from, to int }

// naming says which names are looked for before a colon at the start of a line.
type naming int

const (
	strict naming = iota // of fields and members
	pairs                // those of parameters as well: the lines are a list of them
)

// open is a value that is being hidden, and how it ends.
type open struct {
	kind    ending
	quote   byte
	slashes int    // backslashes before the quotes of the text it stands in
	depth   int    // of brackets
	quoted  bool   // inside a string inside brackets
	then    ending // what ends it, of one that has not begun
}

type ending int

const (
	closed   ending = iota
	atQuote         // at the quote that it began with
	atDelim         // at what ends a parameter
	atLine          // at the end of the line
	atHold          // at the bracket that closes it
	atPart          // at the delimiter of a part
	atMarkup        // at the next tag
	atWord          // at what ends a number
	unborn          // its name was there alone
)

// spans finds what is hidden of s from an offset on; what is before it is looked at
// for names alone. o is a value that began before, and becomes one that goes on
// behind s.
func (v *Veil) spans(s string, from int, o *open, n naming) []span {
	var list []span
	i := 0
	if o.kind != closed {
		list, i = o.run(s, from, list)
	}
	floor := i
	for i < len(s) {
		k := strings.IndexAny(s[i:], "=:%>")
		if k < 0 {
			break
		}
		at := i + k
		i = at + 1
		value := v.begins(s, floor, at, o, n)
		if o.kind == closed {
			if info, ok := userinfo(s, at); ok {
				list, i, floor = append(list, info), info.to, info.to
			}
			continue
		}
		list, i = o.run(s, value, list)
		floor = i
	}
	return merged(list, tokens(s), from)
}

// merged puts spans in order, those before from left out.
func merged(list, more []span, from int) []span {
	list = slices.DeleteFunc(append(list, more...), func(a span) bool { return a.to <= from || a.from >= a.to })
	if len(more) == 0 || len(list) < 2 {
		return list
	}
	slices.SortFunc(list, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	out := list[:1]
	for _, sp := range list[1:] {
		if last := &out[len(out)-1]; sp.from <= last.to {
			last.to = max(last.to, sp.to)
		} else {
			out = append(out, sp)
		}
	}
	return out
}

// begins tells whether a credential stands behind what is at an offset: then o is
// open, and its first octet is returned.
func (v *Veil) begins(s string, floor, at int, o *open, n naming) int {
	value := at + 1
	switch s[at] {
	case '%':
		if !strings.HasPrefix(s[at:], "%3D") && !strings.HasPrefix(s[at:], "%3d") {
			return at
		}
		value = at + len("%3D")
		fallthrough
	case '=':
		name, _ := nameBefore(s, floor, at)
		if name == "name" {
			return v.part(s, value, o)
		}
		if v.rules.param(plainName(name)) {
			return o.begin(s, value, atDelim)
		}
	case ':':
		name, w := nameBefore(s, floor, at)
		low := strings.ToLower(name)
		switch {
		case w.quote != 0 && v.rules.members[low]:
			return o.begin(s, spaces(s, value), atWord)
		case w.quote != 0 || !w.first || n == pairs && w.before == '"':
		case v.rules.field(low), v.rules.members[low], n == pairs && v.rules.param(low):
			*o = open{kind: atLine, quote: w.before, slashes: w.slashes}
			if value = blanks(s, value); n == pairs {
				return o.begin(s, value, atLine)
			}
			return o.born(s, value)
		}
	case '>':
		name, w := nameBefore(s, floor, at)
		if low := strings.ToLower(name); w.before == '<' && (v.rules.members[low] || v.rules.param(low)) {
			*o = open{kind: atMarkup}
			return value
		}
	}
	return at
}

// part finds the body of a part of a form (RFC 7578) behind the name that is at an
// offset.
func (v *Veil) part(s string, at int, o *open) int {
	quoted := at < len(s) && s[at] == '"'
	if quoted {
		at++
	}
	end := strings.IndexAny(s[at:], "\"; \r\n")
	if end < 0 || !v.rules.param(s[at:at+end]) {
		return at
	}
	rest := s[at:min(len(s), at+longestHead)]
	k, gap := strings.Index(rest, "\r\n\r\n"), 4
	if k < 0 {
		k, gap = strings.Index(rest, "\n\n"), 2
	}
	if k < 0 {
		return at
	}
	*o = open{kind: atPart}
	return at + k + gap
}

// where tells how a name stands.
type where struct {
	quote   byte // it is in quotes
	slashes int  // backslashes before them
	first   bool // it is the first of its line, or of what is in quotes
	before  byte // what stands before it
}

// nameBefore reads the name that ends at an offset.
func nameBefore(s string, floor, end int) (string, where) {
	var w where
	floor = max(floor, end-longestHead)
	for end > floor && s[end-1] == ' ' {
		end--
	}
	if end > floor && (s[end-1] == '"' || s[end-1] == '\'') {
		w.quote = s[end-1]
		end--
		for end > floor && s[end-1] == '\\' {
			end--
			w.slashes++
		}
	}
	at := end
	for at > floor && nameOctet(s[at-1]) {
		at--
	}
	name := s[at:end]
	switch {
	case at == 0:
		w.first = true
	default:
		w.before = s[at-1]
		if w.before == '\\' && len(name) > 1 {
			// An escape of JSON, and its letters are no name.
			if rest, ok := strings.CutPrefix(name, "u0026"); ok {
				name = rest
			} else if name[0] == 'n' || name[0] == 'r' || name[0] == 't' {
				name, w.first = name[1:], true
				break
			}
		}
		line := strings.TrimRight(s[floor:at], " \t-")
		w.first = line == "" && floor == 0 || line != "" && strings.IndexByte("\n\r\"'", line[len(line)-1]) >= 0
		if line != "" && (line[len(line)-1] == '"' || line[len(line)-1] == '\'') {
			w.before = line[len(line)-1]
			if strings.HasSuffix(line[:len(line)-1], "\\") {
				w.slashes = 1
			}
		}
	}
	if w.quote != 0 && w.before != w.quote {
		return "", where{}
	}
	return name, w
}

func nameOctet(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_-.[]%$", c) >= 0
}

// plainName is the name of a parameter without percent-encoding, and without what
// stands before it in a URL that is encoded as a whole.
func plainName(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return s[strings.LastIndexAny(s, "?&=#/;")+1:]
}

func spaces(s string, at int) int {
	for at < len(s) && (s[at] == ' ' || s[at] == '\t' || s[at] == '\n' || s[at] == '\r') {
		at++
	}
	return at
}

func blanks(s string, at int) int {
	for at < len(s) && (s[at] == ' ' || s[at] == '\t') {
		at++
	}
	return at
}

// userinfo is the user and the password of a URL whose scheme ends at an offset (RFC
// 3986 section 3.2.1).
func userinfo(s string, colon int) (span, bool) {
	if !strings.HasPrefix(s[colon:], "://") {
		return span{}, false
	}
	at := colon + len("://")
	end := len(s)
	if k := strings.IndexAny(s[at:], "/?# \t\r\n\"'<>\\"); k >= 0 {
		end = at + k
	}
	k := strings.LastIndexByte(s[at:end], '@')
	return span{at, at + k}, k > 0
}

// tokens finds JSON Web Signatures in compact form (RFC 7515 section 7.1), which
// let others in whatever they are called.
func tokens(s string) []span {
	var list []span
	for i := 0; ; {
		k := strings.Index(s[i:], "eyJ")
		if k < 0 {
			return list
		}
		from := i + k
		at, dots := from, 0
		for at < len(s) && (nameOctet(s[at]) && strings.IndexByte("[]%$", s[at]) < 0) {
			if s[at] == '.' {
				if dots++; dots > 2 || dots == 1 && !strings.HasPrefix("eyJ", s[at+1:min(len(s), at+4)]) {
					break
				}
			}
			at++
		}
		if dots >= 2 || dots == 1 && at == len(s) {
			list = append(list, span{from, at})
		}
		i = max(at, from+3)
	}
}
