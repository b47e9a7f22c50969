package option

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/goccy/go-yaml/ast"

	"midstream/internal/yamlfile"
)

// FileName is the file of options in confdir.
const FileName = "config.yaml"

// mostFile bounds the file of options.
const mostFile = 128 << 10

// ReadFile reads a file of options and returns what it assigns. A file that
// does not exist assigns nothing. A fault in it is an *yamlfile.Error.
func ReadFile(path string) ([]Assignment, error) {
	data, err := yamlfile.Read(path, mostFile)
	if errors.Is(err, yamlfile.ErrTooLarge) {
		return nil, &yamlfile.Error{Place: path, Text: "is larger than " + FormatSize(mostFile) + ", which no file of options is"}
	}
	if err != nil {
		return nil, fmt.Errorf("read options: %w; make it readable, or give another folder with --confdir DIR", err)
	}
	return ParseFile(path, data)
}

// ParseFile reads YAML: one map from names of options to scalars, or lists of
// scalars. path is for errors, and its folder is what paths are relative to.
func ParseFile(path string, data []byte) ([]Assignment, error) {
	documents, err := yamlfile.Parse(path, data)
	if err != nil {
		return nil, err
	}
	p := fileParser{path: path}
	for _, body := range documents {
		if err := p.document(body); err != nil {
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
	name, ok := yamlfile.Scalar(n.Key)
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
	text, ok := yamlfile.Scalar(n)
	if !ok {
		return p.fault(n, "option "+a.Name+": expected one value or a list of values")
	}
	a.Text = text
	p.list = append(p.list, a)
	return nil
}

func (p *fileParser) place(n ast.Node) string { return yamlfile.Place(p.path, n) }

func (p *fileParser) fault(n ast.Node, text string) error {
	return &yamlfile.Error{Place: p.place(n), Text: text}
}
