package h2spec

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// module is a pinned build of the conformance tests; it has no go.mod of its own.
const module = "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"

// Tests are how many there are, and how many with those that only strict has.
const (
	Tests       = 145
	StrictTests = 146
)

// Build returns the path of the program: that of the variable H2SPEC, or one
// that is built now. Where neither is to be had, and in a short run, it skips t
// with the reason.
func Build(t testing.TB) string {
	t.Helper()
	if bin := os.Getenv("H2SPEC"); bin != "" {
		return bin
	}
	if testing.Short() {
		t.Skip("h2spec is not built in a short run; set H2SPEC to use one that is there")
	}
	dir := t.TempDir()
	cmd := exec.Command("go", "install", module)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		t.Skipf("h2spec could not be built: %v: %s", err, lines[len(lines)-1])
	}
	return filepath.Join(dir, "h2spec")
}

// Run runs all tests against host:port, once as they are and once strictly, and
// fails t with what did not pass. args are further arguments, as "-t", "-k" for
// a server that speaks TLS.
func Run(t testing.TB, bin, host string, port int, args ...string) {
	t.Helper()
	line := append([]string{"-h", host, "-p", strconv.Itoa(port), "-o", "5"}, args...)
	for _, c := range []struct {
		strict string
		want   int
	}{{"", Tests}, {"--strict", StrictTests}} {
		run := line
		if c.strict != "" {
			run = append(run[:len(run):len(run)], c.strict)
		}
		out, err := exec.Command(bin, run...).CombinedOutput()
		text := string(out)
		if total, passed := sums(text); err != nil || total < c.want || passed != total {
			if i := strings.Index(text, "Failures:"); i >= 0 {
				text = text[i:]
			}
			t.Errorf("h2spec %s: %v: %d of %d passed\n%s", strings.Join(run, " "), err, passed, c.want, text)
		}
	}
}

var summary = regexp.MustCompile(`(\d+) tests, (\d+) passed, 0 skipped, 0 failed`)

// sums reads the last line of a run in which nothing failed.
func sums(text string) (total, passed int) {
	m := summary.FindStringSubmatch(text)
	if m == nil {
		return 0, 0
	}
	total, _ = strconv.Atoi(m[1])
	passed, _ = strconv.Atoi(m[2])
	return total, passed
}
