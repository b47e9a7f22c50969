package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// pages returns README and everything under docs, by path from the root.
func pages(t testing.TB) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../docs/*.md")
	if err != nil || len(paths) == 0 {
		t.Fatal("no pages", err)
	}
	texts := make(map[string]string)
	for _, path := range append(paths, "../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimPrefix(filepath.ToSlash(path), "../")] = string(text)
	}
	return texts
}

var link = regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)

func TestDocsLinksResolve(t *testing.T) {
	t.Parallel()
	index := pages(t)["docs/README.md"]
	for page, text := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			}
		}
		if name := filepath.Base(page); name != "README.md" && !strings.Contains(index, "("+name+")") {
			t.Errorf("%s is not in the index", page)
		}
	}
}

// theirs are flags and variables of other programs that the pages name.
var theirs = []string{"--cacert", "--ca-certificate", "--disable-quic", "--build-arg", "--name", "--now", "--tags", "--always", "--add", "--system", "--http2-prior-knowledge", "--proxy-user"}

var (
	longFlag = regexp.MustCompile(`(?:^|[\s` + "`" + `(])(--[a-z][a-z0-9_-]+)`)
	setting  = regexp.MustCompile(`--set '?([a-z_]+)`)
	variable = regexp.MustCompile(`\bMIDSTREAM_([A-Z_]+)\b`)
)

// Every flag, option and variable that a page names is there.
func TestDocsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	var known strings.Builder
	known.WriteString(run(t, nil, binary, "man") + run(t, nil, binary, "help", "options") + pages(t)["docs/commands.md"])
	flags := strings.ReplaceAll(known.String(), `\-`, "-")
	var list struct {
		Options []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(run(t, nil, binary, "options", "--json")), &list); err != nil || len(list.Options) < 40 {
		t.Fatal(len(list.Options), err)
	}
	names := map[string]bool{"SSLKEYLOGFILE": true, "NAME": true, "BENCH": true, "SOAK": true, "name": true, "greeting": true, "GREETING": true} // the last of an example script
	for _, o := range list.Options {
		names[o.Name], names[strings.ToUpper(o.Name)] = true, true
		flags += " --" + strings.ReplaceAll(o.Name, "_", "-") + " --" + o.Name + " "
	}
	for page, text := range pages(t) {
		if page == "docs/from-mitmproxy.md" || page == "docs/commands.md" {
			continue // made from the code
		}
		for _, m := range longFlag.FindAllStringSubmatch(text, -1) {
			name := strings.TrimRight(m[1], "-")
			if !strings.Contains(flags, name) && !strings.Contains(strings.Join(theirs, " ")+" --no ", name) {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
		for _, re := range []*regexp.Regexp{setting, variable} {
			for _, m := range re.FindAllStringSubmatch(text, -1) {
				if !names[m[1]] {
					t.Errorf("%s names %s, which is not there", page, m[0])
				}
			}
		}
	}
}

// Numbers in the pages are those of the code.
func TestDocsNumbers(t *testing.T) {
	t.Parallel()
	texts := pages(t)
	for _, c := range []struct{ file, name, page, want string }{
		{"internal/body/budget.go", "defaultBodyMemory", "docs/speed.md", "| %s; "},
		{"internal/body/budget.go", "defaultMemory", "docs/speed.md", "; %s, then a file |"},
		{"internal/body/budget.go", "defaultBody", "docs/speed.md", "| %s; the smaller of"},
		{"internal/body/budget.go", "defaultDisk", "docs/speed.md", "the smaller of %s and half"},
		{"internal/body/budget.go", "defaultBodyMemory", "docs/streaming.md", "lives in memory up to %s ("},
		{"internal/body/budget.go", "defaultMemory", "docs/streaming.md", "(%s in all)"},
		{"internal/body/budget.go", "defaultBody", "docs/streaming.md", "up to %s ("},
		{"internal/body/budget.go", "defaultDisk", "docs/streaming.md", "(in all %s, or half"},
		{"internal/body/buffers.go", "largeBudget", "docs/speed.md", "large buffers of bodies; of connections | %s;"},
		{"internal/store/queue.go", "flowQueue", "docs/speed.md", "a flow; all of them | %s; "},
		{"internal/store/queue.go", "bodyQueue", "docs/speed.md", " MiB; %s |"},
		{"internal/http1/limits.go", "aheadLimit", "docs/speed.md", "is awaited | %s |"},
		{"internal/store/config.go", "DefaultMinFree", "docs/sessions.md", "`session_min_free` | %s |"},
	} {
		source, err := os.ReadFile(filepath.Join("..", c.file))
		if err != nil {
			t.Fatal(err)
		}
		m := regexp.MustCompile(`\b` + c.name + `\s*=\s*(\d+) << (\d+)`).FindSubmatch(source)
		if m == nil {
			t.Errorf("%s has no constant %s", c.file, c.name)
			continue
		}
		n, _ := strconv.ParseInt(string(m[1]), 10, 64)
		shift, _ := strconv.Atoi(string(m[2]))
		want := fmt.Sprintf(c.want, iec(n<<shift))
		if !strings.Contains(strings.ReplaceAll(texts[c.page], "\n", " "), want) {
			t.Errorf("%s does not say %q, which %s in %s is", c.page, want, c.name, c.file)
		}
	}
}

// iec writes octets as the pages do.
func iec(n int64) string {
	for _, unit := range []string{"B", "KiB", "MiB"} {
		if n < 1024 || n%1024 != 0 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n /= 1024
	}
	return fmt.Sprintf("%d GiB", n)
}

// What docs/troubleshooting.md quotes is what the code says.
func TestDocsQuoteMessages(t *testing.T) {
	t.Parallel()
	page := pages(t)["docs/troubleshooting.md"]
	for _, c := range []struct {
		file  string
		parts []string
	}{
		{"internal/proxy/refused.go", []string{"it does not trust midstream's certificate (alert: ", "make it trust the CA (midstream ca trust, or midstream ca path), or pass the host on with --ignore-hosts '",
			"it closed the connection; it may not trust midstream's certificate", "client-refused-certificate"}},
		{"internal/proxy/listen.go", []string{" is taken", "choose another port with -p PORT, or -p 0 for a free one"}},
		{"internal/upstream/secure.go", []string{"certificate is signed by an unknown authority; name it with --set ssl_verify_upstream_trusted_ca=FILE, or use --ssl-insecure (-k) to accept it",
			"certificate has expired on ", "; use --ssl-insecure (-k) to accept it", "certificate is not valid before ", " (check this machine's clock)", "certificate is not for ", " but for ",
			"it refused with the alert ", ": no cipher suite or version in common, or it wants a client certificate (--set client_certs=FILE)",
			"it does not speak TLS on this port", " (it answered in plain HTTP); use http:// for it"}},
		{"internal/upstream/dial.go", []string{"connection refused; nothing listens there, or a firewall says so", "no such host; check its name"}},
		{"internal/store", []string{"the disk is nearly full: bodies are not recorded, traffic goes on; free some space or lower session_min_free", "the disk could not keep up for "}},
		{"internal/script/install.go", []string{"script exports a function that is no event"}},
	} {
		var source strings.Builder
		files := []string{filepath.Join("..", c.file)}
		if !strings.HasSuffix(c.file, ".go") {
			files, _ = filepath.Glob(filepath.Join("..", c.file, "*.go"))
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(text)
		}
		for _, part := range c.parts {
			if !strings.Contains(source.String(), part) || !strings.Contains(page, part) {
				t.Errorf("%q: in %s: %v, on the page: %v", part, c.file, strings.Contains(source.String(), part), strings.Contains(page, part))
			}
		}
	}
}
