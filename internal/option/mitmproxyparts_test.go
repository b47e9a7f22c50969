package option

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every addon and every command of mitmproxy has its row, and no other has one; what
// a row calls an option is one.
func TestEveryAddonAndCommandOfMitmproxyHasItsRow(t *testing.T) {
	r := mustLoad(t, "", nil)
	code := regexp.MustCompile("`([a-z0-9]+(?:_[a-z0-9]+)+)`")
	for file, rows := range map[string][]Row{"addons": MitmproxyAddons(), "commands": MitmproxyCommands()} {
		text, err := os.ReadFile("testdata/mitmproxy-" + file + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(line, "#") {
				want = append(want, strings.TrimSpace(line))
			}
		}
		for _, row := range rows {
			got = append(got, strings.Fields(row.Name)...)
			if row.State != Works && row.Note == "" {
				t.Errorf("the row of %s does not say what to do", row.Name)
			}
			for _, m := range code.FindAllStringSubmatch(row.Note, -1) {
				if _, ok := r.Lookup(m[1]); !ok {
					t.Errorf("the row of %s names the option %s, which is not there", row.Name, m[1])
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(want, got) {
			t.Errorf("%s: the rows have\n%q\nand mitmproxy has\n%q", file, got, want)
		}
	}
}
