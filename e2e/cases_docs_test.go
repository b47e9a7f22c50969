package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every code that a flow can have as a finding is explained.
func TestCasesFindingsAreExplained(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	for _, text := range pages(t) {
		page.WriteString(text)
	}
	code := regexp.MustCompile(`(?:[fF]ind\(|Code: +)"([a-z0-9-]{3,})"`)
	named := regexp.MustCompile(`(?m)^\t[A-Z]\w+ += "([a-z0-9]+(?:-[a-z0-9]+)+)"$`)
	seen := 0
	for _, root := range []string{"../internal", "../hook", "../flow"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if d.IsDir() && (d.Name() == "api" || d.Name() == "view") {
				return fs.SkipDir // their codes are others
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			found := code.FindAllStringSubmatch(string(text), -1)
			if filepath.Base(path) == "finding.go" {
				found = append(found, named.FindAllStringSubmatch(string(text), -1)...)
			}
			for _, m := range found {
				seen++
				if !strings.Contains(page.String(), "`"+m[1]+"`") && !strings.HasSuffix(m[1], "-") {
					t.Errorf("no page explains the finding %s of %s", m[1], path)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 30 {
		t.Errorf("only %d codes were found", seen)
	}
}
