package pyhost

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"midstream/hook"
)

const root = "../.."

var blocks = regexp.MustCompile("(?s)```python\n# examples/([^\n]+)\n(.*?)```")

func TestThePageShowsTheExamplesAsTheyAre(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "python.md"))
	if err != nil {
		t.Fatal(err)
	}
	found := blocks.FindAllStringSubmatch(string(page), -1)
	if len(found) == 0 {
		t.Fatal("the page shows none")
	}
	for _, m := range found {
		source, err := os.ReadFile(filepath.Join(root, "examples", m[1]))
		if err != nil || string(source) != m[2] {
			t.Errorf("%s differs from the page (%v)", m[1], err)
		}
	}
}

// Every event that a script may have, and every one that it may not, has its row.
func TestEveryEventHasItsRow(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(root, "docs", "from-mitmproxy.md"))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("lib/midstream_host/entities.py")
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Collect(maps.Keys(events))
	_, rest, _ := strings.Cut(string(source), "\nUNKNOWN = {")
	rest, _, _ = strings.Cut(rest, "\nLIB = ")
	for _, m := range regexp.MustCompile(`"([a-z0-9_]+)":`).FindAllStringSubmatch(rest, -1) {
		names = append(names, m[1])
	}
	if len(names) < 40 {
		t.Errorf("found only %q", names)
	}
	for _, name := range names {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("%s has no row", name)
		}
	}
}

// examples has one check for each Python file in examples.
var examples = map[string]func(t *testing.T, r *rig){
	"stream-everything.py": func(t *testing.T, r *rig) {
		if x := r.answered(t); x.Response.Stream.Wish != hook.DoNotWait {
			t.Error("it is not streamed")
		}
	},
	"modify-stream.py": func(t *testing.T, r *rig) {
		if got := stream(t, r.answered(t).Response.Stream, "a midstream", " b"); got != "a MIDSTREAM| b" {
			t.Errorf("got %q", got)
		}
	},
	"save-stream.py": func(t *testing.T, r *rig) {
		x := r.answered(t)
		if got := stream(t, x.Response.Stream, "one", "two"); got != "one|two" {
			t.Errorf("got %q", got)
		}
		folder, _ := r.options.Get("save_folder")
		p, err := os.ReadFile(filepath.Join(folder.(string), x.ID.String()))
		if err != nil || string(p) != "onetwo" {
			t.Errorf("saved %q, %v", p, err)
		}
		if !strings.Contains(r.log.String(), "saved ") {
			t.Error("it does not say so")
		}
	},
}

func (r *rig) answered(t *testing.T) *trip {
	t.Helper()
	x := r.trip("GET", "http://example.com/")
	if err := x.request(""); err != nil {
		t.Fatal(err)
	}
	if err := x.response(200, "", "Content-Type", "text/plain"); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root, "examples", "*.py"))
	if err != nil || len(files) == 0 {
		t.Fatal("no examples", err)
	}
	for _, path := range files {
		check := examples[filepath.Base(path)]
		if check == nil {
			t.Errorf("%s has no check", path)
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			saved := filepath.Join(t.TempDir(), "saved")
			r := newRig(t, string(source), func(c *Config) { c.Options.(*options).given["save_folder"] = saved })
			check(t, r)
		})
	}
}
