package option

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// FileName is the file of options in confdir.
const FileName = "config.yaml"

// mostFile bounds the file of options.
const mostFile = 128 << 10

// FileError is a fault in a file of options, with its place as FILE:LINE:COLUMN.
type FileError struct {
	Place string
	Text  string
}

func (e *FileError) Error() string { return e.Place + ": " + e.Text }

// ReadFile reads a file of options and returns what it assigns. A file that
// does not exist assigns nothing.
func ReadFile(path string) ([]Assignment, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read options: %w; make it readable, or give another folder with --confdir DIR", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, mostFile+1))
	if err != nil {
		return nil, fmt.Errorf("read options: %w; make it readable, or give another folder with --confdir DIR", err)
	}
	if len(data) > mostFile {
		return nil, &FileError{Place: path, Text: "is larger than " + FormatSize(mostFile) + ", which no file of options is"}
	}
	return ParseFile(path, data)
}

// ParseFile reads YAML: one map from names of options to scalars, or lists of
// scalars. path is for errors, and its folder is what paths are relative to.
func ParseFile(path string, data []byte) ([]Assignment, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, syntaxError(path, err)
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

// fileParser walks the tree of one file.
type fileParser struct {
	path string
	list []Assignment
}

func (p *fileParser) document(body ast.Node) error {
	switch n := body.(type) {
	case *ast.NullNode, *ast.CommentGroupNode:
		return nil
	case *ast.MappingNode:
		for _, entry := range n.Values {
			if err := p.entry(entry); err != nil {
				return err
			}
		}
		return nil
	case *ast.MappingValueNode:
		return p.entry(n)
	}
	return p.fault(body, "expected lines of the form NAME: VALUE")
}

func (p *fileParser) entry(n *ast.MappingValueNode) error {
	name, ok := scalar(n.Key)
	if !ok {
		return p.fault(n.Key, "expected the name of an option")
	}
	a := Assignment{Name: name, Source: File, NamePlace: p.place(n.Key), Folder: filepath.Dir(p.path)}
	if name == "confdir" {
		return p.fault(n.Key, "confdir cannot be set in the file that lies in it; use --confdir or MIDSTREAM_CONFDIR")
	}
	list, ok := n.Value.(*ast.SequenceNode)
	if !ok {
		return p.value(a, n.Value)
	}
	if len(list.Values) == 0 {
		a.Bare, a.Place = true, p.place(list)
		p.list = append(p.list, a)
		return nil
	}
	for _, item := range list.Values {
		if err := p.value(a, item); err != nil {
			return err
		}
	}
	return nil
}

func (p *fileParser) value(a Assignment, n ast.Node) error {
	a.Place = p.place(n)
	if _, null := n.(*ast.NullNode); null {
		a.Bare = true
		p.list = append(p.list, a)
		return nil
	}
	text, ok := scalar(n)
	if !ok {
		return p.fault(n, "option "+a.Name+": expected one value or a list of values")
	}
	a.Text = text
	p.list = append(p.list, a)
	return nil
}

// scalar returns a scalar as it is written, so that 0755 and 1.10 stay what the
// person wrote.
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

func (p *fileParser) fault(n ast.Node, text string) error {
	return &FileError{Place: p.place(n), Text: text}
}

func syntaxError(path string, err error) error {
	e := &FileError{Place: path, Text: "not YAML: " + oneLine(err.Error())}
	if y, ok := errors.AsType[yaml.Error](err); ok {
		e.Text = "not YAML: " + oneLine(y.GetMessage())
		if t := y.GetToken(); t != nil && t.Position != nil {
			e.Place = fmt.Sprintf("%s:%d:%d", path, t.Position.Line, t.Position.Column)
		}
	}
	return e
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
