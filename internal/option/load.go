package option

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Start is all that a start says about options.
type Start struct {
	Options []Option
	// Home is the folder of the user; "" when there is none.
	Home string
	// Environ is as os.Environ returns it.
	Environ []string
	// Line is what the command line says, in its order.
	Line []Assignment
}

// Load makes a registry and takes the values in their order: defaults,
// config.yaml in confdir, MIDSTREAM_* variables, the command line. Names that
// are unknown are kept for Settle.
func Load(s Start) (*Registry, error) {
	r, err := New(s.Options...)
	if err != nil {
		return nil, err
	}
	r.Home = s.Home
	variables := r.variables(s.Environ)
	// Where the file lies is known only from what is read after it.
	early := slices.DeleteFunc(slices.Concat(variables, s.Line), func(a Assignment) bool { return a.Name != "confdir" })
	if err := r.Assign(early...); err != nil {
		return nil, err
	}
	if o := r.state.Load().byName["confdir"]; o != nil {
		folder := r.Path("confdir")
		if strings.HasPrefix(folder, "~") {
			return nil, fmt.Errorf("find the folder of options: this user has no home folder; give one with --confdir or %s", o.Variable())
		}
		file, err := ReadFile(filepath.Join(folder, FileName))
		if err != nil {
			return nil, err
		}
		if err := r.Assign(file...); err != nil {
			return nil, err
		}
	}
	if err := r.Assign(variables...); err != nil {
		return nil, err
	}
	if err := r.Assign(s.Line...); err != nil {
		return nil, err
	}
	return r, nil
}

// variables reads what the environment says. A list has one entry a line.
func (r *Registry) variables(environ []string) []Assignment {
	st := r.state.Load()
	var list []Assignment
	for _, entry := range environ {
		key, text, _ := strings.Cut(entry, "=")
		name, ours := strings.CutPrefix(key, "MIDSTREAM_")
		if !ours || name == "" {
			continue
		}
		a := Assignment{Name: strings.ToLower(name), Source: Environment, Place: key}
		o := st.byName[a.Name]
		if o == nil || !o.Type.many() {
			a.Text = text
			list = append(list, a)
			continue
		}
		lines := strings.FieldsFunc(text, func(c rune) bool { return c == '\n' || c == '\r' })
		if len(lines) == 0 {
			a.Bare = true
			list = append(list, a)
		}
		for _, line := range lines {
			a.Text = line
			list = append(list, a)
		}
	}
	return list
}

// ParseSet reads the argument of --set: NAME=VALUE, or NAME alone.
func ParseSet(text string) Assignment {
	name, value, given := strings.Cut(text, "=")
	name = strings.ReplaceAll(strings.TrimSpace(name), "-", "_")
	return Assignment{Name: name, Text: value, Bare: !given, Source: Set, Place: "--set"}
}
