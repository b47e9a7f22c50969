package redaction

import "strings"

// begin begins a value at an offset: in quotes, in brackets, or else as it ends
// otherwise. It returns where what is hidden begins.
func (o *open) begin(s string, at int, otherwise ending) int {
	*o = open{kind: otherwise}
	if at = o.born(s, at); o.kind == unborn {
		return at
	}
	slashes := 0
	for at+slashes < len(s) && s[at+slashes] == '\\' {
		slashes++
	}
	next := at + slashes
	switch {
	case next < len(s) && (s[next] == '"' || s[next] == '\''):
		*o = open{kind: atQuote, quote: s[next], slashes: slashes}
		return next + 1
	case otherwise == atWord && at < len(s) && (s[at] == '[' || s[at] == '{'):
		*o = open{kind: atHold}
	case otherwise == atWord && (strings.HasPrefix(s[at:], "null") || strings.HasPrefix(s[at:], "true") || strings.HasPrefix(s[at:], "false")):
		*o = open{}
	}
	return at
}

// born tells of a value that nothing is there of yet: it begins in what comes.
func (o *open) born(s string, at int) int {
	if at == len(s) {
		o.kind, o.then = unborn, o.kind
	}
	return at
}

// run adds what is hidden of a value from an offset on, and returns where that ends;
// o is closed where the value ends in s.
func (o *open) run(s string, at int, list []span) ([]span, int) {
	if o.kind == unborn {
		switch o.kind = o.then; o.kind {
		case atWord:
			at = spaces(s, at)
		case atLine:
			at = blanks(s, at)
		}
		if at = o.born(s, at); o.kind == atWord || o.kind == atDelim {
			at = o.begin(s, at, o.kind)
		}
	}
	if o.kind == closed || o.kind == unborn {
		return list, at
	}
	if o.kind == atHold {
		return o.hold(s, at, list)
	}
	end, more := o.end(s, at)
	if !more {
		*o = open{}
	}
	return append(list, span{at, end}), end
}

// end finds the end of a value; more tells that it goes on behind s.
func (o *open) end(s string, at int) (end int, more bool) {
	find := func(set string) (int, bool) {
		if k := strings.IndexAny(s[at:], set); k >= 0 {
			return at + k, false
		}
		return len(s), true
	}
	switch o.kind {
	case atQuote:
		return o.quoteEnd(s, at)
	case atDelim:
		return find("&; \t\r\n\"'<>\\`#")
	case atWord:
		return find(",]} \t\r\n")
	case atMarkup:
		return find("<")
	case atPart:
		from := max(0, at-len("\n-")) // of the delimiter some may have come before
		k := strings.Index(s[from:], "\n--")
		if k < 0 {
			return len(s), true
		}
		if k > 0 && s[from+k-1] == '\r' {
			k--
		}
		return max(at, from+k), false
	}
	set := "\r\n"
	if o.quote == '"' || o.quote == '\'' {
		set += string(o.quote)
	}
	end, more = find(set)
	if k := strings.Index(s[at:end], `\n`); k >= 0 { // a text inside a string
		end, more = at+k, false
		if k > 1 && strings.HasSuffix(s[at:end], `\r`) {
			end -= 2
		}
	}
	if !more && s[end] == o.quote && o.slashes > 0 && end > at && s[end-1] == '\\' {
		end--
	}
	return end, more
}

// quoteEnd finds the quote that ends a string. In a string inside a string it has as
// many backslashes as the first one, and those inside have more.
func (o *open) quoteEnd(s string, at int) (int, bool) {
	for i := at; i < len(s); i++ {
		if s[i] != o.quote {
			continue
		}
		n := 0
		for i-n > at && s[i-n-1] == '\\' {
			n++
		}
		if o.slashes == 0 && n%2 == 0 {
			return i, false
		}
		if o.slashes > 0 && n <= o.slashes {
			return i - n, false
		}
	}
	return len(s), true
}

// hold hides the words inside brackets.
func (o *open) hold(s string, at int, list []span) ([]span, int) {
	from := -1
	word := func(end int) {
		if from >= 0 && end > from {
			list = append(list, span{from, end})
		}
		from = -1
	}
	for i := at; i < len(s); i++ {
		c := s[i]
		if o.quoted {
			if c == '"' {
				word(i)
				o.quoted = false
				continue
			}
			if from < 0 {
				from = i
			}
			if c == '\\' {
				i++
			}
			continue
		}
		switch c {
		case '"':
			word(i)
			o.quoted = true
		case '[', '{':
			word(i)
			o.depth++
		case ']', '}':
			word(i)
			if o.depth--; o.depth <= 0 {
				*o = open{}
				return list, i + 1
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			word(i)
		default:
			if from < 0 {
				from = i
			}
		}
	}
	word(len(s))
	return list, len(s)
}
