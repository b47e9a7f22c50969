package yamlfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Error is a fault in a file, with its place as FILE:LINE:COLUMN, or FILE alone.
type Error struct {
	Place string
	Text  string
}

func (e *Error) Error() string { return e.Place + ": " + e.Text }

// ErrTooLarge is returned by Read for a file with more octets than it may have.
var ErrTooLarge = errors.New("is too large")

// Read returns the content of a file of at most so many octets; it is nil where there is
// no file.
func Read(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, ErrTooLarge
	}
	return data, nil
}

// Parse reads the documents of a file that have something in them. Errors are an *Error.
func Parse(path string, data []byte) (documents []ast.Node, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser may, on odd input
			err = &Error{Place: path, Text: "not YAML"}
		}
	}()
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // editors of Windows write one
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		e := &Error{Place: path, Text: "not YAML: " + oneLine(err.Error())}
		if y, ok := errors.AsType[yaml.Error](err); ok {
			e.Text = "not YAML: " + oneLine(y.GetMessage())
			if t := y.GetToken(); t != nil && t.Position != nil {
				e.Place = fmt.Sprintf("%s:%d:%d", path, t.Position.Line, t.Position.Column)
			}
		}
		return nil, e
	}
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.NullNode, *ast.CommentGroupNode:
		default:
			documents = append(documents, doc.Body)
		}
	}
	return documents, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// Scalar returns a scalar as it is written, so that 0755 and 1.10 stay what the person
// wrote.
func Scalar(n ast.Node) (text string, ok bool) {
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

// Place is where n stands in the file at path.
func Place(path string, n ast.Node) string {
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return path
	}
	return fmt.Sprintf("%s:%d:%d", path, t.Position.Line, t.Position.Column)
}
