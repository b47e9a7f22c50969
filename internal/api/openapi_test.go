package api

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The document has every route and no other.
func TestTheDocumentHasEveryRoute(t *testing.T) {
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Paths map[string]map[string]any }
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var said, there []string
	for path, methods := range doc.Paths {
		for method := range methods {
			if method != "parameters" {
				said = append(said, strings.ToUpper(method)+" "+path)
			}
		}
	}
	for _, r := range new(Server).table() {
		there = append(there, r.method+" "+r.path)
	}
	slices.Sort(said)
	slices.Sort(there)
	if !slices.Equal(said, there) {
		t.Errorf("docs/openapi.yaml has\n%s\n\nand there are\n%s", strings.Join(said, "\n"), strings.Join(there, "\n"))
	}
}
