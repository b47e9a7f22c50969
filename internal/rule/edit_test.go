package rule

import (
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
		changed, err := Turn(path, c.name, c.on, kinds(), query.Folded)
		got, _ := os.ReadFile(path)
		if want := strings.Replace(text, c.old, c.new, 1); err != nil || string(got) != want || changed != (c.old != c.new) {
			t.Errorf("%s %v: changed %v, %v\n%s", c.name, c.on, changed, err, got)
		}
	}
	if _, err := Turn(file(t, text), "none", true, kinds(), query.Folded); err == nil || !strings.Contains(err.Error(), `there is no rule "none"`) {
		t.Error(err)
	}
	path := file(t, "- {name: x, do: drop}\n")
	if _, err := Turn(path, "x", false, kinds(), query.Folded); err == nil || !strings.Contains(err.Error(), "by hand") {
		t.Error(err)
	}
}

func TestAdd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	for _, colour := range []string{"#f00", "a: b", "@x", "two\nlines", `\1"'`} {
		if err := Add(path, Rule{Name: colour, When: `~u "a b"`, Do: "paint", Params: map[string]string{"colour": colour}}, kinds(), query.Folded); err != nil {
			t.Fatal(err)
		}
	}
	list, err := ReadFile(path, kinds(), query.Folded)
	if err != nil || len(list) != 5 {
		t.Fatalf("%d rules, %v", len(list), err)
	}
	for _, r := range list {
		if r.Params["colour"] != r.Name || r.When != `~u "a b"` {
			t.Errorf("%q became %q", r.Name, r.Params["colour"])
		}
	}
	if err := Add(path, Rule{Name: "@x", Do: "drop"}, kinds(), query.Folded); err == nil {
		t.Error("a name was taken twice")
	}
	if err := Add(file(t, "[]\n"), Rule{Name: "x", Do: "drop"}, kinds(), query.Folded); err == nil {
		t.Error("a rule was added to what is no list in lines")
	}
}

// Whatever the file: a rule that was turned is turned, and no other changes.
func FuzzTurn(f *testing.F) {
	f.Add("- name: a\n  do: drop\n  on: no\n", "a", true)
	f.Add("-  do: drop\n   when: ~q\n", "drop 1", false)
	f.Fuzz(func(t *testing.T, text, name string, on bool) {
		path := file(t, text)
		before, err := ReadFile(path, kinds(), query.Folded)
		if err != nil {
			return
		}
		if _, err := Turn(path, name, on, kinds(), query.Folded); err != nil {
			if now, _ := os.ReadFile(path); string(now) != text {
				t.Fatal("it was changed in spite of an error")
			}
			return
		}
		now, err := ReadFile(path, kinds(), query.Folded)
		if err != nil || len(now) != len(before) {
			t.Fatalf("%v", err)
		}
		for i, r := range now {
			if b := *before[i]; b.Name == name && r.Off != on {
				b.Off = r.Off
				if !r.Same(&b) {
					t.Fatalf("%+v became %+v", before[i], r)
				}
			} else if !r.Same(before[i]) {
				t.Fatalf("%+v became %+v", before[i], r)
			}
		}
	})
}
