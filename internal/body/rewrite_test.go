package body

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"midstream/hook"

	"pgregory.net/rapid"
)

// apply runs t over the pieces and returns what it emits, and how much it had
// emitted before its end.
func apply(t hook.Transform, pieces ...[]byte) (out []byte, early int, err error) {
	emit := func(p []byte) error {
		if len(p) == 0 {
			return errors.New("nothing was emitted")
		}
		out = append(out, p...)
		return nil
	}
	for _, p := range pieces {
		p = bytes.Clone(p)
		if len(p) == 0 {
			continue
		}
		if err := t.Chunk(context.Background(), p, emit); err != nil {
			return out, len(out), err
		}
		for i := range p {
			p[i] = '#' // the piece is gone after the call
		}
	}
	early = len(out)
	err = t.End(context.Background(), emit)
	return out, early, err
}

// cut cuts text at random places.
func cut(t *rapid.T, text []byte) [][]byte {
	var pieces [][]byte
	for len(text) > 0 {
		n := rapid.IntRange(1, min(len(text), 9)).Draw(t, "cut")
		pieces = append(pieces, text[:n])
		text = text[n:]
	}
	return pieces
}

func bytesOf(t *rapid.T, alphabet string, most int, label string) []byte {
	return rapid.SliceOfN(rapid.SampledFrom([]byte(alphabet)), 0, most).Draw(t, label)
}

func TestReplaceIsReplaceAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := bytesOf(t, "ab", 60, "text")
		old := bytesOf(t, "ab", 5, "old")
		if len(old) == 0 {
			old = []byte("aba")
		}
		repl := bytesOf(t, "abX", 4, "new")
		want := bytes.ReplaceAll(text, old, repl)
		got, _, err := apply(Replace(old, repl), cut(t, text)...)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("Replace(%q, %q) of %q: got %q, %v, want %q", old, repl, text, got, err, want)
		}
	})
}

func TestReplaceHoldsBackOnlyABeginning(t *testing.T) {
	for _, c := range []struct {
		name, old, piece, out string
	}{
		{"no beginning at the end", "foo", "data: x\n\n", "data: x\n\n"},
		{"a beginning at the end", "foo", "xfo", "x"},
		{"only the longest border", "aab", "xaaa", "xa"},
		{"a match at the end", "foo", "xfoo", "xN"},
		{"nothing to look for", "", "xfo", "xfo"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, early, err := apply(Replace([]byte(c.old), []byte("N")), []byte(c.piece))
			if err != nil || string(got[:early]) != c.out {
				t.Errorf("got %q, %v, want %q", got[:early], err, c.out)
			}
		})
	}
}

// patterns are chosen for what goes wrong where pieces meet.
var patterns = []string{
	`a`, `ab`, `a+`, `a*`, `a*?`, `a|ab`, `ab|a`, `(a)(b)?`, `^a`, `a$`, `(?m)^a`, `(?m)a$`, `(?m)^`, `(?m)$`, `$`, `^`,
	`\ba`, `a\b`, `\Ba`, `a\B`, `\b`, `\B`, `\ba+\b`, `(?i)AB`, `(?i)k`, `[^a]`, `.`, `(?s).`, `a.b`, `(?s)a.b`, `a.*b`, `a.*?b`,
	`é`, `[à-ü]+`, `[^é]`, `€|é`, `\x{fffd}`, `(a|b)*b`, `(?:ab)+`, `(?P<x>a)b`, `a{2,3}`, `a\nb`, `\n\n`, `\r?\n`, `ab*c|b`, `b*|a`,
	`()`, `(a*)(b*)`, `\Aab`, `ab\z`, `(^|b)a`, `a($|b)`, `a(\b|b)`, `(?:a\b|ab)b?`, `[[:word:]]+`, `\W`, `x*y*`, `(?:$|a)b?`,
}

func TestRewriteIsReplaceAll(t *testing.T) {
	templates := []string{"", "X", "[$0]", "<$1>", "${1}$2-", "$x!", "$$"}
	rapid.Check(t, func(t *rapid.T) {
		re := regexp.MustCompile(rapid.SampledFrom(patterns).Draw(t, "pattern"))
		template := []byte(rapid.SampledFrom(templates).Draw(t, "template"))
		words := rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "b", "c", "ab", "A", "K", "\u212a", "k", "é", "€", "\U0001d11e", "\n", "\r\n", " ", "x", "y", "\xe2\x82", "\xff", "\xc3", "\ufffd",
		}), 0, 25).Draw(t, "text")
		text := []byte(strings.Join(words, ""))
		want := re.ReplaceAll(text, template)
		got, _, err := apply(replaceRegexp(re, template), cut(t, text)...)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("replace %s by %q in %q: got %q, %v, want %q", re, template, text, got, err, want)
		}
	})
}

