package pattern

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/dlclark/regexp2"
)

// Substitution is a pattern with what is put in the place of its matches, as
// Python's re.sub(pattern, template, text) takes them. It is immutable and may
// be used from several goroutines at once.
type Substitution struct {
	p      *Pattern
	groups *regexp.Regexp // the fast spelling with groups that catch; nil without one
	parts  []part
	octets bool
}

// part of a template: text, or what a group has caught.
type part struct {
	text  string
	group int // -1 for text
}

// OctetZero is the character that stands for octet 0 in spellings of patterns
// over octets; the octets from 0x80 on follow it in their order.
const OctetZero rune = private

// NewSubstitution reads a pattern over characters and a template. Errors are an
// *Error with the place in the one that is wrong.
func NewSubstitution(text string, flags Flags, template string) (*Substitution, error) {
	p, err := Compile(text, flags)
	if err != nil {
		return nil, err
	}
	return newSubstitution(p, text, flags, template, false)
}

// NewOctetSubstitution is NewSubstitution for octets, as bytes in Python.
func NewOctetSubstitution(text string, flags Flags, template []byte) (*Substitution, error) {
	o, err := CompileOctets(text, flags)
	if err != nil {
		return nil, err
	}
	mapped, _ := mapPattern(text)
	return newSubstitution(o.p, mapped, flags|ASCII, string(template), true)
}

func newSubstitution(p *Pattern, text string, flags Flags, template string, octets bool) (*Substitution, error) {
	t, err := (&translator{text: text, flags: flags, catching: true}).translate()
	if err != nil {
		return nil, err
	}
	s := &Substitution{p: p, octets: octets}
	if p.fast != nil {
		s.groups, err = regexp.Compile(t.fast)
		if err != nil || s.groups.NumSubexp() != t.groups {
			s.groups = nil
		}
	}
	if p.exact == nil && s.groups == nil {
		if p.exact, err = regexp2.Compile(t.exact, regexp2.None); err != nil {
			return nil, &Error{Pattern: text, Msg: "cannot be used: " + err.Error()}
		}
		p.exact.MatchTimeout = MatchLimit
	}
	s.parts, err = parseTemplate(template, t)
	return s, err
}

// String returns the pattern.
func (s *Substitution) String() string { return s.p.text }

// Stream is the substitution as package regexp has it, for a text that comes in
// pieces: the expression, over characters from OctetZero on where it is one of
// octets, and the template for Expand. ok is false for a pattern that only the
// whole text can tell the matches of.
func (s *Substitution) Stream() (re *regexp.Regexp, template []byte, ok bool) {
	if s.groups == nil || s.p.dollar || s.p.boundary {
		return nil, nil, false
	}
	for _, part := range s.parts {
		if part.group < 0 {
			template = append(template, strings.ReplaceAll(part.text, "$", "$$")...)
		} else {
			template = append(template, "${"+itoa(part.group)+"}"...)
		}
	}
	return s.groups, template, true
}

// Replace returns text with all matches replaced, and how many there were. It
// fails with ErrLimit when a match took longer than MatchLimit.
func (s *Substitution) Replace(text string) (string, int, error) {
	subject := text
	if s.octets {
		subject = mapOctets([]byte(text))
	}
	var out strings.Builder
	n := 0
	if s.groups != nil && !s.p.differs(subject) {
		last := 0
		for _, m := range s.groups.FindAllStringSubmatchIndex(subject, -1) {
			s.write(&out, subject[last:m[0]])
			s.expand(&out, func(group int) string {
				if m[2*group] < 0 {
					return ""
				}
				return subject[m[2*group]:m[2*group+1]]
			})
			last = m[1]
			n++
		}
		s.write(&out, subject[last:])
		return out.String(), n, nil
	}
	runes := []rune(subject)
	last := 0
	m, err := s.p.exact.FindRunesMatch(runes)
	for ; m != nil && err == nil; m, err = s.p.exact.FindNextMatch(m) {
		s.write(&out, string(runes[last:m.Index]))
		s.expand(&out, func(group int) string {
			if g := m.GroupByNumber(group); g != nil && len(g.Captures) > 0 {
				return g.String()
			}
			return ""
		})
		last = m.Index + m.Length
		n++
	}
	if err != nil {
		return text, 0, ErrLimit
	}
	s.write(&out, string(runes[last:]))
	return out.String(), n, nil
}

