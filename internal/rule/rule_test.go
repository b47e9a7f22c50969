package rule

import (
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
)

func kinds() []Kind {
	return []Kind{
		{Name: "paint", Params: []Param{{Name: "colour", Required: true, Help: "as red"}, {Name: "coat", Help: "how many"}}},
		{Name: "drop"},
	}
}

func TestParse(t *testing.T) {
	const good = `# a comment
- name: red
  when: ~d a.test & ~m GET
  do: paint
  colour: "#f00"
- do: drop
  on: false
`
	list, err := Parse("r.yaml", []byte(good), kinds(), query.Folded)
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || list[0].Name != "red" || list[0].Params["colour"] != "#f00" || list[0].Off || list[0].From != "r.yaml:2:3" || list[1].Name != "drop 2" || !list[1].Off {
		t.Fatalf("%+v %+v", list[0], list[1])
	}
	if len(Of(list, "drop")) != 0 || len(Of(list, "paint")) != 1 {
		t.Error("a rule that is off runs")
	}
	for _, c := range []struct{ text, want string }{
		{"- do: pant\n  colour: x\n", `r.yaml:1:3: rule "pant 1": there is no kind "pant": did you mean paint?`},
		{"- do: frob\n", `do is one of paint, drop`},
		{"- do: paint\n", `paint needs colour: as red`},
		{"- do: drop\n  colour: x\n", `drop has no "colour"`},
		{"- do: paint\n  color: x\n  colour: y\n", `paint has no "color": did you mean colour?`},
		{"- do: drop\n  when: ~d\n", `~d wants a regular expression`},
		{"- do: drop\n  when: ~b x\n", `the filter asks for bodies`},
		{"- name: a\n  do: drop\n- name: a\n  do: drop\n", `r.yaml:3:3: rule "a": there is another of this name`},
		{"- name: a\n", `a rule needs do: KIND`},
		{"- do: drop\n  on: perhaps\n", `on is true or false, not "perhaps"`},
		{"do: drop\n", `a file of rules is a list`},
		{"- drop\n", `a file of rules is a list`},
		{"- do: [a]\n", `expected a text or a number`},
		{"- do: drop\n  - x\n", `r.yaml:`},
	} {
		if _, err := Parse("r.yaml", []byte(c.text), kinds(), query.Folded); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestSplit(t *testing.T) {
	for _, c := range []struct {
		value, filter string
		n             int
		want          string // parts, or the error
	}{
		{"/a/b", "", 2, "a|b"}, {"/~q/a/b/c", "~q", 2, "a|b/c"}, {":~d x:a/:b", "~d x", 2, "a/|b"}, {"/a/", "", 2, "a|"},
		{"|~u /x|404", "~u /x", 1, "404"}, {"€a€b", "", 2, "a|b"},
		{"", "", 2, "error: empty"}, {"/a", "", 2, "error: it has 1 parts"}, {"//a/b", "", 2, "error: the filter between"}, {"\xffa\xffb", "", 2, "error: empty"},
	} {
		filter, parts, err := Split(c.value, c.n)
		if want, bad := strings.CutPrefix(c.want, "error: "); bad {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %s", c.value, err, want)
			}
		} else if err != nil || filter != c.filter || strings.Join(parts, "|") != c.want {
			t.Errorf("%q: %q %q %v", c.value, filter, parts, err)
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`a`: "a", `a\nb`: "a\nb", `\x41\101\\`: `AA\`, `\d\.`: `\d\.`, `\"`: `"`, `\0`: "\x00", "a\\\nb": "ab", `\xff`: "\xff",
	} {
		if got, err := Unescape(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, bad := range []string{`\`, `\x4`, `\xzz`} {
		if _, err := Unescape(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestCountsAreKeptOverAReload(t *testing.T) {
	load := func() []*Rule {
		list, err := Parse("r.yaml", []byte("- name: a\n  do: drop\n"), kinds(), query.Folded)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	old, fresh := load(), load()
	old[0].Hit()
	Keep(fresh, old)
	fresh[0].Hit()
	if fresh[0].Hits() != 2 || !fresh[0].Same(old[0]) {
		t.Errorf("%d hits", fresh[0].Hits())
	}
}

// What a guard cannot tell in time is caught.
func TestAGuardCatchesWhatItCannotTell(t *testing.T) {
	r, err := New(Rule{Name: "slow", Do: "drop", When: `~u "(?=a)(a+)+\\1b$"`}, kinds(), query.Folded)
	if err != nil {
		t.Fatal(err)
	}
	x, _ := hook.NewExchange(flow.Request{Scheme: "http", Host: "x.test", Port: 80, Path: "/" + strings.Repeat("a", 4000) + "c"}, nil, nil, nil)
	if r.Matches(Picture(x)) {
		t.Error("it matches")
	}
	if yes, slow := r.Catches(Picture(x)); !yes || !slow {
		t.Errorf("caught %v, slow %v", yes, slow)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("- name: a\n  when: ~q\n  do: paint\n  colour: x\n"))
	f.Add([]byte("- {do: drop, on: no}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := Parse("r.yaml", data, kinds(), query.Folded)
		if err != nil && len(list) > 0 {
			t.Fatal("an error and rules")
		}
	})
}

func FuzzSplit(f *testing.F) {
	f.Add("/~q/a/b", 2)
	f.Fuzz(func(t *testing.T, value string, n int) {
		if n < 1 || n > 3 {
			return
		}
		filter, parts, err := Split(value, n)
		if err != nil {
			return
		}
		size := len(value) - len(filter)
		for _, p := range parts {
			size -= len(p)
			Unescape(p)
		}
		if len(parts) != n || size <= 0 {
			t.Fatalf("%q became %q and %q", value, filter, parts)
		}
	})
}
