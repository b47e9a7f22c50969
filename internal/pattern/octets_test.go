package pattern

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestOctets(t *testing.T) {
	for _, c := range []struct {
		text, subject string
		flags         Flags
		want          bool
	}{
		{"content", "my CONTENT", IgnoreCase, true},
		{"content", "my CONTENT", 0, false},
		{"яч", "xячx", IgnoreCase, true},
		{"я.", "яч", 0, true},
		{"^.{4}$", "яч", 0, true}, // four octets
		{"^.{2}$", "яч", 0, false},
		{"^[^a]{4}$", "яч", 0, true},
		{`\xd1\x8f`, "я", 0, true},
		{`[\x80-\xff]`, "я", 0, true},
		{`[\x80-\xff]`, "ya", 0, false},
		{`\321\217`, "я", 0, true},
		{"Ä", "ä", IgnoreCase, false}, // Python folds ASCII only here
		{"á", "ã\x81", IgnoreCase, false},
		{`\w`, "я", 0, false},
		{"k", "\u212a", IgnoreCase, false}, // the Kelvin sign
		{"s+t", "\u017ft", IgnoreCase, false},
		{"s+t", "яST", IgnoreCase, true},
		{"a.b", "a\nb", DotAll, true},
		{"a.b", "a\nb", 0, false},
		{"end$", "the end\n", 0, true},
		{"end$", "the end\nx", 0, false},
		{"end$", "the end\nx", Multiline, true},
		{"foo(?!bar)", "foobar foobaz", 0, true},
		{"foo(?!ba)", "foobar foobaz", 0, false},
		{`(a)\1`, "xaax", 0, true},
		{"", "", 0, true},
		{"[0-9]+x", "я12X", IgnoreCase, true},
		{`\.js`, "x.js", 0, true},
		{`\.js`, "xyjs", 0, false},
	} {
		o, err := CompileOctets(c.text, c.flags)
		if err != nil {
			t.Fatal(err)
		}
		if got := o.Match([]byte(c.subject)); got != c.want {
			t.Errorf("%q in %q, flags %d: %t", c.text, c.subject, c.flags, got)
		}
		for _, r := range []io.Reader{strings.NewReader(c.subject), iotest.OneByteReader(strings.NewReader(c.subject))} {
			if got, err := o.Search(r); err != nil || got != c.want {
				t.Errorf("%q in a stream of %q: %t, %v", c.text, c.subject, got, err)
			}
		}
	}
}

func TestOctetsErrorsHaveTheirPlace(t *testing.T) {
	for text, offset := range map[string]int{"яч[": 4, "a(b": 1, `\xff*+*`: 6} {
		_, err := CompileOctets(text, 0)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Offset != offset || e.Pattern != text {
			t.Errorf("%q: %v, offset %d", text, err, e.Offset)
		}
	}
}

// What is looked for lies across any border of reads and windows.
func TestSearchOfLongStreams(t *testing.T) {
	filler := strings.Repeat("0123456789abcdef", 1<<16) // 1 MiB
	for _, text := range []string{"needle", "need[l]e", "nee(?=dle)", "n.*?e\\dle|needle"} {
		o, err := CompileOctets(text, IgnoreCase|DotAll)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range []int{0, 4095, firstRead + 3, window - 3, window, window + overlap - 2, 2*window - overlap - 1} {
			long := filler + filler + filler
			subject := long[:at] + "NEEDLE" + long[at:]
			if got, err := o.Search(iotest.HalfReader(strings.NewReader(subject))); err != nil || !got {
				t.Errorf("%q at %d: %t, %v", text, at, got, err)
			}
		}
		if got, err := o.Search(strings.NewReader(strings.ReplaceAll(filler+filler, "e", "f"))); err != nil || got {
			t.Errorf("%q: %t, %v", text, got, err)
		}
		broken := errors.New("broken")
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", window+100)), iotest.ErrReader(broken))
		if got, err := o.Search(r); got || !errors.Is(err, broken) {
			t.Errorf("%q in a broken stream: %t, %v", text, got, err)
		}
	}
}

func FuzzOctets(f *testing.F) {
	f.Add("a+b", "xaab", uint8(1))
	f.Add("я[^x]", "яч", uint8(4))
	f.Fuzz(func(t *testing.T, text, subject string, flags uint8) {
		o, err := CompileOctets(text, Flags(flags)&31)
		if err != nil || len(subject) > 1<<12 || len(text) > 64 {
			return
		}
		want := o.p.MatchString(mapOctets([]byte(subject)))
		if got := o.Match([]byte(subject)); got != want {
			t.Errorf("%q in %q, flags %d: %t, the long way %t", text, subject, flags, got, want)
		}
		if got, err := o.Search(iotest.OneByteReader(strings.NewReader(subject))); err != nil || got != want {
			t.Errorf("%q in a stream of %q: %t, %v, want %t", text, subject, got, err, want)
		}
	})
}