func TestRewriteHoldsBackOnlyABeginning(t *testing.T) {
	for _, c := range []struct {
		name, pattern, piece, out string
	}{
		{"a certain match at the end goes out", `foo`, "xfoo", "xN"},
		{"a certain match with an alternative", `foo|bar`, "xbar", "xN"},
		{"a match that may go on is held", `fo+`, "xfoo", "x"},
		{"lazy is certain", `fo+?`, "xfo", "xN"},
		{"a beginning is held", `foo[0-9]`, "x foo", "x "},
		{"from the earliest beginning", `foo[0-9]|o`, "x fo", "x "},
		{"an event leaves at once", `[a-z]+\d`, "data: 12\n\n", "data: 12\n\n"},
		{"what follows must be seen", `foo$`, "xfoo", "x"},
		{"what follows must be seen here too", `foo\b`, "xfoo", "x"},
		{"an impossible beginning is not held", `\bfoo`, "xfo", "xfo"},
		{"nothing matches after the beginning", `^foo`, "xfo", "xfo"},
		{"a cut character", `é`, "x\xc3", "x"},
		{"a cut character that begins nothing", `[a-z]+!`, "1\xc3", "1\xc3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, early, err := apply(replaceRegexp(regexp.MustCompile(c.pattern), []byte("N")), []byte(c.piece))
			if err != nil || string(got[:early]) != c.out {
				t.Errorf("got %q, %v, want %q", got[:early], err, c.out)
			}
		})
	}
}

func TestRewriteWindow(t *testing.T) {
	long := bytes.Repeat([]byte("a"), 3*matchWindow)
	pieces := [][]byte{long[:10], long[10 : 2*matchWindow], long[2*matchWindow:], []byte("b!")}
	whole := append(bytes.Clone(long), "b!"...)
	t.Run("what is no match within the window goes out unchanged", func(t *testing.T) {
		tr := replaceRegexp(regexp.MustCompile(`xa*b`), []byte("N"))
		got, early, err := apply(tr, append([][]byte{[]byte("x")}, pieces...)...)
		if want := "x" + string(whole); err != nil || string(got) != want {
			t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
		}
		if early < len(whole)-3 {
			t.Errorf("%d bytes are still held", len(whole)-early)
		}
	})
	t.Run("a match ends where the window ends", func(t *testing.T) {
		got, _, err := apply(replaceRegexp(regexp.MustCompile(`a+`), []byte("N")), pieces...)
		if want := "NNNb!"; err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got[:min(len(got), 40)], err, want)
		}
	})
	t.Run("the cuts make no difference", func(t *testing.T) {
		re := regexp.MustCompile(`a+b?`)
		one, _, _ := apply(replaceRegexp(re, []byte("<$0>")), whole)
		many, _, _ := apply(replaceRegexp(re, []byte("<$0>")), pieces...)
		if !bytes.Equal(one, many) {
			t.Errorf("%d and %d bytes", len(one), len(many))
		}
	})
}

func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := bytesOf(t, "ab\n\r", 40, "text")
		var want [][]byte
		for line := range bytes.Lines(text) {
			want = append(want, line)
		}
		var got [][]byte
		tr := Lines(func(line []byte) ([]byte, error) {
			got = append(got, bytes.Clone(line))
			return append([]byte("> "), line...), nil
		})
		out, _, err := apply(tr, cut(t, text)...)
		if err != nil || !bytes.Equal(bytes.Join(got, []byte("|")), bytes.Join(want, []byte("|"))) {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		if n := len(text) + 2*len(want); len(out) != n {
			t.Fatalf("%d bytes came out, want %d", len(out), n)
		}
	})
	t.Run("a long line comes in parts", func(t *testing.T) {
		var sizes []int
		tr := Lines(func(line []byte) ([]byte, error) { sizes = append(sizes, len(line)); return nil, nil })
		if _, _, err := apply(tr, make([]byte, maxLine-1), make([]byte, maxLine), []byte("\nx\n")); err != nil {
			t.Fatal(err)
		}
		want := []int{maxLine, maxLine - 1 + 1, 2}
		if len(sizes) != 3 || sizes[0] != want[0] || sizes[1] != want[1] || sizes[2] != want[2] {
			t.Errorf("got %v, want %v", sizes, want)
		}
	})
	t.Run("an error breaks the body", func(t *testing.T) {
		bad := errors.New("bad line")
		_, _, err := apply(Lines(func([]byte) ([]byte, error) { return nil, bad }), []byte("x\n"))
		if !errors.Is(err, bad) {
			t.Errorf("got %v", err)
		}
	})
}

