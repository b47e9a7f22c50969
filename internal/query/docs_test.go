package query

import (
	"os"
	"strings"
	"testing"
)

// The page lists every operator with its argument, and shows the error as it is.
func TestPageHasTheLanguage(t *testing.T) {
	p, err := os.ReadFile("../../docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(p)
	for _, o := range Operators() {
		written := strings.TrimSpace(o.Name + " " + o.Argument)
		if !strings.Contains(page, "| `"+strings.ReplaceAll(written, "|", `\|`)+"` | ") {
			t.Errorf("the page has no row of %s", written)
		}
	}
	_, err = Parse("~d example ~c 20x", Folded)
	if e := err.(*Error); !strings.Contains(page, "midstream: "+e.Error()+"\n"+e.Pointer()) {
		t.Errorf("the page does not show:\n%v\n%s", e, e.Pointer())
	}
}
