package tnet_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"midstream/internal/format"
	. "midstream/internal/format/tnet"
)

func parse(t *testing.T, s string) (Value, error) {
	t.Helper()
	v, _, err := Parse(format.Octets(s), 0, int64(len(s)))
	return v, err
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	long := strings.Repeat("x", 5000)
	many := make([]Value, 20000)
	for i := range many {
		many[i] = NewInt(int64(i))
	}
	v := NewDict(
		Entry{"text", NewText("grün")}, Entry{"octets", NewOctets("\x00\xff")}, Entry{"int", NewInt(-7)},
		Entry{"float", NewFloat(1690281721.8418682)}, Entry{"whole", NewFloat(3)}, Entry{"yes", NewBool(true)}, Entry{"no", NewBool(false)},
		Entry{"null", Value{}}, Entry{"list", NewList(NewInt(1), NewList(), NewDict())}, Entry{"long", NewOctets(long)},
		Entry{"section", NewSection(io.NewSectionReader(format.Octets("abcdef"), 1, 3))}, Entry{"many", NewList(many...)},
		Entry{"made", NewElements(func(add func(Value) error) error { return errors.Join(add(NewInt(1)), add(NewText("two"))) })},
	)
	var b bytes.Buffer
	n, err := v.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatal(n, b.Len(), err)
	}
	got, err := parse(t, b.String())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"text": "grün", "octets": "\x00\xff", "long": long, "section": "bcd", "float": "1690281721.8418682", "whole": "3.0"} {
		if p, err := got.Key(key).Bytes(1 << 20); string(p) != want || err != nil {
			t.Errorf("%s is %.40q, %v", key, p, err)
		}
	}
	if n, err := got.Key("int").Int(); n != -7 || err != nil {
		t.Error(n, err)
	}
	if f, err := got.Key("float").Float(); f != 1690281721.8418682 || err != nil {
		t.Error(f, err)
	}
	if on, err := got.Key("yes").Bool(); !on || err != nil {
		t.Error(on, err)
	}
	if !got.Key("null").IsNull() || !got.Key("absent").IsNull() {
		t.Error("null is not null")
	}
	sum := int64(0)
	for e, err := range got.Key("many").Each() {
		n, err2 := e.Int()
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		sum += n
	}
	if sum != 20000*19999/2 {
		t.Error("a list that is read element by element has the sum", sum)
	}
	made, err := got.Key("made").Items(10)
	if err != nil || len(made) != 2 || made[1].Tag() != Text {
		t.Error(made, err)
	}
	var again bytes.Buffer
	if _, err := got.WriteTo(&again); err != nil || again.String() != b.String() {
		t.Error("it is not written as it was read", err)
	}
	if _, err := got.Key("many").Items(100); err == nil {
		t.Error("a list longer than the limit is taken")
	}
	if _, err := got.Key("long").Bytes(100); err == nil {
		t.Error("octets above the limit are taken")
	}
}

func TestNumbersThatAreNoneAreWrittenAsZero(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1)} {
		v := NewFloat(f)
		if p, _ := v.Bytes(10); string(p) != "0.0" {
			t.Errorf("%v is written %q", f, p)
		}
	}
}

func TestDamageIsAnErrorWithItsPlace(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"x", `at byte 0: "x" where the length of an element was expected`},
		{":,", `at byte 0: ":," where the length`},
		{"9999999999999:x,", "at byte 0: the length of an element has more than 12 digits"},
		{"1:x?", `at byte 3: '?' where the tag`},
		{"1:x~", "at byte 2: null has a payload"},
		{"4:TRUE!", `where true or false was expected`},
		{"8:1:a,2:b}}", "at byte 6: an element goes on behind"},
		{"5:1:1#~}", "at byte"},
		{"4:9:a,}", "goes on behind the end of what holds it"},
		{"", "the file ends inside an element"},
		{"12", "the file ends inside an element"},
		{strings.Repeat("9:", 3) + "a", "the file ends inside an element"},
	} {
		_, err := parse(t, c.in)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q gives %v, want %q", c.in, err, c.want)
		}
	}
	deep := ""
	for range 200 {
		deep = wrap(deep)
	}
	if _, err := parse(t, deep); err == nil || !strings.Contains(err.Error(), "nested deeper than 64") {
		t.Error("200 lists in one another give", err)
	}
}

func wrap(s string) string {
	var b bytes.Buffer
	v := NewOctets(s)
	_, _ = v.WriteTo(&b)
	return strings.TrimSuffix(b.String(), ",") + "]"
}

func TestADictionaryThatIsCutOffHasWhatIsWholeOfIt(t *testing.T) {
	v := NewDict(Entry{"first", NewText("here")}, Entry{"second", NewOctets(strings.Repeat("y", 100))})
	var b bytes.Buffer
	_, _ = v.WriteTo(&b)
	got, err := parse(t, b.String()[:b.Len()-20])
	if !errors.Is(err, ErrCut) {
		t.Fatal(err)
	}
	if p, _ := got.Key("first").Bytes(10); string(p) != "here" || got.Key("second") != nil {
		t.Errorf("first is %q and second %v", p, got.Key("second"))
	}
}

func TestAWrongKindIsAnError(t *testing.T) {
	v := NewText("x")
	if _, err := v.Int(); err == nil || err.Error() != "text where an integer was expected" {
		t.Error(err)
	}
	if _, err := v.Items(1); err == nil {
		t.Error("text is a list")
	}
	n := NewInt(1)
	if _, err := n.Section(); err == nil {
		t.Error("an integer has a section")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0:~", "5:hello,", "8:1:a;1:1#}", "12:4:list]1:1#1:x", "3:1:#]", "999999999999:x"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		v, next, err := Parse(format.Octets(p), 0, int64(len(p)))
		if next < 0 || next > int64(len(p))+1 {
			t.Fatal("read to", next, "of", len(p))
		}
		if err != nil {
			return
		}
		var b bytes.Buffer
		if _, err := v.WriteTo(&b); err != nil {
			return // an element that is read when it is asked for is damaged
		}
		if _, _, err := Parse(format.Octets(b.Bytes()), 0, int64(b.Len())); err != nil {
			t.Fatalf("%q is written as %q, which is not read: %v", p, b.Bytes(), err)
		}
	})
}
