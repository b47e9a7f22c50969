package rule

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"midstream/internal/query"
	"midstream/internal/yamlfile"
)

// FileName is the file of rules in confdir.
const FileName = "rules.yaml"

// Bounds of a file of rules.
const (
	mostFile  = 4 << 20
	mostRules = 10000
)

// ReadFile reads a file of rules; without a file there are none. Errors are an
// *Error with the place.
func ReadFile(path string, kinds []Kind, c query.Case) ([]*Rule, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, data, kinds, c)
}

func readFile(path string) ([]byte, error) {
	data, err := yamlfile.Read(path, mostFile)
	if errors.Is(err, yamlfile.ErrTooLarge) {
		return nil, &Error{Place: path, Text: "is larger than 4m, which no file of rules is"}
	}
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return data, nil
}

// Parse reads YAML: a list of rules, each a map of scalars. path is for errors.
func Parse(path string, data []byte, kinds []Kind, c query.Case) ([]*Rule, error) {
	entries, err := parse(path, data)
	if err != nil {
		return nil, err
	}
	var list []*Rule
	seen := map[string]bool{}
	for i, e := range entries {
		r := e.rule
		if r.Name == "" {
			r.nameless = true
			r.Name = fmt.Sprintf("%s %d", r.Do, i+1)
		}
		if seen[r.Name] {
			return nil, r.FaultOf("name", "there is another of this name: give it one of its own")
		}
		seen[r.Name] = true
		made, err := New(r, kinds, c)
		if err != nil {
			return nil, err
		}
		list = append(list, made)
	}
	return list, nil
}

// entry is one rule of a file with the lines that it stands on, from 1.
type entry struct {
	rule     Rule
	dash, on int // of its first key, and of its value of "on"; 0 without one
	column   int // of its keys
	keys     []key
}

// key is a key of a rule with its line.
type key struct {
	name string
	line int
}

// parse reads the shape of the file only.
func parse(path string, data []byte) ([]entry, error) {
	documents, err := yamlfile.Parse(path, data)
	if e, ok := errors.AsType[*yamlfile.Error](err); ok {
		return nil, &Error{Place: e.Place, Text: e.Text}
	}
	p := fileParser{path: path}
	for _, body := range documents {
		if err := p.document(body); err != nil {
			return nil, err
		}
	}
	return p.list, nil
}

type fileParser struct {
	path string
	list []entry
}

const shape = "a file of rules is a list: lines of the form \"- name: NAME\" with when:, do: and what the kind wants below"

func (p *fileParser) document(body ast.Node) error {
	list, ok := body.(*ast.SequenceNode)
	if !ok {
		return p.fault(body, shape)
	}
	for _, item := range list.Values {
		if err := p.item(item); err != nil {
			return err
		}
	}
	return nil
}

func (p *fileParser) item(n ast.Node) error {
	if len(p.list) >= mostRules {
		return p.fault(n, "there are more than %d rules", mostRules)
	}
	var pairs []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		pairs = m.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{m}
	}
	if len(pairs) == 0 {
		return p.fault(n, shape)
	}
	t := pairs[0].Key.GetToken()
	e := entry{rule: Rule{Params: map[string]string{}, From: p.place(pairs[0].Key)}, dash: t.Position.Line, column: t.Position.Column}
	seen := map[string]bool{}
	for _, pair := range pairs {
		key, ok := yamlfile.Scalar(pair.Key)
		if !ok {
			return p.fault(pair.Key, shape)
		}
		e.note(key, pair.Key)
		if seen[key] {
			return p.fault(pair.Key, "%s is there twice", quote(key))
		}
		seen[key] = true
		value, ok := yamlfile.Scalar(pair.Value)
		if !ok {
			return p.fault(pair.Value, "%s: expected a text or a number, in quotes where it has : or # or begins with a sign", quote(key))
		}
		switch key {
		case "name":
			e.rule.Name = value
		case "when":
			e.rule.When = value
		case "do":
			e.rule.Do = value
		case "on":
			switch strings.ToLower(value) {
			case "true", "yes", "on":
			case "false", "no", "off":
				e.rule.Off = true
			default:
				return p.fault(pair.Value, "on is true or false, not %s", quote(value))
			}
			e.on = pair.Value.GetToken().Position.Line
		default:
			e.rule.Params[key] = value
		}
	}
	if e.rule.Do == "" {
		return p.fault(pairs[0].Key, "a rule needs do: KIND")
	}
	p.list = append(p.list, e)
	return nil
}

func (e *entry) note(name string, n ast.Node) {
	line := 0
	if t := n.GetToken(); t != nil && t.Position != nil {
		line = t.Position.Line
	}
	e.keys = append(e.keys, key{name, line})
}

func (p *fileParser) place(n ast.Node) string { return yamlfile.Place(p.path, n) }

func (p *fileParser) fault(n ast.Node, format string, args ...any) error {
	return &Error{Place: p.place(n), Text: fmt.Sprintf(format, args...)}
}
