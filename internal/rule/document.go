package rule

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"midstream/internal/query"
)

// ErrChanged says that somebody else has written the file meanwhile.
var ErrChanged = errors.New("the file has been changed meanwhile: try again")

// A MissingError says that there is no rule of a name in the file.
type MissingError struct{ Name, Path string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("there is no rule %s in %s: midstream rules list shows them; rules of options go with their option", quote(e.Name), e.Path)
}

// A HandError says that the file is written in a way that cannot be changed
// without changing more than was asked for.
type HandError struct{ Place, Text string }

func (e *HandError) Error() string { return e.Place + ": " + e.Text + ": change it by hand" }

// A Document is a file of rules that is being changed. What is not changed stays
// as it is written, comments too. It is used by one goroutine.
type Document struct {
	path    string
	was     []byte // as it was read
	data    []byte
	list    []*Rule
	entries []entry
	kinds   []Kind
	c       query.Case
}

// Open reads a file to change it; without a file it has no rules. Errors are those
// of ReadFile.
func Open(path string, kinds []Kind, c query.Case) (*Document, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	d := &Document{path: path, was: data, kinds: kinds, c: c}
	if d.list, d.entries, err = d.read(data); err != nil {
		return nil, err
	}
	d.data = data
	return d, nil
}

func (d *Document) read(data []byte) ([]*Rule, []entry, error) {
	list, err := Parse(d.path, data, d.kinds, d.c)
	if err != nil {
		return nil, nil, err
	}
	entries, err := parse(d.path, data)
	return list, entries, err
}

// Rules are those of the file as it is changed so far.
func (d *Document) Rules() []*Rule { return d.list }

// find is the place of a rule in the list.
func (d *Document) find(name string) (int, error) {
	i := slices.IndexFunc(d.list, func(r *Rule) bool { return r.Name == name })
	if i < 0 {
		return 0, &MissingError{name, d.path}
	}
	return i, nil
}

// become takes a new text if it says want and nothing else.
func (d *Document) become(text string, want []*Rule) error {
	list, entries, err := d.read([]byte(text))
	if err != nil {
		return err
	}
	if !slices.EqualFunc(list, want, (*Rule).Same) {
		return &HandError{d.path, "this could not be changed without changing more"}
	}
	d.data, d.list, d.entries = []byte(text), list, entries
	return nil
}

// block is one rule with the lines that belong to it: comments right above it, and
// what follows up to those of the next.
type block struct {
	lines []string
	dash  int // which of lines has the dash
	end   int // which is behind the last that says something
}

// blocks cuts the file into what stands before the first rule, and the rules.
func (d *Document) blocks() (lead []string, list []block, err error) {
	lines := strings.SplitAfter(string(d.data), "\n")
	if n := len(lines); lines[n-1] == "" {
		lines = lines[:n-1]
	} else {
		lines[n-1] += "\n"
	}
	begin := make([]int, len(d.entries))
	for i, e := range d.entries {
		at := e.dash - 1
		if at < 0 || at >= len(lines) || !e.own(lines[at]) || i > 0 && at <= d.entries[i-1].dash-1 {
			return nil, nil, &HandError{e.rule.From, "the rule is not written in lines of its own"}
		}
		floor := 0
		if i > 0 {
			floor = d.entries[i-1].dash
		}
		begin[i] = at
		for begin[i] > floor && e.comment(lines[begin[i]-1]) {
			begin[i]--
		}
	}
	if len(begin) == 0 {
		return lines, nil, nil
	}
	for i, e := range d.entries {
		until := len(lines)
		if i+1 < len(begin) {
			until = begin[i+1]
		}
		b := block{lines: lines[begin[i]:until], dash: e.dash - 1 - begin[i]}
		b.end = len(b.lines)
		for b.end > b.dash+1 && (strings.TrimSpace(b.lines[b.end-1]) == "" || e.outside(b.lines[b.end-1])) {
			b.end--
		}
		list = append(list, b)
	}
	return lines[:begin[0]], list, nil
}

// own tells whether line begins the rule: a dash, and its first key.
func (e *entry) own(line string) bool {
	return e.column > 1 && e.column <= len(line) && strings.TrimSpace(line[:e.column-1]) == "-"
}

// comment tells whether line is one that stands where the dashes do.
func (e *entry) comment(line string) bool {
	return strings.HasPrefix(strings.TrimLeft(line, " "), "#") && e.outside(line)
}

// outside tells whether line is indented less than the keys of the rule.
func (e *entry) outside(line string) bool {
	return len(line)-len(strings.TrimLeft(line, " ")) < e.column-1
}

// join puts blocks together again.
func join(lead []string, list []block) string {
	var b strings.Builder
	for _, l := range lead {
		b.WriteString(l)
	}
	for _, k := range list {
		for _, l := range k.lines {
			b.WriteString(l)
		}
	}
	return b.String()
}

// Save writes the file as a whole, where it has changed. It fails with ErrChanged
// where somebody else has written it since Open.
func (d *Document) Save() error {
	if bytes.Equal(d.data, d.was) {
		return nil
	}
	now, err := readFile(d.path)
	if err != nil {
		return err
	}
	if !bytes.Equal(now, d.was) {
		return fmt.Errorf("write %s: %w", d.path, ErrChanged)
	}
	if err := write(d.path, d.data); err != nil {
		return err
	}
	d.was = d.data
	return nil
}

// write replaces a file as a whole; it is this user's only where it is new.
func write(path string, data []byte) error {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		path = to
	}
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
