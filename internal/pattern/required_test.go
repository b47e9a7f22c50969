package pattern

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func spell(lists [][]string) string {
	var s []string
	for _, l := range lists {
		s = append(s, strings.Join(l, " "))
	}
	return strings.Join(s, ",")
}

func TestRequired(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`example\.com`, "example.com"}, {`^a.longer$`, "a,longer"}, {`(ab|cd)+x?`, "ab cd"}, {`a*`, ""}, {`Ab{2,}`, "a,b"}, {`(?:abc){2}d`, "abc,d"},
		{`é/path`, "/path"}, {`(?=a)b`, ""}, {`a|`, ""}, {`[ab]`, ""}, {`.`, ""}, {`host1\.a|host2\.a`, "host,1.a 2.a"},
	} {
		p, err := Compile(c.text, IgnoreCase)
		if err != nil {
			t.Fatal(err)
		}
		if got := spell(p.Required()); got != c.want {
			t.Errorf("%s: %q, want %q", c.text, got, c.want)
		}
		o, err := CompileOctets(c.text, IgnoreCase)
		if err != nil {
			t.Fatal(err)
		}
		if got := spell(o.Required()); got != c.want {
			t.Errorf("%s of octets: %q, want %q", c.text, got, c.want)
		}
	}
}

// What a pattern requires is in every subject of ASCII that it matches.
func FuzzRequired(f *testing.F) {
	f.Add(`a(b|cd)+e`, "xABE")
	f.Add(`\bfoo$`, "foo\n")
	f.Add(`(?i:K)elvin[^a]`, "kelvin!")
	f.Fuzz(func(t *testing.T, text, subject string) {
		if !isASCII([]byte(subject)) {
			return
		}
		low := strings.ToLower(subject)
		lacks := func(l []string) bool {
			return !slices.ContainsFunc(l, func(s string) bool { return strings.Contains(low, s) })
		}
		for _, flags := range []Flags{0, IgnoreCase} {
			if p, err := Compile(text, flags); err == nil && p.MatchString(subject) && slices.ContainsFunc(p.Required(), lacks) {
				t.Errorf("%q matches %q, which has none of %q", text, subject, p.Required())
			}
			if o, err := CompileOctets(text, flags|Multiline); err == nil && o.Match([]byte(subject)) && slices.ContainsFunc(o.Required(), lacks) {
				t.Errorf("octets %q match %q, which has none of %q", text, subject, o.Required())
			}
		}
	})
}

func TestWords(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	text := func(n int, letters string) string {
		b := make([]byte, 1+dice.IntN(n))
		for i := range b {
			b[i] = letters[dice.IntN(len(letters))]
		}
		return string(b)
	}
	for range 2000 {
		var texts []string
		for range 1 + dice.IntN(20) {
			if s := text(5, "abc"); !slices.Contains(texts, s) {
				texts = append(texts, s)
			}
		}
		subject := text(30, "abcABC.")
		found := make([]bool, len(texts))
		w := NewWords(texts)
		half := dice.IntN(len(subject) + 1)
		state, ok := w.Find(0, subject[:half], func(i int) { found[i] = true })
		_, ok2 := w.Find(state, subject[half:], func(i int) { found[i] = true })
		for i, s := range texts {
			if want := strings.Contains(strings.ToLower(subject), s); !ok || !ok2 || found[i] != want {
				t.Fatalf("%q in %q: %v, want %v", s, subject, found[i], want)
			}
		}
	}
	if _, ok := NewWords([]string{"a"}).Find(0, "é", func(int) {}); ok {
		t.Error("what is not ASCII was searched")
	}
}