func (s *Substitution) expand(out *strings.Builder, caught func(int) string) {
	for _, p := range s.parts {
		if p.group < 0 {
			out.WriteString(p.text)
		} else {
			s.write(out, caught(p.group))
		}
	}
}

// write adds a part of the subject, octets as they were.
func (s *Substitution) write(out *strings.Builder, text string) {
	if !s.octets {
		out.WriteString(text)
		return
	}
	for _, r := range text {
		if r >= utf8.RuneSelf {
			r -= private
		}
		out.WriteByte(byte(r))
	}
}

// parseTemplate reads \1, \g<1>, \g<name> and the escapes of re.sub.
func parseTemplate(text string, t translation) ([]part, error) {
	var parts []part
	var plain strings.Builder
	fail := func(at int, msg string) ([]part, error) {
		return nil, &Error{Pattern: text, Offset: at, Msg: "in the replacement: " + msg}
	}
	group := func(n int) {
		if plain.Len() > 0 {
			parts = append(parts, part{plain.String(), -1})
			plain.Reset()
		}
		parts = append(parts, part{"", n})
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			plain.WriteByte(text[i])
			continue
		}
		at := i
		if i++; i == len(text) {
			return fail(at, `a \ at its end`)
		}
		switch c := text[i]; {
		case c == 'g':
			end := strings.IndexByte(text[i:], '>')
			if i+1 >= len(text) || text[i+1] != '<' || end < 0 {
				return fail(at, `\g is written \g<NUMBER> or \g<NAME>`)
			}
			name := text[i+2 : i+end]
			n, ok := t.names[name]
			if !ok {
				if n, ok = groupNumber(name); !ok || n > t.groups {
					return fail(at, "there is no group "+shorten(name))
				}
			}
			group(n)
			i += end
		case c == '0' || c >= '1' && c <= '3' && i+2 < len(text) && isOctal(text[i+1]) && isOctal(text[i+2]):
			v, used := 0, 0
			for used < 3 && i < len(text) && isOctal(text[i]) {
				v, used, i = v<<3|int(text[i]-'0'), used+1, i+1
			}
			i--
			plain.WriteByte(byte(v))
		case c >= '1' && c <= '9':
			n := int(c - '0')
			if i+1 < len(text) && text[i+1] >= '0' && text[i+1] <= '9' {
				i++
				n = 10*n + int(text[i]-'0')
			}
			if n > t.groups {
				return fail(at, "there is no group "+itoa(n))
			}
			group(n)
		case strings.IndexByte("abfnrtv", c) >= 0:
			plain.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case c == '\\':
			plain.WriteByte(c)
		case c < utf8.RuneSelf && isAlnum(c):
			return fail(at, `bad escape \`+string(rune(c)))
		default:
			plain.WriteByte('\\')
			plain.WriteByte(c)
		}
	}
	if plain.Len() > 0 {
		parts = append(parts, part{plain.String(), -1})
	}
	return parts, nil
}

func groupNumber(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > 1000 {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, s != ""
}

// A Found is the first match of a pattern in a text.
type Found struct {
	Begin, End int    // octets of the text
	First      string // what the first group has caught
	Grouped    bool   // there is a first group
}

// Find returns the first match in text, as re.search does. It fails with
// ErrLimit. Of a pattern over octets it must not be asked.
func (s *Substitution) Find(text string) (f Found, ok bool, err error) {
	if s.groups != nil && !s.p.differs(text) {
		m := s.groups.FindStringSubmatchIndex(text)
		if m == nil {
			return f, false, nil
		}
		f.Begin, f.End, f.Grouped = m[0], m[1], len(m) > 2
		if f.Grouped && m[2] >= 0 {
			f.First = text[m[2]:m[3]]
		}
		return f, true, nil
	}
	runes := []rune(text)
	m, err := s.p.exact.FindRunesMatch(runes)
	if err != nil {
		return f, false, ErrLimit
	}
	if m == nil {
		return f, false, nil
	}
	f.Begin, f.End = len(string(runes[:m.Index])), len(string(runes[:m.Index+m.Length]))
	if f.Grouped = m.GroupCount() > 1; f.Grouped {
		if g := m.GroupByNumber(1); g != nil && len(g.Captures) > 0 {
			f.First = g.String()
		}
	}
	return f, true, nil
}
