package api

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What goes wrong in scripts of either kind is told, with its place, and their
// options and commands are there.
func TestScriptsTheirFaultsOptionsAndCommands(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	dir := t.TempDir()
	js, py := filepath.Join(dir, "a.js"), filepath.Join(dir, "b.py")
	for path, text := range map[string]string{
		js: "export function request(flow) {\n  if (flow.request.path == '/js') throw new Error('from js')\n}\n",
		py: `from mitmproxy import command, ctx
class B:
    def load(self, loader):
        loader.add_option("words", str, "few", "how many words")
    def request(self, flow):
        if flow.request.path == "/py":
            raise ValueError("from py")
    @command.command("b.words")
    def words(self, more: str) -> str:
        """Says words."""
        return ctx.options.words + " " + more
addons = [B()]
`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := newRig(t, nil, "scripts="+py, "scripts="+js)
	var out struct{ Scripts []ScriptState }
	if r.call("GET", "/scripts", "", &out); len(out.Scripts) != 2 || out.Scripts[0].Path != py || out.Scripts[1].Path != js || !out.Scripts[0].Loaded || !out.Scripts[1].Loaded || out.Scripts[0].Error+out.Scripts[1].Error != "" {
		t.Fatalf("%+v", out)
	}
	r.through("/js")
	r.through("/py")
	r.call("GET", "/scripts", "", &out)
	if e := out.Scripts[0]; !strings.Contains(e.Error, "from py") || !strings.HasPrefix(e.Error, py+":7: ") || e.At == nil {
		t.Errorf("%+v", e)
	}
	if e := out.Scripts[1]; !strings.Contains(e.Error, "from js") || !strings.Contains(e.Error, "a.js:2:") || e.At == nil {
		t.Errorf("%+v", e)
	}
	if code := r.call("PATCH", "/options", `{"words":"many"}`, nil); code != 200 {
		t.Error(code)
	}
	var opt struct{ Value, Help, Group string }
	if code := r.call("GET", "/options/words", "", &opt); code != 200 || opt.Value != "many" || opt.Help != "how many words" {
		t.Errorf("%d %+v", code, opt)
	}
	var list struct{ Commands []Command }
	if r.call("GET", "/commands", "", &list); len(list.Commands) != 1 || list.Commands[0].Name != "b.words" || list.Commands[0].Help != "Says words." || fmt.Sprint(list.Commands[0].Args) != "[[more str]]" {
		t.Errorf("%+v", list)
	}
	var said struct{ Value any }
	if code := r.call("POST", "/commands/b.words", `{"args":["and more"]}`, &said); code != 200 || said.Value != "many and more" {
		t.Errorf("%d %+v", code, said)
	}
	for path, status := range map[string]int{"/commands/none": 404, "/commands/b.words": 409} {
		var wrong struct{ Error Error }
		if code := r.call("POST", path, `{}`, &wrong); code != status || wrong.Error.Text == "" || strings.Contains(wrong.Error.Text, "\n") {
			t.Errorf("%s: %d %+v", path, code, wrong)
		}
	}
}
