package har

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// The bounds of what is scanned.
const (
	maxDepth  = 64
	maxInline = 64 << 10 // octets of a string, as written, that a value holds
	maxValues = 1 << 20  // values of one entry
)

// value is a JSON value. The zero value is null.
type value struct {
	kind   byte // 0, 't' true, 'f' false, 'n' number, 's' string, '[', '{'
	text   string
	ref    *io.SectionReader // a long string as written, without its quotes
	items  []value
	fields []member
}

type member struct {
	name  string
	value value
}

// key returns the last member of that name, nil where there is none.
func (v *value) key(name string) *value {
	if v == nil {
		return nil
	}
	for i := len(v.fields) - 1; i >= 0; i-- {
		if v.fields[i].name == name {
			return &v.fields[i].value
		}
	}
	return nil
}

// str is a string or a number as text, "" for everything else.
func (v *value) str() string {
	if v == nil || v.kind != 's' && v.kind != 'n' || v.ref != nil {
		return ""
	}
	return v.text
}

// num is a number, or one that stands in a string; ok tells whether it is one.
func (v *value) num() (f float64, ok bool) {
	f, err := strconv.ParseFloat(v.str(), 64)
	return f, err == nil
}

// scanner reads JSON from a source with little of it in memory.
type scanner struct {
	src    io.ReaderAt
	size   int64
	at     int64 // of buf[0]
	buf    []byte
	pos    int
	values int
}

func (s *scanner) offset() int64 { return s.at + int64(s.pos) }

func (s *scanner) wrong(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %s", s.offset(), fmt.Sprintf(format, args...))
}

// peek returns the next octet; io.EOF behind the last.
func (s *scanner) peek() (byte, error) {
	if s.pos == len(s.buf) {
		if err := s.fill(s.offset()); err != nil {
			return 0, err
		}
	}
	return s.buf[s.pos], nil
}

func (s *scanner) fill(at int64) error {
	if s.buf == nil {
		s.buf = make([]byte, 0, 64<<10)
	}
	s.buf = s.buf[:cap(s.buf)]
	n, err := s.src.ReadAt(s.buf, at)
	s.at, s.pos, s.buf = at, 0, s.buf[:n]
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// token returns the next octet that is no white space, and does not take it.
func (s *scanner) token() (byte, error) {
	for {
		b, err := s.peek()
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		switch b {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return b, nil
		}
	}
}

// expect takes the octet want.
func (s *scanner) expect(want byte) error {
	b, err := s.token()
	if err != nil {
		return err
	}
	if b != want {
		return s.wrong("%q where %q was expected", b, want)
	}
	s.pos++
	return nil
}

// value reads a value.
func (s *scanner) value(depth int) (value, error) {
	if s.values++; s.values > maxValues {
		return value{}, s.wrong("more than %d values in one entry", maxValues)
	}
	if depth > maxDepth {
		return value{}, s.wrong("values are nested deeper than %d", maxDepth)
	}
	b, err := s.token()
	if err != nil {
		return value{}, err
	}
	switch {
	case b == '{':
		v := value{kind: '{'}
		err := s.object(func(name string) error {
			m, err := s.value(depth + 1)
			v.fields = append(v.fields, member{name, m})
			return err
		})
		return v, err
	case b == '[':
		v := value{kind: '['}
		err := s.array(func() error {
			e, err := s.value(depth + 1)
			v.items = append(v.items, e)
			return err
		})
		return v, err
	case b == '"':
		return s.string()
	case b == '-' || b >= '0' && b <= '9' || b == 'N' || b == 'I':
		v, err := s.word('n')
		switch v.text {
		case "NaN", "Infinity", "-Infinity": // as some programs write a number that is none
			return value{}, err
		}
		return v, err
	case b == 't' || b == 'f' || b == 'n':
		v, err := s.word(b)
		switch {
		case err != nil:
			return v, err
		case v.text == "true" || v.text == "false":
			return value{kind: v.text[0]}, nil
		case v.text == "null":
			return value{}, nil
		}
		return v, s.wrong("%q is no value", v.text)
	}
	return value{}, s.wrong("%q where a value was expected", b)
}

// object calls member behind each name and colon.
func (s *scanner) object(member func(name string) error) error {
	return s.sequence('{', '}', func() error {
		name, err := s.string()
		if err != nil {
			return err
		}
		if name.ref != nil {
			return s.wrong("a name of %d octets", name.ref.Size())
		}
		if err := s.expect(':'); err != nil {
			return err
		}
		return member(name.text)
	})
}

// array calls element before each element.
func (s *scanner) array(element func() error) error { return s.sequence('[', ']', element) }

func (s *scanner) sequence(open, end byte, one func() error) error {
	if err := s.expect(open); err != nil {
		return err
	}
	if b, err := s.token(); err != nil || b == end {
		s.pos++
		return err
	}
	for {
		if err := one(); err != nil {
			return err
		}
		b, err := s.token()
		if err != nil {
			return err
		}
		s.pos++
		switch b {
		case end:
			return nil
		case ',':
			// Some programs leave a comma behind the last element.
			if b, err := s.token(); err == nil && b == end {
				s.pos++
				return nil
			}
		default:
			s.pos--
			return s.wrong("%q where ',' or %q was expected", b, end)
		}
	}
}

// word reads a number, or the letters of true, false, null and of numbers that are none.
func (s *scanner) word(kind byte) (value, error) {
	var text []byte
	for {
		b, err := s.peek()
		if err != nil && !errors.Is(err, io.EOF) {
			return value{}, err
		}
		if err != nil || !(b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b == 'E' || b == 'I' || b == 'N' || b == '+' || b == '-' || b == '.') {
			return value{kind: kind, text: string(text)}, nil
		}
		if len(text) == 64 {
			return value{}, s.wrong("a number of more than 64 digits")
		}
		text = append(text, b)
		s.pos++
	}
}

// string reads a string; a long one stays where it is.
func (s *scanner) string() (value, error) {
	if err := s.expect('"'); err != nil {
		return value{}, err
	}
	start := s.offset()
	var raw []byte
	escaped, keep := false, true
	for {
		if s.pos == len(s.buf) {
			if err := s.fill(s.offset()); err != nil {
				if errors.Is(err, io.EOF) {
					err = io.ErrUnexpectedEOF
				}
				return value{}, err
			}
		}
		for i, b := range s.buf[s.pos:] {
			switch {
			case escaped:
				escaped = false
			case b == '\\':
				escaped = true
			case b == '"':
				if keep {
					raw = append(raw, s.buf[s.pos:s.pos+i]...)
				}
				s.pos += i + 1
				return s.finished(start, raw, keep)
			}
		}
		if keep {
			raw = append(raw, s.buf[s.pos:]...)
			if len(raw) > maxInline {
				raw, keep = nil, false
			}
		}
		s.pos = len(s.buf)
	}
}

func (s *scanner) finished(start int64, raw []byte, keep bool) (value, error) {
	v := value{kind: 's'}
	if !keep || len(raw) > maxInline {
		v.ref = io.NewSectionReader(s.src, start, s.offset()-1-start)
		return v, nil
	}
	v.text = unescape(raw)
	return v, nil
}

// unescape undoes the escapes of a string. Octets that are not UTF-8, and
// control characters that stand unescaped, stay as they are.
func unescape(raw []byte) string {
	out := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		var n int
		if out, n = appendUnescaped(out, raw); n == 0 {
			out, n = utf8.AppendRune(out, utf8.RuneError), min(len(raw), 6)
		}
		raw = raw[n:]
	}
	return string(out)
}

