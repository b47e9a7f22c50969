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
	for _, o := range operators() {
		written := strings.TrimSpace("~" + o.name + " " + argumentOf(o))
		if !strings.Contains(page, "| `"+strings.ReplaceAll(written, "|", `\|`)+"` | ") {
			t.Errorf("the page has no row of %s", written)
		}
	}
	_, err = Parse("~d example ~c 20x", Folded)
	if e := err.(*Error); !strings.Contains(page, "midstream: "+e.Error()+"\n"+e.Pointer()) {
		t.Errorf("the page does not show:\n%v\n%s", e, e.Pointer())
	}
}

// argumentOf is what stands behind an operator, as the page writes it.
func argumentOf(o operator) string {
	switch o.arg {
	case text, octets:
		return "REGEX"
	case perhaps:
		return "[REGEX]"
	case statuses:
		return "STATUS"
	case sizes:
		return "SIZE"
	case times:
		return "TIME"
	case words:
		return strings.Join(o.words, "|")
	}
	return ""
}
