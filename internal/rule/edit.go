package rule

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"

	"midstream/internal/query"
)

// Turn switches the rule called name in the file on or off; the rest of the file,
// comments too, stays as it is. changed is false where it was so already.
func Turn(path, name string, on bool, kinds []Kind, c query.Case) (changed bool, err error) {
	data, err := readFile(path)
	if err != nil {
		return false, err
	}
	list, err := Parse(path, data, kinds, c)
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(list, func(r *Rule) bool { return r.Name == name })
	if i < 0 {
		return false, fmt.Errorf("there is no rule %s in %s: midstream rules list shows them; rules of options go with their option", quote(name), path)
	}
	if list[i].Off != on {
		return false, nil
	}
	entries, err := parse(path, data)
	if err != nil {
		return false, err
	}
	lines := strings.SplitAfter(string(data), "\n")
	word := strconv.FormatBool(on)
	switch e := entries[i]; {
	case e.on > 0:
		line := lines[e.on-1]
		at := strings.LastIndex(line, "on:")
		if at < 0 {
			return false, &Error{Place: e.rule.From, Text: "on: is not on a line of its own: change it by hand"}
		}
		rest := line[at+len("on:"):]
		value := strings.TrimLeft(rest, " \t")
		end := strings.IndexAny(value, " \t\r\n#,}")
		if end < 0 {
			end = len(value)
		}
		lines[e.on-1] = line[:at] + "on: " + word + value[end:]
	default:
		line := lines[e.dash-1]
		if e.column < 1 || e.column-1 > len(line) || strings.ContainsAny(line[:e.column-1], "{") {
			return false, &Error{Place: e.rule.From, Text: "the rule is not written in lines of its own: change it by hand"}
		}
		lines[e.dash-1] = line[:e.column-1] + "on: " + word + "\n" + strings.Repeat(" ", e.column-1) + line[e.column-1:]
	}
	text := []byte(strings.Join(lines, ""))
	now, err := Parse(path, text, kinds, c)
	if err != nil || len(now) != len(list) || now[i].Off == on || now[i].Name != name {
		return false, &Error{Place: entries[i].rule.From, Text: "on: could not be changed without changing more: change it by hand"}
	}
	return true, write(path, text)
}

// Add puts r behind the rules of the file, which is made where there is none.
func Add(path string, r Rule, kinds []Kind, c query.Case) error {
	data, err := readFile(path)
	if err != nil {
		return err
	}
	var b strings.Builder
	b.Write(data)
	if len(data) > 0 && data[len(data)-1] != '\n' {
		b.WriteByte('\n')
	}
	lead := "- "
	add := func(key, value string) error {
		if value == "" && key != "value" && key != "replace" {
			return nil
		}
		text, err := yaml.Marshal(value)
		if err != nil {
			return fmt.Errorf("write %s: %w", key, err)
		}
		if s := strings.TrimSuffix(string(text), "\n"); strings.Contains(s, "\n") {
			text = []byte(strconv.Quote(value) + "\n")
		}
		b.WriteString(lead + key + ": " + string(text))
		lead = "  "
		return nil
	}
	pairs := [][2]string{{"name", r.Name}, {"when", r.When}, {"do", r.Do}}
	for _, k := range kinds {
		for _, p := range k.Params {
			if v, ok := r.Params[p.Name]; ok && k.Name == r.Do {
				pairs = append(pairs, [2]string{p.Name, v})
			}
		}
	}
	for _, p := range pairs {
		if err := add(p[0], p[1]); err != nil {
			return err
		}
	}
	before, err := Parse(path, data, kinds, c)
	if err != nil {
		return err
	}
	now, err := Parse(path, []byte(b.String()), kinds, c)
	if err != nil {
		return err
	}
	if len(now) != len(before)+1 {
		return &Error{Place: path, Text: "is no list in lines that a rule can be added to: add it by hand"}
	}
	return write(path, []byte(b.String()))
}

// write replaces a file as a whole; it is this user's only where it is new.
func write(path string, data []byte) error {
	mode := os.FileMode(0o600)
	if st, err := os.Stat(path); err == nil {
		mode = st.Mode().Perm()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".rules-*")
	if err != nil {
		return fmt.Errorf("write rules: %w", err)
	}
	_, err = f.Write(data)
	if cerr := f.Chmod(mode); err == nil {
		err = cerr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write rules: %w", err)
	}
	return nil
}