// appendUnescaped appends the first character of raw, and tells how much of raw
// that was: 0 where an escape goes on behind it.
func appendUnescaped(out, raw []byte) ([]byte, int) {
	if raw[0] != '\\' {
		return append(out, raw[0]), 1
	}
	if len(raw) < 2 {
		return out, 0
	}
	switch raw[1] {
	case 'n':
		return append(out, '\n'), 2
	case 't':
		return append(out, '\t'), 2
	case 'r':
		return append(out, '\r'), 2
	case 'b':
		return append(out, '\b'), 2
	case 'f':
		return append(out, '\f'), 2
	case 'u':
		if len(raw) < 12 && !(len(raw) >= 6 && !surrogate(raw)) {
			return out, 0
		}
		n := 6
		if surrogate(raw) && raw[6] == '\\' && raw[7] == 'u' {
			n = 12
		}
		var s string
		if json.Unmarshal(append(append([]byte{'"'}, raw[:n]...), '"'), &s) != nil {
			return utf8.AppendRune(out, utf8.RuneError), 2
		}
		return append(out, s...), n
	}
	return append(out, raw[1]), 2
}

// surrogate tells whether raw begins with the escape of a high surrogate.
func surrogate(raw []byte) bool {
	return (raw[2] == 'd' || raw[2] == 'D') && (raw[3] == '8' || raw[3] == '9' || raw[3]|0x20 == 'a' || raw[3]|0x20 == 'b')
}

// unescaper is the content of a long string.
type unescaper struct {
	r    io.Reader
	raw  []byte
	out  []byte
	done bool
}

func (u *unescaper) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.done {
			return 0, io.EOF
		}
		var chunk [16 << 10]byte
		n, err := u.r.Read(chunk[:])
		u.raw = append(u.raw, chunk[:n]...)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if u.done = err != nil; u.done {
			// What an escape at the very end lacks does not come any more.
			u.raw = append(u.raw, "            "...)
		}
		rest := u.raw
		end := 0
		if u.done {
			end = 12
		}
		u.out = u.out[:0]
		for len(rest) > end {
			var n int
			if u.out, n = appendUnescaped(u.out, rest); n == 0 {
				break
			}
			rest = rest[min(n, len(rest)):]
		}
		u.raw = append(u.raw[:0], rest...)
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}
