package rule

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Turn switches a rule on or off. changed is false where it was so already.
func (d *Document) Turn(name string, on bool) (changed bool, err error) {
	i, err := d.find(name)
	if err != nil {
		return false, err
	}
	if d.list[i].Off != on {
		return false, nil
	}
	lines := strings.SplitAfter(string(d.data), "\n")
	word := strconv.FormatBool(on)
	switch e := d.entries[i]; {
	case e.on > 0:
		line := lines[e.on-1]
		at := strings.LastIndex(line, "on:")
		if at < 0 {
			return false, &HandError{e.rule.From, "on: is not on a line of its own"}
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
		if !e.own(line) {
			return false, &HandError{e.rule.From, "the rule is not written in lines of its own"}
		}
		lines[e.dash-1] = line[:e.column-1] + "on: " + word + "\n" + strings.Repeat(" ", e.column-1) + line[e.column-1:]
	}
	now := *d.list[i]
	now.Off = !on
	want := slices.Clone(d.list)
	want[i] = &now
	return true, d.become(strings.Join(lines, ""), want)
}

// Add puts r before the rule of a name, behind all for "".
func (d *Document) Add(r Rule, before string) error {
	at := len(d.list)
	if before != "" {
		var err error
		if at, err = d.find(before); err != nil {
			return err
		}
	}
	ready, err := New(r, d.kinds, d.c)
	if err != nil {
		return err
	}
	ready.nameless = r.Name == ""
	lead, list, err := d.blocks()
	if err != nil {
		return err
	}
	indent := ""
	if len(d.entries) > 0 {
		indent = leading(list[0].lines[list[0].dash])
	}
	lines, err := render(pairsOf(&r, d.kinds), indent)
	if err != nil {
		return err
	}
	text := join(lead, slices.Insert(slices.Clone(list), at, block{lines: lines}))
	return d.become(text, slices.Insert(slices.Clone(d.list), at, ready))
}

// Change makes the rule of a name say what r says. Lines of what stays the same
// stay as they are.
func (d *Document) Change(name string, r Rule) error {
	i, err := d.find(name)
	if err != nil {
		return err
	}
	if d.list[i].nameless && r.Name == name {
		r.Name = ""
	}
	ready, err := New(r, d.kinds, d.c)
	if err != nil {
		return err
	}
	ready.nameless = r.Name == ""
	if ready.Same(d.list[i]) {
		return nil
	}
	lead, list, err := d.blocks()
	if err != nil {
		return err
	}
	e, b := d.entries[i], list[i]
	first := e.dash - 1 - b.dash // of the lines of the block, in the file
	was := map[string]string{}
	for _, p := range pairsOf(d.list[i], d.kinds) {
		was[p[0]] = p[1]
	}
	if d.list[i].nameless {
		delete(was, "name")
	}
	pairs := pairsOf(&r, d.kinds)
	now := map[string]string{}
	for _, p := range pairs {
		now[p[0]] = p[1]
	}
	pad := strings.Repeat(" ", e.column-1)
	var lines []string
	for n, k := range e.keys {
		from, until := k.line-1-first, b.end
		if n+1 < len(e.keys) {
			until = e.keys[n+1].line - 1 - first
		}
		if from < b.dash || until <= from || until > len(b.lines) {
			return &HandError{e.rule.From, "the rule is not written in lines of its own"}
		}
		value, stays := now[k.name]
		old, had := was[k.name]
		switch {
		case stays && had && old == value:
			lines = append(lines, pad+b.lines[from][e.column-1:])
			lines = append(lines, b.lines[from+1:until]...)
		case stays:
			line, err := renderPair(k.name, value)
			if err != nil {
				return err
			}
			lines = append(lines, pad+line)
		}
		delete(now, k.name)
	}
	for _, p := range pairs {
		if _, left := now[p[0]]; !left {
			continue
		}
		line, err := renderPair(p[0], p[1])
		if err != nil {
			return err
		}
		if p[0] == "name" || p[0] == "on" {
			lines = slices.Insert(lines, 0, pad+line)
		} else {
			lines = append(lines, pad+line)
		}
	}
	lines[0] = b.lines[b.dash][:e.column-1] + lines[0][e.column-1:]
	list[i].lines = slices.Concat(b.lines[:b.dash], lines, b.lines[b.end:])
	want := slices.Clone(d.list)
	want[i] = ready
	return d.become(join(lead, list), want)
}

// Delete takes a rule out, with the comments right above it.
func (d *Document) Delete(name string) error {
	i, err := d.find(name)
	if err != nil {
		return err
	}
	lead, list, err := d.blocks()
	if err != nil {
		return err
	}
	return d.become(join(lead, slices.Delete(list, i, i+1)), slices.Delete(slices.Clone(d.list), i, i+1))
}

// Order puts the rules in the order of names, which are all of them.
func (d *Document) Order(names []string) error {
	lead, list, err := d.blocks()
	if err != nil {
		return err
	}
	var blocks []block
	var want []*Rule
	seen := map[string]bool{}
	for _, name := range names {
		i, err := d.find(name)
		if err != nil {
			return err
		}
		if seen[name] {
			return fmt.Errorf("rule %s is named twice: an order names each rule of %s once", quote(name), d.path)
		}
		seen[name] = true
		blocks, want = append(blocks, list[i]), append(want, d.list[i])
	}
	for _, r := range d.list {
		if !seen[r.Name] {
			return fmt.Errorf("rule %s is not named: an order names each rule of %s once", quote(r.Name), d.path)
		}
	}
	return d.become(join(lead, blocks), want)
}

// pairsOf is what a file says of r, in the order of a new rule.
func pairsOf(r *Rule, kinds []Kind) [][2]string {
	var pairs [][2]string
	if r.Name != "" {
		pairs = append(pairs, [2]string{"name", r.Name})
	}
	if r.Off {
		pairs = append(pairs, [2]string{"on", "false"})
	}
	if r.When != "" {
		pairs = append(pairs, [2]string{"when", r.When})
	}
	pairs = append(pairs, [2]string{"do", r.Do})
	rest := maps.Clone(r.Params)
	for _, k := range kinds {
		for _, p := range k.Params {
			if v, ok := rest[p.Name]; ok && k.Name == r.Do {
				pairs = append(pairs, [2]string{p.Name, v})
				delete(rest, p.Name)
			}
		}
	}
	return pairs
}

// leading is the white space before the dash of a line.
func leading(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " "))] }

func render(pairs [][2]string, indent string) (lines []string, err error) {
	lead := indent + "- "
	for _, p := range pairs {
		line, err := renderPair(p[0], p[1])
		if err != nil {
			return nil, err
		}
		lines = append(lines, lead+line)
		lead = indent + "  "
	}
	return lines, nil
}

// renderPair writes a key and its value as one line.
func renderPair(key, value string) (string, error) {
	if key == "on" {
		return "on: " + value + "\n", nil
	}
	text, err := yaml.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("write %s: %w", key, err)
	}
	if s := strings.TrimSuffix(string(text), "\n"); strings.Contains(s, "\n") || strings.ContainsAny(value, "\t\r") {
		text = []byte(strconv.Quote(value) + "\n")
	}
	return key + ": " + string(text), nil
}
