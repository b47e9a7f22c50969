package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The empty page opens a browser of this machine with a fresh profile, which ends
// with midstream.
func TestPageOpensABrowser(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the browser of the test is a shell script")
	}
	t.Parallel()
	bin := t.TempDir()
	started := filepath.Join(bin, "started")
	script := fmt.Sprintf("#!/bin/sh\necho \"$0 $*\" > %[1]s.new\nmv %[1]s.new %[1]s\nexec sleep 1000\n", started)
	for name, text := range map[string]string{"chromium": script, "firefox": script, "certutil": "#!/bin/sh\nexit 0\n"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	env := []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "DISPLAY=:nowhere"}
	p := startIn(t, env, "--web", "--web-port", "0")
	url := p.waitStderr(`web interface at (http://\S+)`)[1]
	b := visit(t, url)
	loadAxe(b)
	button := `[...document.querySelectorAll('.empty button')].find(e => e.innerText.startsWith('Open ') && !e.innerText.includes('file'))`
	b.until("the button", `%s`, button)
	axeEach(b, "empty-browser")
	js[any](b, `(%s.click(), 0)`, button)
	b.until("it is open", `document.body.innerText.includes('is open, with a fresh profile')`)
	js[any](b, `(%s.click(), 0)`, button)
	b.until("one at a time", `document.body.innerText.includes('is open already')`)
	line := ""
	for line == "" {
		js[any](b, `fetch('/api/v1/state').then(() => 0)`) // the program starts behind what is said; this is pace enough
		text, err := os.ReadFile(started)
		if err == nil {
			line = string(text)
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	profile := ""
	for word := range strings.FieldsSeq(strings.ReplaceAll(line, "=", " ")) {
		if strings.Contains(word, filepath.Join(p.Confdir, "browser")) {
			profile = word
		}
	}
	if _, err := os.Stat(profile); profile == "" || err != nil {
		t.Errorf("%s: %v", line, err)
	}
	p.stop()
	if _, err := os.Stat(profile); !os.IsNotExist(err) {
		t.Errorf("the profile is there still: %v", err)
	}

	readonly := startIn(t, env, "--web", "--web-port", "0", "--web-readonly")
	b.open(readonly.waitStderr(`web interface at (http://\S+)`)[1], 1280, 800, "light")
	b.until("the empty page", `document.body.innerText.includes('midstream browser')`)
	if js[bool](b, `!!(%s)`, button) {
		t.Error("who may change nothing can open a browser")
	}
}
