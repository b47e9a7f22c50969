package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tour of the README, run as printed: only the port differs, and a script
// sends example.com to an origin of the test.
func TestREADMETour(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	p, dir, env := startForExample(t)
	tour := strings.ReplaceAll(readmeBlock(t, "<!-- tour -->"), "127.0.0.1:8080", p.Addr)
	lines := strings.Split(strings.TrimSpace(tour), "\n")
	if len(lines) > 20 {
		t.Errorf("the tour has %d lines, it promises 20 at most", len(lines))
	}
	text := "set -e\ncd " + dir + "\n"
	// A person types slower than a flow takes to the disk; this script does not.
	text += "recorded() { for i in $(seq 200); do [ $(midstream flows list --json 2>/dev/null | wc -l) -ge $1 ] && return; done; exit 9; }\n"
	flows := 0
	for i, line := range lines {
		text += fmt.Sprintf("echo '== %d'\n%s\n", i+1, line)
		if strings.HasPrefix(line, "curl ") {
			flows++
			text += fmt.Sprintf("recorded %d\n", flows)
		}
	}
	out := run(t, env, "sh", "-c", text)
	for _, want := range []string{"https://example.com/", "an example", `"url":"https://example.com/"`, "midstream-ca-cert.pem", "stream_large_bodies"} {
		if !strings.Contains(out, want) {
			t.Errorf("the tour does not show %q:\n%s", want, out)
		}
	}
	if page, err := os.ReadFile(filepath.Join(dir, "page.html")); err != nil || string(page) != "an example\n" {
		t.Errorf("page.html: %q, %v", page, err)
	}
}

// One command from nothing to the first exchange: no CA yet, no proxy, no
// setting.
func TestREADMEFirstExchange(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	o := newOrigin(t)
	o.mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "an example\n") })
	u := newcomer(t).towards(o)
	if err := os.Symlink(binary, filepath.Join(u.dir, "midstream")); err != nil {
		t.Fatal(err)
	}
	out := run(t, append(u.env, "PATH="+u.dir+":"+os.Getenv("PATH")), "sh", "-c", readmeBlock(t, "<!-- first -->"))
	if out != "an example\n" {
		t.Errorf("it shows %q", out)
	}
	u.recorded().flow("https://example.com/").completed()
}

// startForExample starts a proxy that sends every name to an origin of the test,
// and gives the environment of a user who has midstream installed and whose
// ~/.midstream is the proxy's folder. dir is for the files of the user.
func startForExample(t *testing.T, args ...string) (p *proxy, dir string, env []string) {
	t.Helper()
	o := newOrigin(t)
	o.mux.HandleFunc("/{$}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "an example\n") })
	_, port, err := net.SplitHostPort(strings.TrimPrefix(o.HTTPS, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	script := filepath.Join(dir, "redirect.js")
	write(t, script, "export function server_connect(data) { data.server.address = ['127.0.0.1', "+port+"] }\n")
	p = start(t, append(args, "-s", script)...)
	home := filepath.Dir(p.Confdir)
	for from, to := range map[string]string{p.Confdir: filepath.Join(home, ".midstream"), binary: filepath.Join(dir, "midstream")} {
		if err := os.Symlink(from, to); err != nil {
			t.Fatal(err)
		}
	}
	return p, dir, []string{"HOME=" + home, "PATH=" + dir + ":" + os.Getenv("PATH")}
}

// readmeBlock returns the code block behind a marker.
func readmeBlock(t testing.TB, marker string) string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), marker+"\n```sh\n")
	block, _, ok := strings.Cut(rest, "\n```")
	if !ok {
		t.Fatalf("no block behind %s", marker)
	}
	return block
}
