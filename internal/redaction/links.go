package redaction

import "strings"

// links goes through a text of any kind and replaces the values of parameters that
// the rules mean, where they stand in URLs: behind ?, & and ;, also where & is
// written \u0026 or &amp;.
type links struct {
	h   *hand
	out sink

	naming  bool
	escaped bool // the name begins behind a backslash
	name    []byte
	cut     bool
	raw     int
	esc     percents
	one     credential
}

// linkMark tells which octets stand before a name, linkEnd which end a value.
var linkMark, linkEnd = octetSet(`?&;#\`), octetSet("&# \t\r\n\v\f\"'<>\\`")

func octetSet(s string) (set [256]bool) {
	for i := range len(s) {
		set[s[i]] = true
	}
	return set
}

func (l *links) write(p []byte) {
	from := 0
	for i := 0; i < len(p); i++ {
		c := p[i]
		if l.cut {
			if !linkEnd[c] {
				var buf [4]byte
				l.one.write(l.esc.next(buf[:0], c))
				l.raw++
				continue
			}
			l.finish()
			from = i
		}
		switch {
		case linkMark[c]:
			l.naming, l.escaped, l.name = true, c == '\\', l.name[:0]
		case !l.naming:
			// Far to the next one, mostly.
			for i+1 < len(p) && !linkMark[p[i+1]] {
				i++
			}
		case c == '=':
			l.naming = false
			if l.meant() {
				l.out(p[from : i+1])
				from = i + 1
				l.cut, l.raw, l.esc = true, 0, percents{}
				l.one.reset(l.h.r.key)
			}
		case linkEnd[c] || len(l.name) == maxLink:
			l.naming = false
		default:
			l.name = append(l.name, c)
		}
	}
	if !l.cut && from < len(p) {
		l.out(p[from:])
	}
}

// maxLink is how long a name may be as it stands in a URL.
const maxLink = 3 * maxName

// meant tells whether the name that was read is one of a credential.
func (l *links) meant() bool {
	name := string(l.name)
	if l.escaped {
		var ok bool
		if name, ok = strings.CutPrefix(name, "u0026"); !ok {
			return false
		}
	}
	return l.h.r.rules.param(unescapeQuery(name))
}

// finish gives out what stands for a value; an empty one stays.
func (l *links) finish() {
	var buf [4]byte
	l.one.write(l.esc.rest(buf[:0]))
	l.cut = false
	if l.raw > 0 {
		l.out(l.h.instead(&l.one, l.raw))
	}
}

func (l *links) end(bool) {
	if l.cut {
		l.finish()
	}
}

// fieldLines goes through a text of any kind and replaces the values of field lines
// as HTTP has them (RFC 9112 section 5).
type fieldLines struct {
	h   *hand
	out sink

	state lineState
	name  []byte
	one   credential
}

type lineState uint8

const (
	lineName  lineState = iota // from the start of a line
	lineGap                    // behind the colon of a field that is meant
	lineValue                  // of it
	lineOther                  // up to the end of the line
)

func (l *fieldLines) write(p []byte) {
	from := 0
	for i := 0; i < len(p); i++ {
		c := p[i]
		ends := c == '\n' || c == '\r'
		switch {
		case l.state == lineValue && !ends:
			l.one.write(p[i : i+1])
			continue
		case ends:
			if l.state == lineValue {
				l.finish()
				from = i
			}
			l.state, l.name = lineName, l.name[:0]
		case l.state == lineOther:
			for i+1 < len(p) && p[i+1] != '\n' && p[i+1] != '\r' {
				i++
			}
		case l.state == lineGap:
			if c == ' ' || c == '\t' {
				continue
			}
			l.give(p[from:i])
			l.state = lineValue
			l.one.reset(l.h.r.key)
			l.one.write(p[i : i+1])
		case c == ':':
			l.state = lineOther
			if l.h.r.rules.field(strings.TrimRight(string(l.name), " \t")) {
				l.state = lineGap
			}
		case len(l.name) == 2*maxName:
			l.state = lineOther
		default:
			l.name = append(l.name, c)
		}
	}
	if l.state != lineValue && from < len(p) {
		l.out(p[from:])
	}
}

func (l *fieldLines) give(p []byte) {
	if len(p) > 0 {
		l.out(p)
	}
}

// finish gives out what stands for a value.
func (l *fieldLines) finish() { l.out(l.h.instead(&l.one, int(l.one.n))) }

func (l *fieldLines) end(bool) {
	if l.state == lineValue {
		l.finish()
		l.state = lineOther
	}
}
