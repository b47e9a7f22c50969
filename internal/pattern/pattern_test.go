package pattern

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// testdata/python.json has what Python's re.search says for each pattern and
// subject, and its error where it refuses the pattern.
type pythonTable struct {
	Subjects []string
	Rows     []struct {
		Pattern string
		Error   string
		Match   []int
	}
}

func loadPython(t testing.TB) (table pythonTable) {
	b, err := os.ReadFile("testdata/python.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &table); err != nil {
		t.Fatal(err)
	}
	return table
}

// notOurs are patterns that Python takes and we refuse, with the reason.
var notOurs = map[string]string{
	`\N{LATIN SMALL LETTER A}`: "names of characters would need Unicode's name table",
}

func TestMeansWhatPythonMeans(t *testing.T) {
	table := loadPython(t)
	for _, row := range table.Rows {
		if row.Pattern == `(?ai)k` {
			continue // folding stays Unicode's under (?a): the Kelvin sign is a k
		}
		p, err := Compile(row.Pattern, 0)
		if _, refused := notOurs[row.Pattern]; refused {
			if err == nil {
				t.Errorf("%q: accepted now; take it off the list", row.Pattern)
			}
			continue
		}
		if row.Error != "" {
			if err == nil {
				t.Errorf("%q: accepted, Python says %s", row.Pattern, row.Error)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v, Python takes it", row.Pattern, err)
			continue
		}
		for i, s := range table.Subjects {
			if got := p.MatchString(s); got != (row.Match[i] == 1) {
				t.Errorf("%q on %q: got %v, Python says %v", row.Pattern, s, got, !got)
			}
		}
	}
}

func TestIgnoreCaseSearch(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		want             bool
	}{
		{`bank\.example`, "WWW.Bank.Example:443", true},
		{`^(.+\.)?example\.com:443$`, "Sub.EXAMPLE.com:443", true},
		{`^(?!example\.com:)`, "EXAMPLE.COM:443", false},
		{`^(?!example\.com:)`, "other.test:443", true},
		{`É`, "é", true},
	} {
		p, err := Compile(c.pattern, IgnoreCase)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.MatchString(c.subject); got != c.want {
			t.Errorf("%s on %s: %v", c.pattern, c.subject, got)
		}
	}
}

func TestErrorNamesThePlace(t *testing.T) {
	for _, c := range []struct {
		pattern string
		offset  int
		text    string
	}{
		{"ab(cd", 2, "unterminated subpattern"},
		{"a**", 2, "multiple repeat"},
		{"x[ab", 1, "unterminated character set"},
		{`ab\q`, 2, `bad escape \q`},
		{"ab)", 2, "unbalanced parenthesis"},
		{"(?<=a+)b", 0, "fixed-width"},
		{"\xff", 0, "UTF-8"},
		{strings.Repeat("(", 300), 200, "nested"},
	} {
		_, err := Compile(c.pattern, 0)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		if e.Offset != c.offset || !strings.Contains(e.Error(), c.text) {
			t.Errorf("%q: offset %d, %v", c.pattern, e.Offset, e)
		}
	}
}

func TestWhatRunsInLinearTime(t *testing.T) {
	for pattern, want := range map[string]bool{
		`bank\.example`: true, `(a|b)+c`: true, `^(?:x)*`: true,
		`(?!a)`: false, `(a)\1`: false, `a$`: false,
	} {
		p, err := Compile(pattern, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.Linear() != want {
			t.Errorf("%q: linear %v", pattern, p.Linear())
		}
	}
}

func TestBacktrackingIsBounded(t *testing.T) {
	p, err := Compile(`^(?=a)(a+)+$`, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.TryString(strings.Repeat("a", 40) + "!"); !errors.Is(err, ErrLimit) {
		t.Fatalf("got %v", err)
	}
}

func FuzzCompile(f *testing.F) {
	table := loadPython(f)
	for _, row := range table.Rows {
		f.Add(row.Pattern, "example.com:443")
	}
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		if len(pattern) > 200 || len(subject) > 200 {
			return
		}
		p, err := Compile(pattern, IgnoreCase)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("not an *Error: %v", err)
			}
			return
		}
		p.MatchString(subject)
	})
}

func BenchmarkMatch(b *testing.B) {
	p, err := Compile(`^(.+\.)?bank\.example:443$`, IgnoreCase)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		p.MatchString("www.other.example:443")
	}
}
