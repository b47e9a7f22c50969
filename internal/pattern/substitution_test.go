package pattern

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSubstitution(t *testing.T) {
	for _, c := range []struct{ pattern, template, text, want string }{
		{"a", "b", "banana", "bbnbnb"},
		{`(\w+)@(\w+)`, `\2 at \1`, "joe@home", "home at joe"},
		{`(?P<n>\d+)`, `<\g<n>>`, "a1b22", "a<1>b<22>"},
		{`(a)|(b)`, `[\1\2]`, "ab", "[a][b]"},
		{`a(?=b)`, "x", "abac", "xbac"},
		{`(a)(?=b)`, `\1\1`, "abac", "aabac"},
		{`b$`, "x", "ab\n", "ax\n"},
		{`a.c`, `\g<0>!`, "a\nc", "a\nc!"},
		{`\.`, `$1\n`, "a.b", "a$1\nb"},
		{`x`, `\x`, "", "error: bad escape"},
		{`(x)`, `\2`, "", "error: no group 2"},
		{`x`, `\g<y>`, "", "error: no group y"},
		{`x`, `y\`, "", "error: at its end"},
		{`x`, `\g<1`, "", "error: \\g is written"},
		{`(`, ``, "", "error: missing )"},
	} {
		s, err := NewOctetSubstitution(c.pattern, DotAll, []byte(c.template))
		if want, bad := strings.CutPrefix(c.want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s -> %s: %v, want %s", c.pattern, c.template, err, want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s -> %s: %v", c.pattern, c.template, err)
			continue
		}
		if got, _, err := s.Replace(c.text); got != c.want || err != nil {
			t.Errorf("%s -> %s in %q: %q, %v, want %q", c.pattern, c.template, c.text, got, err, c.want)
		}
	}
}

func TestSubstitutionOfOctetsAndOfCharacters(t *testing.T) {
	octets, err := NewOctetSubstitution(`\xe9.`, DotAll, []byte("\xff"))
	if err != nil {
		t.Fatal(err)
	}
	if got, n, err := octets.Replace("a\xe9\x80b"); got != "a\xffb" || n != 1 || err != nil {
		t.Errorf("%q, %d, %v", got, n, err)
	}
	text, err := NewSubstitution(`é(.)`, 0, `\1`)
	if err != nil {
		t.Fatal(err)
	}
	if got, n, err := text.Replace("caféà"); got != "cafà" || n != 1 || err != nil {
		t.Errorf("%q, %d, %v", got, n, err)
	}
	if _, _, ok := octets.Stream(); !ok {
		t.Error("a pattern without lookaround needs the whole")
	}
	for _, p := range []string{`a(?=b)`, `a$`, `(a)\1`} {
		s, err := NewOctetSubstitution(p, DotAll, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok := s.Stream(); ok {
			t.Errorf("%s runs on a stream", p)
		}
	}
}

func FuzzSubstitution(f *testing.F) {
	f.Add(`(a)(b)?`, `\1\g<2>`, "abaab")
	f.Add(`(?=x)`, `\\`, "x\xff")
	f.Fuzz(func(t *testing.T, p, template, text string) {
		s, err := NewOctetSubstitution(p, DotAll, []byte(template))
		if err != nil {
			if e, ok := errors.AsType[*Error](err); !ok || e.Offset > len(e.Pattern) {
				t.Fatalf("%v", err)
			}
			return
		}
		got, n, err := s.Replace(text)
		if err == nil && n == 0 && got != text {
			t.Fatalf("%q became %q without a match", text, got)
		}
		if c, err := NewSubstitution(p, 0, template); err == nil && utf8.ValidString(text) {
			c.Replace(text)
		}
	})
}
