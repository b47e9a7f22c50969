package rule

import (
	"fmt"
	"os"
	"strings"
	"unicode/utf8"
)

// Split cuts a value of an option of mitmproxy at its separator, which is its
// first character: "/FILTER/A/B" or "/A/B", where the last part may have the
// separator in it. n is how many parts stand behind the filter: with as many
// there is none.
func Split(value string, n int) (filter string, parts []string, err error) {
	sep, size := utf8.DecodeRuneInString(value)
	if size == 0 || sep == utf8.RuneError {
		return "", nil, fmt.Errorf("it is empty: it begins with a separator, as /")
	}
	parts = strings.SplitN(value[size:], string(sep), n+1)
	switch len(parts) {
	case n:
		return "", parts, nil
	case n + 1:
		if strings.TrimSpace(parts[0]) == "" {
			return "", nil, fmt.Errorf("the filter between the first two %c is empty: leave it out with its %c, or write ~all", sep, sep)
		}
		return parts[0], parts[1:], nil
	}
	return "", nil, fmt.Errorf("it has %d parts between its separators %c, and %d or %d are wanted", len(parts), sep, n, n+1)
}

// Unescape reads the escapes of a bytes literal of Python, without its quotes: \n, \t,
// \\, \x41, \101 and the like. What is no escape stays as it is, and so does \1,
// which is a group to everybody who writes it.
func Unescape(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		if i++; i == len(s) {
			return "", fmt.Errorf(`%s ends in a single \`, quote(s))
		}
		switch c := s[i]; {
		case c == 'x':
			if i+2 >= len(s) || hex(s[i+1]) < 0 || hex(s[i+2]) < 0 {
				return "", fmt.Errorf(`in %s, \x wants two hexadecimal digits behind it`, quote(s))
			}
			b.WriteByte(byte(hex(s[i+1])<<4 | hex(s[i+2])))
			i += 2
		case c == '0' || c >= '1' && c <= '7' && i+2 < len(s) && octal(s[i+1]) && octal(s[i+2]):
			v, n := 0, 0
			for ; n < 3 && i+n < len(s) && octal(s[i+n]); n++ {
				v = v<<3 | int(s[i+n]-'0')
			}
			i += n - 1
			b.WriteByte(byte(v))
		case strings.IndexByte("abfnrtv", c) >= 0:
			b.WriteByte("\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)])
		case c == '\\' || c == '\'' || c == '"':
			b.WriteByte(c)
		case c == '\n':
		default:
			b.WriteByte('\\')
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

func octal(c byte) bool { return c >= '0' && c <= '7' }

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// mostReplacement bounds, in octets, a file that a replacement is read from.
const mostReplacement = 16 << 20

// A Replacement is text, or the content of a file that is read when it is
// wanted.
type Replacement struct {
	text string
	file string
}

// ReadReplacement reads a replacement as mitmproxy writes it: @FILE, or a text
// with the escapes of Unescape. The file is read once, to see that it can be;
// home is what "~/" stands for.
func ReadReplacement(s, home string) (Replacement, error) {
	if name, ok := strings.CutPrefix(s, "@"); ok {
		r := Replacement{file: expand(name, home)}
		_, err := r.Bytes()
		return r, err
	}
	text, err := Unescape(s)
	return Replacement{text: text}, err
}

// Fixed tells that Bytes returns the same always.
func (r Replacement) Fixed() bool { return r.file == "" }

// Bytes returns what is to be put in. The caller must not change it.
func (r Replacement) Bytes() ([]byte, error) {
	if r.file == "" {
		return []byte(r.text), nil
	}
	st, err := os.Stat(r.file)
	switch {
	case err != nil:
	case !st.Mode().IsRegular():
		err = fmt.Errorf("%s is no file", r.file)
	case st.Size() > mostReplacement:
		err = fmt.Errorf("%s is larger than 16m", r.file)
	default:
		var p []byte
		if p, err = os.ReadFile(r.file); err == nil {
			return p, nil
		}
	}
	return nil, fmt.Errorf("read the replacement: %w", err)
}

func expand(path, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		return home + "/" + rest
	}
	return path
}

// Expand writes out "~/" at the beginning of a path.
func Expand(path, home string) string { return expand(path, home) }
