package option

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Assignment is one thing that the start said about an option: a flag, a line
// of a file, a variable.
type Assignment struct {
	Name string
	Text string
	// Bare means that no value was given: true for a bool (a mistake in a file),
	// none for an optional option, the empty list for a list.
	Bare   bool
	Source Source
	Place  string
	// NamePlace is where the name stands, "" where that is Place.
	NamePlace string
	// Folder is what relative paths are relative to; "" is the working folder.
	Folder string
}

// Assign makes all assignments in their order, the last one of an option
// winning. Entries of a list collect; the first one of the call replaces what
// was there before. Names that are not known yet are kept for Add and Settle.
// When one value is wrong, nothing is changed.
func (r *Registry) Assign(list ...Assignment) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := r.state.Load().clone()
	deferred := slices.Clone(r.deferred)
	begun := make(map[string]bool)
	for _, a := range list {
		o := next.byName[a.Name]
		if o == nil {
			to, same, known, err := renamed(a)
			switch {
			case err != nil:
				return err
			case same:
				continue
			case !known:
				deferred = append(deferred, a)
				continue
			}
			a, o = to, next.byName[to.Name]
		}
		if err := r.assign(next, o, a, begun[o.Name]); err != nil {
			return err
		}
		begun[o.Name] = true
	}
	r.deferred = deferred
	r.state.Store(next)
	return nil
}

// assign makes one assignment in st; add keeps the entries of a list.
func (r *Registry) assign(st *state, o *Option, a Assignment, add bool) error {
	v, err := r.read(st, o, a)
	if err != nil {
		if ve, ok := errors.AsType[*ValueError](err); ok && (a.Source == File || a.Source == Environment) {
			ve.Place = a.Place // on a command line the name says where
		}
		return err
	}
	if list, ok := v.([]string); ok && add && !a.Bare {
		before, _ := st.setting(o).Value.([]string)
		v = append(slices.Clone(before), list...)
	}
	st.values[o.Name] = Setting{Value: v, Source: a.Source, Place: a.Place}
	return nil
}

func (r *Registry) read(st *state, o *Option, a Assignment) (any, error) {
	if a.Bare {
		switch {
		case o.Type == Bool && a.Source != File:
			return true, nil
		case o.Optional:
			return nil, nil
		case o.Type.many():
			return []string(nil), nil
		}
		return nil, &ValueError{Option: o.Name, Text: "the value is missing; it takes " + o.Accepts()}
	}
	text := a.Text
	if o.Type == Bool && strings.EqualFold(text, "toggle") {
		now, _ := st.setting(o).Value.(bool)
		return !now, nil
	}
	if o.Secret && !o.OwnAt {
		var err error
		if text, err = r.secret(o, a); err != nil {
			return nil, err
		}
	}
	if (o.Type == Path || o.Type == Paths) && text != "" {
		text = within(a.Folder, text)
	}
	return o.Parse(text)
}

// mostSecret bounds the file that a secret is read from.
const mostSecret = 64 << 10

// secret returns what stands behind @FILE, or the text itself.
func (r *Registry) secret(o *Option, a Assignment) (string, error) {
	name, isFile := strings.CutPrefix(a.Text, "@")
	if !isFile {
		return a.Text, nil
	}
	if strings.HasPrefix(name, "@") {
		return name, nil
	}
	path := Expand(within(a.Folder, name), r.Home)
	f, err := os.Open(path)
	if err == nil {
		defer f.Close()
		var data []byte
		data, err = io.ReadAll(io.LimitReader(f, mostSecret+1))
		if err == nil && len(data) <= mostSecret {
			// Editors of Windows write a byte order mark.
			return strings.TrimRight(strings.TrimPrefix(string(data), "\ufeff"), "\r\n"), nil
		}
		if err == nil {
			err = fmt.Errorf("%s is larger than %s", path, FormatSize(mostSecret))
		}
	}
	return "", &ValueError{Option: o.Name, Text: fmt.Sprintf("read the value behind @: %v", err)}
}

// within makes a relative path relative to folder.
func within(folder, path string) string {
	if folder == "" || filepath.IsAbs(path) || path == "~" || strings.HasPrefix(path, "~/") {
		return path
	}
	return filepath.Join(folder, path)
}

// Expand puts home in for a leading "~".
func Expand(path, home string) string {
	if home == "" || path != "~" && !strings.HasPrefix(path, "~/") && !strings.HasPrefix(path, `~\`) {
		return path
	}
	return filepath.Join(home, path[1:])
}
