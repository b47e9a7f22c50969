package yamlfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"
)

func TestRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if data, err := Read(path, 4); data != nil || err != nil {
		t.Errorf("no file: %q, %v", data, err)
	}
	if err := os.WriteFile(path, []byte("a: 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if data, err := Read(path, 4); string(data) != "a: 1" || err != nil {
		t.Errorf("%q, %v", data, err)
	}
	if data, err := Read(path, 3); data != nil || !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %q, %v", data, err)
	}
	if _, err := Read(filepath.Dir(path), 4); err == nil {
		t.Error("a folder is read")
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]int{"": 0, "# nothing": 0, "---\n---\n": 0, "a: 1": 1, "\ufeffa: 1\r\nb: 2\r\n": 1, "\ufeff": 0, "a: 1\n---\n- b\n": 2} {
		if documents, err := Parse("f", []byte(text)); err != nil || len(documents) != want {
			t.Errorf("%q: %d, %v, want %d", text, len(documents), err, want)
		}
	}
	_, err := Parse("f", []byte("a: 1\nb: [\n"))
	if e, ok := errors.AsType[*Error](err); !ok || !strings.HasPrefix(e.Place, "f:2:") || !strings.HasPrefix(e.Text, "not YAML: ") || strings.Contains(e.Text, "\n") {
		t.Errorf("%v", err)
	}
}

func TestScalarsAreAsTheyAreWritten(t *testing.T) {
	documents, err := Parse("f", []byte("- 0755\n- 1.10\n- yes\n- true\n- .inf\n- 'a b'\n- |\n  x\n  y\n- [1]\n- a: 1\n- ~\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"0755", "1.10", "yes", "true", ".inf", "a b", "x\ny\n", "", "", ""}
	for i, n := range documents[0].(*ast.SequenceNode).Values {
		if got, ok := Scalar(n); got != want[i] || ok != (i < 7) {
			t.Errorf("%d: %q, %v, want %q", i, got, ok, want[i])
		}
	}
	if got := Place("f", documents[0].(*ast.SequenceNode).Values[1]); got != "f:2:3" {
		t.Error(got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a: 1\nb: [c, d]\n")
	f.Add("- name: x\n  when: '~d a'\n")
	f.Fuzz(func(t *testing.T, text string) {
		documents, err := Parse("f", []byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f:") || strings.Contains(err.Error(), "\n") {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, n := range documents {
			Scalar(n)
			if !strings.HasPrefix(Place("f", n), "f") {
				t.Fatal(Place("f", n))
			}
		}
	})
}
