package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// A docCommand is one line of a page that a reader may type.
type docCommand struct{ page, line string }

var typed = regexp.MustCompile(`^([A-Z_]+=\S+ )*(sudo |midstream|curl|make|docker|tar|git|cd|go|sqlite3)\b`)

var variables = regexp.MustCompile(`^([A-Z_]+=\S+ )+`)

// docCommands returns the lines of every sh block, and the indented lines that
// begin with a command, without their comments. What is not a command but how
// one is written ("midstream flows body ID") is left out: docs/commands.md is
// made from the code.
func docCommands(t testing.TB) []docCommand {
	var list []docCommand
	for page, text := range pages(t) {
		fence := ""
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\n")
			if language, ok := strings.CutPrefix(line, "```"); ok {
				if fence != "" {
					fence = ""
				} else {
					fence = "``` " + language
				}
				continue
			}
			code, indented := strings.CutPrefix(line, "    ")
			if fence == "" && !(indented && page != "docs/commands.md" && typed.MatchString(code)) || fence != "" && fence != "``` sh" {
				continue
			}
			if !indented {
				code = strings.TrimSpace(line)
			}
			if i := strings.Index(code, " #"); i >= 0 {
				code = code[:i]
			}
			if code = strings.TrimSpace(code); code != "" {
				list = append(list, docCommand{page, code})
			}
		}
	}
	return list
}

// notRun are lines that no test runs, by how they begin, with the reason.
var notRun = map[string]string{
	"curl -U":               "its proxy is the line before",
	"make ":                 "it is what runs the tests, or takes minutes",
	"docker ":               "there is no container runtime in the tests",
	"sudo ":                 "it changes the machine",
	"git clone <":           "the repository is the reader's",
	"cd midstream":          "the folder is the reader's",
	"tar xzf midstream-":    "make release builds six archives first, which takes minutes",
	"CA=":                   "the tour: TestREADMETour runs it",
	"export https_proxy=":   "the tour: TestREADMETour runs it",
	"midstream ca trust":    "it asks, and changes the machine; --dry-run is run",
	"midstream ca untrust":  "as midstream ca trust",
	"curl -s --cacert $CA":  "the tour: TestREADMETour runs it",
	"curl -sN --cacert $CA": "the tour: TestREADMETour runs it",
}

// Every command that the pages show is run as printed: midstream beside a proxy
// that has recorded something, proxies until they listen. Only ports, the number
// of a flow and the folder differ, and a script sends names to an origin of the test.
func TestDocsCommands(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	p, dir, env := startForExample(t, "--web", "--web-port", "0", "--set", "web_password=secret")
	page := p.waitStderr(`web interface at http://([0-9.:]+)/`)[1]
	run(t, env, "curl", "-s", "-x", p.URL(), "--cacert", p.CA, "-d", "sent", "https://example.com/")
	p.live("example.com/")
	docFiles(t, dir, filepath.Dir(p.Confdir))
	seen := 0
	for _, c := range docCommands(t) {
		reason := ""
		for begin, why := range notRun {
			if strings.HasPrefix(c.line, begin) && !strings.Contains(c.line, "--dry-run") {
				reason = why
			}
		}
		if reason != "" {
			continue
		}
		seen++
		t.Run(c.page+": "+c.line, func(t *testing.T) {
			line := strings.NewReplacer("127.0.0.1:8080", p.Addr, "127.0.0.1:8081", page, "4471", "1", "flows body 1 --request", "flows body last --request").Replace(c.line)
			words := strings.Fields(variables.ReplaceAllString(line, ""))
			if words[0] == "midstream" && (len(words) == 1 || words[1] == "dump" && !strings.Contains(line, " -n ") || strings.HasPrefix(words[1], "-")) {
				if strings.Contains(line, "corp.p12") {
					line += " --cert-passphrase secret"
				}
				runUntil(t, dir, []string{"HOME=" + t.TempDir(), env[1]}, line+" -p 0", `listening on 127\.0\.0\.1:\d+`)
				return
			}
			if words[0] == "midstream" && len(words) > 1 && words[1] == "web" {
				runUntil(t, dir, []string{"HOME=" + t.TempDir(), env[1]}, line+" -p 0 --web-port 0", `web interface at http://127\.0\.0\.1:\d+`)
				return
			}
			env := env
			if words[0] == "midstream" && len(words) > 1 && words[1] == "browser" {
				return // TestBrowser opens one
			}
			if words[0] == "midstream" && len(words) > 1 && (words[1] == "run" || words[1] == "replay") { // its own proxy sends names to the origin as well
				env = append(slices.Clone(env), "MIDSTREAM_SSL_VERIFY_UPSTREAM_TRUSTED_CA="+authorityFile(t))
				if words[1] == "replay" {
					line += " -s redirect.js"
				} else if strings.Contains(line, "-s my.js") {
					line = strings.Replace(line, "-s my.js", "-s my.js -s redirect.js", 1)
				} else if !strings.Contains(line, "--attach") {
					env = append(env, "MIDSTREAM_SCRIPTS="+filepath.Join(dir, "redirect.js"))
				}
			}
			if strings.HasSuffix(line, "flows list --follow") {
				runUntil(t, dir, env, line, `https://example\.com/`)
				return
			}
			text := "cd " + dir + "\n" + line
			if strings.Contains(line, " import ") { // a folder of its own: the proxy's CA stays
				text = "export MIDSTREAM_CONFDIR=" + t.TempDir() + "\n" + text
			}
			if _, errs, err := attempt(t, env, "sh", "-c", text); err != nil {
				t.Errorf("%v\n%s", err, errs)
			}
		})
	}
	if seen < 30 {
		t.Errorf("only %d commands were found", seen)
	}
	for begin := range notRun {
		if !slices.ContainsFunc(docCommands(t), func(c docCommand) bool { return strings.HasPrefix(c.line, begin) }) {
			t.Errorf("no page has a line that begins with %q any more", begin)
		}
	}
}

