package option

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"midstream/internal/yamlfile"
)

// Save writes options into the file at path, in place of what it says of them;
// everything else in it stays, comments too. names says which; without any it is
// those that were changed while the program runs. Secrets are never written: those
// that were asked for, or changed, are returned apart. The options themselves are
// not touched.
func (r *Registry) Save(path string, names []string) (written, secrets []string, err error) {
	st := r.state.Load()
	values := make(map[string]any)
	for _, name := range names {
		if _, err := r.Find(name); err != nil {
			return nil, nil, err
		}
	}
	written, secrets = []string{}, []string{}
	for _, o := range st.options {
		s := st.setting(o)
		if len(names) == 0 && s.Source != Runtime || len(names) > 0 && !slices.Contains(names, o.Name) {
			continue
		}
		switch {
		case o.Secret:
			secrets = append(secrets, o.Name)
		case o.Name == "confdir" || o.Group == GroupScripts:
			return nil, nil, fmt.Errorf("option %s cannot be set in %s", o.Name, FileName)
		default:
			written = append(written, o.Name)
			if values[o.Name] = o.plain(s.Value); s.Value == nil {
				values[o.Name] = "none"
			}
		}
	}
	if len(written) == 0 {
		return written, secrets, nil
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("save options: %w", err)
	}
	text, err := merge(path, old, written, values)
	if err != nil {
		return nil, nil, err
	}
	if err := replaceFile(path, text); err != nil {
		return nil, nil, fmt.Errorf("save options: %w", err)
	}
	return written, secrets, nil
}

// merge puts values into the text of a file.
func merge(path string, old []byte, names []string, values map[string]any) ([]byte, error) {
	if _, err := ParseFile(path, old); err != nil {
		return nil, err // what is there is not lost to a guess
	}
	lines := strings.SplitAfter(string(old), "\n")
	spans, err := spansOf(path, old)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	done := make(map[string]bool)
	for i := 0; i < len(lines); {
		name, end := "", i+1
		for _, s := range spans {
			if s.first == i && slices.Contains(names, s.name) {
				name, end = s.name, s.end
			}
		}
		if name == "" {
			out.WriteString(lines[i])
			i++
			continue
		}
		if !done[name] {
			if err := writeOption(&out, name, values[name]); err != nil {
				return nil, err
			}
			done[name] = true
		}
		i = end
	}
	if out.Len() > 0 && !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
		out.WriteByte('\n')
	}
	for _, name := range names {
		if !done[name] {
			if err := writeOption(&out, name, values[name]); err != nil {
				return nil, err
			}
		}
	}
	if _, err := ParseFile(path, out.Bytes()); err != nil {
		return nil, fmt.Errorf("save options: %s is written in a way that cannot be changed here: edit it by hand (%w)", path, err)
	}
	return out.Bytes(), nil
}

func writeOption(out *bytes.Buffer, name string, value any) error {
	p, err := yaml.Marshal(map[string]any{name: value})
	if err != nil {
		return fmt.Errorf("save option %s: %w", name, err)
	}
	out.Write(p)
	return nil
}

// span is the lines of one option in a file, from 0, the end excluded.
type span struct {
	name       string
	first, end int
}

// spansOf finds the lines of every option. One ends in front of the blank lines
// and comments that stand before the next.
func spansOf(path string, text []byte) ([]span, error) {
	documents, err := yamlfile.Parse(path, text)
	if err != nil {
		return nil, err
	}
	var spans []span
	for _, body := range documents {
		var entries []*ast.MappingValueNode
		switch n := body.(type) {
		case *ast.MappingNode:
			if n.IsFlowStyle {
				return nil, fmt.Errorf("save options: %s is written in braces: edit it by hand", path)
			}
			entries = n.Values
		case *ast.MappingValueNode:
			entries = []*ast.MappingValueNode{n}
		}
		for _, e := range entries {
			name, _ := yamlfile.Scalar(e.Key)
			spans = append(spans, span{name: name, first: e.Key.GetToken().Position.Line - 1})
		}
	}
	lines := strings.SplitAfter(string(text), "\n")
	for i := range spans {
		end := len(lines)
		if i+1 < len(spans) {
			end = spans[i+1].first
		}
		for end > spans[i].first+1 {
			line := strings.TrimSpace(lines[end-1])
			if line != "" && !strings.HasPrefix(line, "#") && line != "---" {
				break
			}
			end--
		}
		spans[i].end = end
	}
	return spans, nil
}

// replaceFile writes a file for this user only, whole or not at all.
func replaceFile(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), FileName+".*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
