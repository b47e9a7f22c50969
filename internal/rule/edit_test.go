package rule

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"midstream/internal/query"
)

func file(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// edited opens a file, changes it and saves it.
func edited(path string, edit func(*Document) error) error {
	d, err := Open(path, kinds(), query.Folded)
	if err != nil {
		return err
	}
	if err := edit(d); err != nil {
		return err
	}
	return d.Save()
}

func TestTurn(t *testing.T) {
	const text = `# all of it stays
- name: one # a comment
  when: ~d a
  do: drop
- do: drop
  on: true   # so far
- name: last
  do: drop
  on: no
`
	turn := func(path, name string, on bool) (changed bool, err error) {
		err = edited(path, func(d *Document) error { changed, err = d.Turn(name, on); return err })
		return changed, err
	}
	for _, c := range []struct {
		name     string
		on       bool
		old, new string
	}{
		{"one", false, "- name: one #", "- on: false\n  name: one #"},
		{"one", true, "", ""},
		{"drop 2", false, "on: true   #", "on: false   #"},
		{"last", true, "on: no\n", "on: true\n"},
		{"last", false, "", ""},
	} {
		path := file(t, text)
		changed, err := turn(path, c.name, c.on)
		got, _ := os.ReadFile(path)
		if want := strings.Replace(text, c.old, c.new, 1); err != nil || string(got) != want || changed != (c.old != c.new) {
			t.Errorf("%s %v: changed %v, %v\n%s", c.name, c.on, changed, err, got)
		}
	}
	if _, err := turn(file(t, text), "none", true); err == nil || !strings.Contains(err.Error(), `there is no rule "none"`) {
		t.Error(err)
	}
	if _, err := turn(file(t, "- {name: x, do: drop}\n"), "x", false); err == nil || !strings.Contains(err.Error(), "by hand") {
		t.Error(err)
	}
}

func TestAdd(t *testing.T) {
	add := func(path string, r Rule, before string) error {
		return edited(path, func(d *Document) error { return d.Add(r, before) })
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	for _, colour := range []string{"#f00", "a: b", "@x", "two\nlines", `\1"'`, "tab\tand\r", "true", " led"} {
		if err := add(path, Rule{Name: colour, When: `~u "a b"`, Do: "paint", Params: map[string]string{"colour": colour}}, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := add(path, Rule{Name: "first", Off: true, Do: "drop"}, "#f00"); err != nil {
		t.Fatal(err)
	}
	list, err := ReadFile(path, kinds(), query.Folded)
	if err != nil || len(list) != 9 || list[0].Name != "first" || !list[0].Off {
		t.Fatalf("%d rules, %v", len(list), err)
	}
	for _, r := range list[1:] {
		if r.Params["colour"] != r.Name || r.When != `~u "a b"` {
			t.Errorf("%q became %q", r.Name, r.Params["colour"])
		}
	}
	if err := add(path, Rule{Name: "@x", Do: "drop"}, ""); err == nil {
		t.Error("a name was taken twice")
	}
	if err := add(file(t, "[]\n"), Rule{Name: "x", Do: "drop"}, ""); err == nil {
		t.Error("a rule was added to what is no list in lines")
	}
}

const written = `# Rules of the house.

# paint it
- name: one # the first
  when: ~d a # there
  do: paint
  colour: red

- do: drop
# of another kind
- name: three
  on: no
  do: paint
  colour: |
    two
    # lines
`

func TestWhatIsNotChangedStaysAsItIsWritten(t *testing.T) {
	for _, c := range []struct {
		what string
		edit func(*Document) error
		old  []string // pairs: what goes, what comes in its place
	}{
		{"nothing", func(d *Document) error { return d.Change("drop 2", Rule{Name: "drop 2", Do: "drop"}) }, nil},
		{"a parameter", func(d *Document) error {
			return d.Change("one", Rule{Name: "one", When: "~d a", Do: "paint", Params: map[string]string{"colour": "blue", "coat": "2"}})
		}, []string{"colour: red\n", "colour: blue\n  coat: \"2\"\n"}},
		{"a filter, off", func(d *Document) error {
			return d.Change("one", Rule{Name: "one", Off: true, Do: "paint", Params: map[string]string{"colour": "red"}})
		}, []string{"- name: one", "- on: false\n  name: one", "  when: ~d a # there\n", ""}},
		{"a name", func(d *Document) error { return d.Change("drop 2", Rule{Name: "two", Do: "drop"}) }, []string{"- do: drop", "- name: two\n  do: drop"}},
		{"the first key", func(d *Document) error {
			return d.Change("one", Rule{Name: "uno", When: "~d a", Do: "paint", Params: map[string]string{"colour": "red"}})
		}, []string{"- name: one # the first", "- name: uno"}},
		{"a kind", func(d *Document) error { return d.Change("three", Rule{Name: "three", Do: "drop"}) },
			[]string{"  on: no\n  do: paint\n  colour: |\n    two\n    # lines\n", "  do: drop\n"}},
		{"one less", func(d *Document) error { return d.Delete("three") }, []string{written[strings.Index(written, "# of another"):], ""}},
		{"the order", func(d *Document) error { return d.Order([]string{"three", "one", "drop 2"}) }, []string{
			written[strings.Index(written, "# of another"):], "", "# paint it", written[strings.Index(written, "# of another"):] + "# paint it"}},
	} {
		path := file(t, written)
		want := written
		for i := 0; i < len(c.old); i += 2 {
			want = strings.Replace(want, c.old[i], c.old[i+1], 1)
		}
		err := edited(path, c.edit)
		if got, _ := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", c.what, err, got, want)
		}
	}
	for _, c := range []struct {
		want string
		edit func(*Document) error
	}{
		{`there is no rule "x"`, func(d *Document) error { return d.Delete("x") }},
		{`"one" is named twice`, func(d *Document) error { return d.Order([]string{"one", "one"}) }},
		{`"drop 2" is not named`, func(d *Document) error { return d.Order([]string{"one", "three"}) }},
		{`another of this name`, func(d *Document) error { return d.Change("drop 2", Rule{Name: "one", Do: "drop"}) }},
		{`paint needs colour`, func(d *Document) error { return d.Change("one", Rule{Name: "one", Do: "paint"}) }},
	} {
		path := file(t, written)
		err := edited(path, c.edit)
		if got, _ := os.ReadFile(path); err == nil || !strings.Contains(err.Error(), c.want) || string(got) != written {
			t.Errorf("%v, want %s\n%s", err, c.want, got)
		}
	}
}

func TestAFileThatSomebodyElseHasWritten(t *testing.T) {
	path := file(t, written)
	d, err := Open(path, kinds(), query.Folded)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Delete("three"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("- do: drop\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Save(); !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
}

// Counts follow a rule through a reload: by its name, and without one by what it
// says.
func TestKeep(t *testing.T) {
	read := func(text string) []*Rule {
		list, err := Parse("r.yaml", []byte(text), kinds(), query.Folded)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	old := read("- do: drop\n- do: drop\n  when: ~q\n- name: a\n  do: drop\n")
	for i, r := range old {
		for range i + 1 {
			r.Hit()
		}
	}
	now := read("- name: a\n  do: drop\n  when: ~s\n- do: drop\n  when: ~q\n- do: drop\n- do: drop\n")
	Keep(now, old)
	for i, want := range []int64{3, 2, 1, 0} {
		if got := now[i].Hits(); got != want {
			t.Errorf("%d: %d hits, want %d", i, got, want)
		}
	}
}

// Whatever the file: what was asked for is done and nothing else, or nothing at
// all.
func FuzzEdit(f *testing.F) {
	f.Add("- name: a\n  do: drop\n  on: no\n", "a", "b", "", uint8(0))
	f.Add("-  do: drop\n   when: ~q\n", "drop 1", "x", "~s", uint8(1))
	for i := range uint8(5) {
		f.Add(written, "one", "red", "~q", i)
	}
	f.Fuzz(func(t *testing.T, text, name, colour, when string, what uint8) {
		path := file(t, text)
		before, err := ReadFile(path, kinds(), query.Folded)
		if err != nil {
			return
		}
		r := Rule{Name: name + "2", When: when, Do: "paint", Params: map[string]string{"colour": colour}}
		err = edited(path, func(d *Document) error {
			switch what % 5 {
			case 0:
				_, err := d.Turn(name, what > 9)
				return err
			case 1:
				return d.Add(r, name)
			case 2:
				return d.Change(name, r)
			case 3:
				return d.Delete(name)
			default:
				var names []string
				for i := len(before); i > 0; i-- {
					names = append(names, before[i-1].Name)
				}
				return d.Order(names)
			}
		})
		if err != nil {
			if now, _ := os.ReadFile(path); string(now) != text {
				t.Fatal("it was changed in spite of an error")
			}
			return
		}
		if _, err := ReadFile(path, kinds(), query.Folded); err != nil {
			t.Fatal(err)
		}
	})
}
