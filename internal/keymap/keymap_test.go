package keymap

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "make keys.json anew from the page's table")

var (
	verbLine = regexp.MustCompile(`(?m)^  \{ id: '([^']+)', keys: \[([^\n]*)\], says: '([^\n]*)', where: '([a-z]+)' \},$`)
	oneKey   = regexp.MustCompile(`'((?:[^'\\]|\\.)*)'`)
)

// The page's table and the one that is served are the same.
func TestThePageHasTheSameVerbs(t *testing.T) {
	text, err := os.ReadFile("../../web/src/core/keymap.ts")
	if err != nil {
		t.Fatal(err)
	}
	plain := func(s string) string { return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(s) }
	var page []Verb
	for _, m := range verbLine.FindAllSubmatch(text, -1) {
		v := Verb{ID: string(m[1]), Says: plain(string(m[3])), Where: string(m[4]), Keys: []string{}}
		for _, k := range oneKey.FindAllSubmatch(m[2], -1) {
			v.Keys = append(v.Keys, plain(string(k[1])))
		}
		page = append(page, v)
	}
	if n := bytes.Count(text, []byte("{ id: '")); n != len(page) || n == 0 {
		t.Fatalf("of %d verbs %d were understood", n, len(page))
	}
	var lines []string
	for _, v := range page {
		var one bytes.Buffer
		enc := json.NewEncoder(&one)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, "  "+strings.TrimSpace(one.String()))
	}
	want := "[\n" + strings.Join(lines, ",\n") + "\n]\n"
	if *update {
		if err := os.WriteFile("keys.json", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(builtin) != want {
		t.Errorf("keys.json is not what web/src/core/keymap.ts has: go test ./internal/keymap -update\n%s", want)
	}
	seen := map[string]string{}
	for _, v := range page {
		for _, k := range v.Keys {
			if other := seen[k]; other != "" {
				t.Errorf("%q means %s and %s", k, other, v.ID)
			}
			seen[k] = v.ID
		}
	}
}

func TestAFileGivesOtherKeys(t *testing.T) {
	for _, c := range []struct {
		name, text string
		verb       string
		keys       []string
		err        string
	}{
		{"one key", "mark: x\n", "mark", []string{"x"}, ""},
		{"a list", "mark: [x, 'Ctrl+m']\n", "mark", []string{"x", "Ctrl+m"}, ""},
		{"none", "delete: []\n", "delete", []string{}, ""},
		{"none, left empty", "delete:\n", "delete", []string{}, ""},
		{"it takes the key of another", "mark: d\n", "delete", []string{"Delete"}, ""},
		{"two change places", "mark: d\ndelete: m\n", "delete", []string{"m"}, ""},
		{"an empty file", "", "mark", []string{"m"}, ""},
		{"an unknown verb", "makr: x\n", "mark", []string{"m"}, `no "makr"`},
		{"a key for two", "mark: x\ndelete: x\n", "mark", []string{"m"}, `"x" is the key of`},
		{"a number", "mark: 1\n", "mark", []string{"m"}, "in quotes"},
		{"no mapping", "- mark\n", "mark", []string{"m"}, "keys.yaml"},
		{"broken", "mark: [", "mark", []string{"m"}, "keys.yaml"},
		{"an empty key", "mark: ''\n", "mark", []string{"m"}, "no key"},
	} {
		path := filepath.Join(t.TempDir(), FileName)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := Load(path)
		if (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%s: %v", c.name, err)
		}
		i := slices.IndexFunc(list, func(v Verb) bool { return v.ID == c.verb })
		if i < 0 || !slices.Equal(list[i].Keys, c.keys) {
			t.Errorf("%s: %+v", c.name, list)
		}
	}
	if list, err := Load(filepath.Join(t.TempDir(), FileName)); err != nil || len(list) == 0 {
		t.Errorf("without a file: %v, %v", list, err)
	}
}

func FuzzAFileOfKeys(f *testing.F) {
	f.Add([]byte("mark: x\n"))
	f.Add([]byte("mark: [x, 'Ctrl+m']\nopen:\n"))
	f.Add([]byte("? [a]\n: &a [*a]"))
	list, err := Builtin()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		own, err := parse(text)
		if err != nil {
			return
		}
		with, err := apply(list, own)
		if err != nil {
			return
		}
		seen := map[string]string{}
		for _, v := range with {
			for _, k := range v.Keys {
				if other := seen[k]; other != "" && other != v.ID {
					t.Fatalf("%q means %s and %s", k, other, v.ID)
				}
				seen[k] = v.ID
			}
		}
	})
}
