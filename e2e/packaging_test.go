package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What the service and the image start is a line that works, with nothing but what
// they say: no home, and one folder.
func TestPackagedLinesRun(t *testing.T) {
	t.Parallel()
	text := func(name string) string {
		b, err := os.ReadFile(filepath.Join("../packaging", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	only := func(name, pattern string) string {
		m := regexp.MustCompile(`(?m)^`+pattern+`$`).FindAllStringSubmatch(text(name), -1)
		if len(m) != 1 {
			t.Fatalf("%s: %d lines are %s", name, len(m), pattern)
		}
		return m[0][1]
	}
	t.Run("service", func(t *testing.T) {
		dir := t.TempDir()
		line := strings.ReplaceAll(only("midstream.service", `ExecStart=/usr/local/bin/midstream (.*)`), "/var/lib/midstream", dir)
		runUntil(t, dir, []string{"HOME=/"}, binary+" "+line+" -p 0", `recording in `+regexp.QuoteMeta(dir)+`/session \(at most 10\.0g, kept\)`)
	})
	t.Run("image", func(t *testing.T) {
		dir := t.TempDir()
		var words []string
		if err := json.Unmarshal([]byte(only("Dockerfile", `CMD (\[.*\])`)), &words); err != nil {
			t.Fatal(err)
		}
		env := strings.ReplaceAll(only("Dockerfile", `ENV (MIDSTREAM_CONFDIR=/data)`), "/data", dir)
		if entry := only("Dockerfile", `ENTRYPOINT (.*)`); entry != `["/midstream"]` {
			t.Errorf("it starts %s", entry)
		}
		runUntil(t, dir, []string{"HOME=/", env}, binary+" "+strings.Join(words, " ")+" -p 0", `listening on 0\.0\.0\.0:\d+\n(?s:.*)have to trust the CA `+regexp.QuoteMeta(dir)+`/midstream-ca-cert\.pem`)
	})
}
