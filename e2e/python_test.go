package e2e

import (
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const pythonScript = `
import asyncio, os, sys
import beside
from mitmproxy import ctx, http

class Addon:
    def load(self, loader):
        loader.add_option("tag", str, "none", "A tag.")
    async def requestheaders(self, flow):
        await asyncio.sleep(0)
        flow.request.headers["X-Tag"] = ctx.options.tag
    def request(self, flow: http.HTTPFlow):
        if flow.request.path == "/made":
            flow.response = http.Response.make(203, "made " + beside.word)
        elif flow.request.path == "/kill":
            flow.kill()
        elif flow.request.path == "/boom":
            raise RuntimeError("boom")
        elif flow.request.path == "/die":
            os._exit(3)
        elif flow.request.content:
            flow.request.text = flow.request.text.upper()
    def responseheaders(self, flow):
        if flow.request.path.startswith("/pieces"):
            flow.response.stream = lambda chunk: chunk.replace(b"0", b"X")
    def response(self, flow):
        if flow.response.headers.get("content-encoding"):
            flow.response.text = flow.response.text.replace("brown", "red")
        if flow.request.path == "/hello":
            self.kept = flow
    def done(self):
        print("done", ctx.options.tag, self.kept.response.content)

addons = [Addon()]
`

// An addon in Python, as people have them, changes what passes; one that fails, or
// takes its process with it, breaks nothing but what it held.
func TestPythonAddon(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped: there is no python3")
	}
	o := newOrigin(t)
	o.mux.HandleFunc("/gzip", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "the quick brown fox")
		z.Close()
	})
	dir := t.TempDir()
	path := filepath.Join(dir, "addon.py")
	if err := os.WriteFile(path, []byte(pythonScript), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "beside.py"), []byte("word = 'beside'\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-s", path, "--set", "tag=mine")
	c := p.client()
	body := func(path string) string {
		t.Helper()
		r := get(t, c, o.HTTPS+path)
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if got := body("/hello"); got != "hello\n" || o.asked("/hello").Header.Get("X-Tag") != "mine" {
		t.Errorf("%q, tag %q", got, o.asked("/hello").Header.Get("X-Tag"))
	}
	if got := body("/made"); got != "made beside" {
		t.Errorf("%q", got)
	}
	z, err := gzip.NewReader(strings.NewReader(body("/gzip")))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); string(got) != "the quick red fox" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if r, err := c.Get(o.HTTPS + "/kill"); err == nil {
		t.Errorf("a flow that was killed got %s", r.Status)
	}
	r, err := c.Post(o.HTTPS+"/echo", "text/plain", strings.NewReader("louder"))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if string(b) != "LOUDER" {
		t.Errorf("the origin got %q", b)
	}
	for _, path := range []string{"/boom", "/die", "/hello"} {
		r := get(t, c, o.HTTPS+path)
		io.Copy(io.Discard, r.Body)
		if want := map[bool]int{true: 200, false: 404}[path == "/hello"]; r.StatusCode != want {
			t.Errorf("%s: %s", path, r.Status)
		}
	}
	if got := body("/hello"); got != "hello\n" || o.asked("/hello").Header.Get("X-Tag") != "mine" {
		t.Errorf("after the process died: %q", got)
	}
	p.stop()
	if out := p.stdout.String(); !strings.Contains(out, "done mine b'hello\\n'\n") {
		t.Errorf("done has not run: %s", out)
	}
	for _, want := range []string{"RuntimeError: boom", "exit status 3; it is started again", "Python 3."} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("standard error lacks %q", want)
		}
	}
}
