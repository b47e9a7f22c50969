package pattern

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// Octets is a pattern over octets, with the meaning of a Python bytes pattern:
// "." and a class stand for one octet, and case folding, \w, \d, \s and \b know
// ASCII only. It is immutable and may be used from several goroutines at once.
//
// Octets above 0x7f are looked at as characters of a private range, which has
// neither case nor class: so the matchers, which know characters only, see one
// character for each octet.
type Octets struct {
	p *Pattern
	// literal is what a pattern without constructs stands for, in lower case
	// where fold is set; nil for others.
	literal []byte
	fold    bool
	// positive tells that the pattern looks for ASCII only, so that octets
	// above can be looked at as they are.
	positive bool
	// sharp tells that folding would take characters outside ASCII for one of
	// the pattern (the Kelvin sign for k, the long s for s).
	sharp bool
}

// private is the character that stands for octet 0.
const private = 0xe000

// CompileOctets parses text as Python's re.compile(text.encode(), flags) does.
// Errors are an *Error with the place.
func CompileOctets(text string, flags Flags) (*Octets, error) {
	if !utf8.ValidString(text) {
		return nil, &Error{Pattern: text, Msg: "pattern is not UTF-8"}
	}
	mapped, places := mapPattern(text)
	p, err := Compile(mapped, flags|ASCII)
	if e, ok := errors.AsType[*Error](err); ok {
		return nil, &Error{Pattern: text, Offset: places[min(e.Offset, len(places)-1)], Msg: e.Msg}
	}
	if err != nil {
		return nil, err
	}
	p.text = text
	o := &Octets{p: p, fold: flags&IgnoreCase != 0}
	if flags&Verbose == 0 && !strings.ContainsAny(text, `.^$*+?{}[]\|()`) {
		o.literal = []byte(text)
		if o.fold {
			o.literal = lowerASCII(o.literal)
		}
	}
	o.positive = mapped == text && positive(text)
	o.sharp = o.fold && strings.ContainsAny(text, `kKsSwW[`)
	return o, nil
}

// mapPattern writes the octets above 0x7f of a pattern, and its escapes for
// such, as characters of the private range. places has, for each octet of the
// result and its end, where in text it comes from.
func mapPattern(text string) (mapped string, places []int) {
	var b strings.Builder
	put := func(at int, s string) {
		for range len(s) {
			places = append(places, at)
		}
		b.WriteString(s)
	}
	for i := 0; i < len(text); {
		if text[i] >= utf8.RuneSelf {
			put(i, string(rune(private+int(text[i]))))
			i++
			continue
		}
		n, octet := 1, -1
		if text[i] == '\\' {
			n, octet = escapedOctet(text[i:])
		}
		if octet >= utf8.RuneSelf {
			put(i, string(rune(private+octet)))
		} else {
			for k := range n {
				put(i+k, text[i+k:i+k+1])
			}
		}
		i += n
	}
	return b.String(), append(places, len(text))
}

// escapedOctet reads an escape at the start of s: its length, and the octet
// that it stands for or -1. Only escapes for octets are told apart.
func escapedOctet(s string) (n, octet int) {
	if len(s) >= 4 && s[1] == 'x' {
		hi, lo := hexDigit(s[2]), hexDigit(s[3])
		if hi >= 0 && lo >= 0 {
			return 4, hi<<4 | lo
		}
	}
	if len(s) >= 4 && s[1] >= '2' && s[1] <= '3' && isOctal(s[2]) && isOctal(s[3]) {
		return 4, int(s[1]-'0')<<6 | int(s[2]-'0')<<3 | int(s[3]-'0')
	}
	if len(s) >= 2 && s[1] < utf8.RuneSelf {
		return 2, -1
	}
	return 1, -1
}

func hexDigit(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }

// positive tells whether a pattern of ASCII says only what it looks for, never
// what it does not, nor that anything will do.
func positive(text string) bool {
	if strings.Contains(text, ".") || strings.Contains(text, "[^") || strings.Contains(text, "(?") {
		return false
	}
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '\\' {
			if strings.IndexByte("dws", text[i+1]) < 0 && isAlnum(text[i+1]) {
				return false
			}
			i++
		}
	}
	return true
}

// String returns the text that the pattern was compiled from.
func (o *Octets) String() string { return o.p.text }

// Match tells whether the pattern matches anywhere in p. A match that takes
// longer than MatchLimit counts as none.
func (o *Octets) Match(p []byte) bool {
	if o.literal != nil {
		return o.index(p) >= 0
	}
	ascii := isASCII(p)
	if ascii || o.positive {
		found := o.p.match(p)
		if !found || ascii || !o.sharp {
			return found
		}
	}
	return o.p.MatchString(mapOctets(p))
}

// match is MatchString for octets that are text.
func (p *Pattern) match(s []byte) bool {
	if p.fast != nil && !p.boundary && !(p.dollar && bytes.HasSuffix(s, []byte{'\n'})) {
		return p.fast.Match(s)
	}
	return p.MatchString(string(s))
}

func mapOctets(p []byte) string {
	var b strings.Builder
	b.Grow(len(p) + len(p)/2)
	for _, c := range p {
		if c < utf8.RuneSelf {
			b.WriteByte(c)
		} else {
			b.WriteRune(private + rune(c))
		}
	}
	return b.String()
}

func isASCII(p []byte) bool {
	for _, c := range p {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func lowerASCII(p []byte) []byte {
	for i, c := range p {
		if c >= 'A' && c <= 'Z' {
			p[i] = c | 0x20
		}
	}
	return p
}

// index finds the literal in p, -1 where it is not.
func (o *Octets) index(p []byte) int {
	if !o.fold || len(o.literal) == 0 {
		return bytes.Index(p, o.literal)
	}
	low := o.literal[0]
	if low < 'a' || low > 'z' {
		for at := 0; ; at++ {
			i := bytes.IndexByte(p[at:], low)
			if i < 0 {
				return -1
			}
			if at += i; hasFolded(p[at:], o.literal) {
				return at
			}
		}
	}
	// The nearest of both cases, each looked for once.
	next := func(c byte, from int) int {
		if i := bytes.IndexByte(p[from:], c); i >= 0 {
			return from + i
		}
		return len(p)
	}
	l, u := next(low, 0), next(low&^0x20, 0)
	for l < len(p) || u < len(p) {
		at := min(l, u)
		if hasFolded(p[at:], o.literal) {
			return at
		}
		if at == l {
			l = next(low, at+1)
		} else {
			u = next(low&^0x20, at+1)
		}
	}
	return -1
}

// hasFolded tells whether p begins with a text in lower case, ASCII folded.
func hasFolded(p, low []byte) bool {
	if len(p) < len(low) {
		return false
	}
	for i, c := range low {
		d := p[i]
		if d >= 'A' && d <= 'Z' {
			d |= 0x20
		}
		if d != c {
			return false
		}
	}
	return true
}

// Linear tells whether every match runs in time linear in the subject.
func (o *Octets) Linear() bool { return o.p.Linear() }