func FuzzRewrite(f *testing.F) {
	f.Add(`a(b|c)*\b`, "[$1]", []byte("abcbc abc\xc3\xa9"), uint8(3))
	f.Add(`(?m)^\s*$`, "", []byte("a\n\n\nb"), uint8(1))
	f.Add(`x*`, "-", []byte("axxb"), uint8(2))
	f.Fuzz(func(t *testing.T, pattern, template string, text []byte, size uint8) {
		re, err := regexp.Compile(pattern)
		if err != nil || len(pattern) > 60 || len(text) > 400 || size == 0 {
			t.Skip()
		}
		var pieces [][]byte
		for rest := text; len(rest) > 0; {
			n := min(int(size), len(rest))
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		want := re.ReplaceAll(text, []byte(template))
		got, _, err := apply(replaceRegexp(re, []byte(template)), pieces...)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("replace %q by %q in %q: got %q, %v, want %q", pattern, template, text, got, err, want)
		}
	})
}

// A pattern of octets takes each octet for itself, whatever the text would be.
func TestRewriteOfOctetsIsReplaceAllOfThem(t *testing.T) {
	const zero = 0xe000
	mapped := func(p []byte) string {
		var b strings.Builder
		for _, c := range p {
			if c < 0x80 {
				b.WriteByte(c)
			} else {
				b.WriteRune(zero + rune(c))
			}
		}
		return b.String()
	}
	patterns := []*regexp.Regexp{
		regexp.MustCompile("\ue0c3."), regexp.MustCompile("(?s)a..b"), regexp.MustCompile("[\ue080-\ue0bf]+"), regexp.MustCompile("\ue0c3\ue0a9"), regexp.MustCompile("[^a]b"),
	}
	rapid.Check(t, func(t *rapid.T) {
		text := bytesOf(t, "ab\xc3\xa9\xff", 40, "text")
		re := rapid.SampledFrom(patterns).Draw(t, "pattern")
		w, err := NewRewriteWith(re, []byte("-"), RewriteOptions{Octets: zero})
		if err != nil {
			t.Fatal(err)
		}
		matched := 0
		got, _, err := apply(w.TransformWatched(RewriteWatch{Matched: func() { matched++ }}), cut(t, text)...)
		want := re.ReplaceAllString(mapped(text), "-")
		if err != nil || mapped(got) != want || matched != len(re.FindAllString(mapped(text), -1)) {
			t.Fatalf("%s in %q: %q, %v, want %q; %d matches", re, text, got, err, want, matched)
		}
	})
}

func TestALongMatchIsGivenUpAndTold(t *testing.T) {
	w, err := NewRewriteWith(regexp.MustCompile(`<a*>`), []byte("-"), RewriteOptions{Window: 10})
	if err != nil {
		t.Fatal(err)
	}
	long := 0
	watch := RewriteWatch{Long: func() { long++ }}
	in := "<aaa><aaaaaaaaaaaaaaaa><aaaaaaaaaaaaaaaaaaaa><aa>"
	got, _, err := apply(w.TransformWatched(watch), []byte(in[:13]), []byte(in[13:]))
	if want := "-" + in[5:len(in)-4] + "-"; err != nil || string(got) != want || long != 1 {
		t.Errorf("got %q, %v, want %q; told %d times", got, err, want, long)
	}
}

// replaceRegexp is the transform of one body by NewRewrite.
func replaceRegexp(re *regexp.Regexp, template []byte) hook.Transform {
	w, err := NewRewrite(re, template)
	if err != nil {
		panic(err)
	}
	return w.Transform()
}
