package rule

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"midstream/internal/query"
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
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostFile+1))
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	if len(data) > mostFile {
		return nil, &Error{Place: path, Text: "is larger than 4m, which no file of rules is"}
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

// parse reads the shape of the file only. The parser may panic on odd input.
func parse(path string, data []byte) (_ []entry, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Place: path, Text: "not YAML"}
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		e := &Error{Place: path, Text: "not YAML: " + strings.Join(strings.Fields(err.Error()), " ")}
		if y, ok := errors.AsType[yaml.Error](err); ok {
			e.Text = "not YAML: " + strings.Join(strings.Fields(y.GetMessage()), " ")
			if t := y.GetToken(); t != nil && t.Position != nil {
				e.Place = fmt.Sprintf("%s:%d:%d", path, t.Position.Line, t.Position.Column)
			}
		}
		return nil, e
	}
	p := fileParser{path: path}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if err := p.document(doc.Body); err != nil {
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
	switch n := body.(type) {
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil
	case *ast.SequenceNode:
		for _, item := range n.Values {
			if err := p.item(item); err != nil {
				return err
			}
		}
		return nil
	}
	return p.fault(body, shape)
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
		key, ok := scalar(pair.Key)
		if !ok {
			return p.fault(pair.Key, shape)
		}
		e.note(key, pair.Key)
		if seen[key] {
			return p.fault(pair.Key, "%s is there twice", quote(key))
		}
		seen[key] = true
		value, ok := scalar(pair.Value)
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

// scalar returns a scalar as it is written.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func (p *fileParser) place(n ast.Node) string {
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return p.path
	}
	return fmt.Sprintf("%s:%d:%d", p.path, t.Position.Line, t.Position.Column)
}

func (p *fileParser) fault(n ast.Node, format string, args ...any) error {
	return &Error{Place: p.place(n), Text: fmt.Sprintf(format, args...)}
}
