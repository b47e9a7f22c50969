package midstream_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// layers lists the packages from the bottom up: a package may import only
// packages of rows before its own.
var layers = [][]string{
	{"internal/yamlfile"},
	{"flow", "internal/coding", "internal/transport", "internal/pattern", "internal/option", "internal/ca", "internal/auth", "internal/redirect", "internal/browser", "internal/h2spec", "internal/web", "internal/keymap", "internal/jsonedit", "internal/clienthello", "internal/cookie"},
	{"hook", "internal/fault", "internal/client", "internal/altsvc"},
	{"internal/body", "internal/message", "internal/ws", "internal/onboard", "internal/format", "internal/svcb"},
	{"internal/sse", "internal/query"},
	{"internal/llm", "internal/format/timed"},
	{"internal/view"},
	{"internal/rule"},
	{"internal/addons"},
	{"internal/http1", "internal/http2"},
	{"internal/store"},
	{"internal/engine"},
	{"internal/addons/intercept", "internal/redaction"},
	{"internal/upstream"},
	{"internal/proxy"},
	{"internal/script", "internal/dump"},
	{"internal/pyhost"},
	{"internal/flowview"},
	{"internal/capture"},
	{"internal/replay", "internal/compare"},
	{"internal/instance"},
	{"internal/api"},
	{""}, // the facade
	{"cmd/midstream", "examples/library", "e2e"},
}

// forbidden names imports that the rows alone would allow.
var forbidden = map[string][]string{
	"flow":            {"net/http"},
	"hook":            {},
	"internal/body":   {"net/http", "os/exec"},
	"internal/engine": {"net/http", "midstream/internal/http1", "midstream/internal/store", "midstream/internal/transport"},
	"internal/proxy":  {"midstream/internal/store"},
	"internal/store":  {"net/http", "midstream/internal/http1"},
}

// The codec knows net/http's names of statuses and nothing else of it: its
// Header, Server and Transport reorder, invent and drop.
func TestTheCodecTakesOnlyNamesFromNetHTTP(t *testing.T) {
	for _, p := range packages(t) {
		if short := strings.TrimPrefix(p.ImportPath, "midstream/"); short != "internal/http1" {
			continue
		}
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				sel, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := sel.X.(*ast.Ident); ok && x.Name == "http" && x.Obj == nil && !strings.HasPrefix(sel.Sel.Name, "Status") {
					t.Errorf("%s uses http.%s", name, sel.Sel.Name)
				}
				return true
			})
		}
	}
}

type listed struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestEveryPackageImportsOnlyWhatStandsBelowIt(t *testing.T) {
	rank := map[string]int{}
	for i, row := range layers {
		for _, p := range row {
			rank[p] = i
		}
	}
	short := func(path string) string {
		return strings.TrimPrefix(strings.TrimPrefix(path, "midstream"), "/")
	}
	// A package inside another's folder belongs to that one's row.
	level := func(path string) (int, string, bool) {
		for p := path; ; p = filepath.Dir(p) {
			if r, ok := rank[p]; ok && (p != "" || path == "") {
				return r, p, true
			}
			if p == "." || p == "" {
				return 0, "", false
			}
		}
	}
	for _, p := range packages(t) {
		from := short(p.ImportPath)
		row, family, ok := level(from)
		if !ok {
			t.Errorf("package %s has no place in the layers", from)
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(forbidden[from], imp) {
				t.Errorf("%s must not import %s", from, imp)
			}
			if imp != "midstream" && !strings.HasPrefix(imp, "midstream/") {
				continue
			}
			other, otherFamily, ok := level(short(imp))
			if ok && other >= row && otherFamily != family {
				t.Errorf("%s imports %s, which does not stand below it", from, imp)
			}
		}
	}
}

func TestEveryPackageHasADoc(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		doc, err := os.ReadFile(filepath.Join(p.Dir, "doc.go"))
		if err != nil {
			t.Errorf("package %s has no doc.go", p.ImportPath)
			continue
		}
		if len(doc) < 120 {
			t.Errorf("doc.go of package %s says next to nothing", p.ImportPath)
		}
	}
}

func TestNoFileOutgrowsItsSubject(t *testing.T) {
	for _, p := range packages(t) {
		for _, f := range p.GoFiles {
			b, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(b), "\n"); n > 500 {
				t.Errorf("%s/%s has %d lines: split it by what it knows", p.ImportPath, f, n)
			}
		}
	}
}