// docFiles makes the files that the pages speak of.
func docFiles(t *testing.T, dir, home string) {
	t.Helper()
	write(t, filepath.Join(dir, "my.js"), "export function request(flow) {}\n")
	write(t, filepath.Join(dir, "their_addon.py"), "def request(flow): pass\n")
	write(t, filepath.Join(dir, "addon.py"), "def request(flow): pass\n")
	write(t, filepath.Join(dir, "secret.txt"), "secret\n")
	write(t, filepath.Join(dir, "shop.proto"), "syntax = \"proto3\"; package shop.v1; message Order { uint32 number = 1; }\n")
	write(t, filepath.Join(dir, "package.json"), `{"name":"tested","version":"1.0.0","scripts":{"test":"curl -s https://example.com/"}}`)
	write(t, filepath.Join(dir, "captured.har"), `{"log":{"entries":[{"request":{"method":"GET","url":"https://example.com/"},"response":{"status":200}}]}}`)
	write(t, filepath.Join(dir, "in.har"), `{"log":{"entries":[{"request":{"method":"POST","url":"https://example.com/in","postData":{"text":"a"}},"response":{"status":200,"content":{"text":"b"}}}]}}`)
	write(t, filepath.Join(dir, "change.js"), "export function response(flow) { flow.response.text = 'changed'; }\n")
	for _, to := range []string{"in.mitm", "in/"} {
		run(t, []string{"HOME=" + home}, binary, "convert", filepath.Join(dir, "in.har"), dir+"/"+to)
	}
	other := filepath.Join(t.TempDir(), "other")
	run(t, []string{"HOME=" + home}, binary, "ca", "path", "--confdir", other, "--key", "--passphrase", "secret")
	pem, err := os.ReadFile(filepath.Join(other, "midstream-ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	p12, err := os.ReadFile(filepath.Join(other, "midstream-ca.p12"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"example.pem", "mine.pem", "me.pem", "folder/example.com.pem", ".mitmproxy/mitmproxy-ca.pem"} {
		path := filepath.Join(dir, name)
		if strings.HasPrefix(name, ".mitmproxy") {
			path = filepath.Join(home, name)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, string(pem))
	}
	write(t, filepath.Join(dir, "company.p12"), string(p12))
	write(t, filepath.Join(dir, "corp.p12"), string(p12))
}

// runUntil runs a line that goes on, and when it has said what the pattern says
// ends it as a person does.
func runUntil(t *testing.T, dir string, env []string, line, pattern string) {
	t.Helper()
	cmd := exec.Command("sh", "-c", "cd "+dir+" && exec env "+line)
	cmd.Env = cleanEnv(env...)
	var said transcript
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		cmd.Wait()
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if said.wait(ctx, ended, pattern) == nil {
		t.Errorf("it does not say %q:\n%s", pattern, said.String())
		cmd.Process.Signal(syscall.SIGKILL)
		<-ended
		return
	}
	cmd.Process.Signal(os.Interrupt)
	<-ended
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with code %d:\n%s", code, said.String())
	}
}
