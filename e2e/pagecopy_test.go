package e2e

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The line that "copy as curl" gives is safe in a shell, and sends what was
// sent.
func TestPageCopyAsCurl(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	o := newOrigin(t)
	p, url := startPage(t)
	const odd = "it's \"$HOME\" `id` \\ $(id)\n\u00fc\u20ac @file & ; |"
	req, _ := http.NewRequest("PUT", o.HTTP+"/echo?q=it's;$(id)", strings.NewReader(odd))
	req.Header.Set("X-Odd", "a'b\"c `id` $HOME")
	req.Header["X-Twice"] = []string{"1", "2"}
	answer, err := p.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	was := o.asked("/echo?q=it's;$(id)")
	b := visit(t, url)
	js[any](b, `(navigator.clipboard.writeText = async text => { window.copied = text }, 0)`)
	openFlow(b, "/echo")
	b.key("y", "c")
	b.until("the line", `window.copied?.startsWith('curl ')`)
	run(t, nil, "sh", "-c", js[string](b, `window.copied`)+" -s -o "+t.TempDir()+"/out")
	now := o.asked("/echo?q=it's;$(id)")
	if len(o.seen) != 2 {
		t.Errorf("the origin was asked %d times", len(o.seen))
	}
	if now.Method != was.Method || now.SHA256 != was.SHA256 {
		t.Errorf("sent again as %s with %d octets, not %s with %d", now.Method, now.Size, was.Method, was.Size)
	}
	for _, name := range []string{"X-Odd", "X-Twice", "User-Agent", "Accept-Encoding"} {
		if got, want := strings.Join(now.Header[name], ", "), strings.Join(was.Header[name], ", "); got != want {
			t.Errorf("%s is %q, not %q", name, got, want)
		}
	}
	b.key("y", "u")
	b.until("the URL", `window.copied?.startsWith('http') && window.copied.includes('/echo?q=')`)
	b.key("y", "q")
	b.until("the request, whole", `window.copied?.startsWith('PUT ') && window.copied.includes('\r\nX-Odd: a') && window.copied.endsWith(' @file & ; |') && !window.copied.includes('HTTP/1.1 200')`)
	b.key("y", "p")
	b.until("the response", `window.copied?.startsWith('HTTP/1.1 200') && window.copied.endsWith(' @file & ; |')`)
	tabOf(b, "raw")
	press(b, ".raw", "Copy both")
	b.until("both", `window.copied?.startsWith('PUT ') && window.copied.includes(' @file & ; |\r\n\r\nHTTP/1.1 200')`)
	press(b, ".raw", "Copy head")
	b.until("a head", `window.copied?.startsWith('PUT ') && !window.copied.includes('@file')`)
}

// A body that is too large for a line is a file beside it.
func TestPageCopiesALargeRequest(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	o := newOrigin(t)
	p, url := startPage(t)
	answer, err := p.client().Post(o.HTTP+"/sink?large", "text/plain", strings.NewReader(strings.Repeat("a large body\n", 10_000)))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
	answer.Body.Close()
	was := o.asked("/sink?large")
	b := visit(t, url)
	dir := t.TempDir()
	b.call("Page.setDownloadBehavior", map[string]any{"behavior": "allow", "downloadPath": dir}, nil)
	js[any](b, `(navigator.clipboard.writeText = async text => { window.copied = text }, 0)`)
	openFlow(b, "/sink")
	b.key("y", "c")
	b.until("the line, and the file it names", `window.copied?.includes('--data-binary @flow-1-request') && document.querySelector('[data-testid=status]').innerText.includes('flow-1-request')`)
	file := filepath.Join(dir, "flow-1-request")
	for _, err := os.Stat(file); err != nil; _, err = os.Stat(file) {
		js[any](b, `fetch('/api/v1/state').then(() => 0)`) // the browser saves it meanwhile; this is pace enough
	}
	run(t, nil, "sh", "-c", "cd "+dir+" && "+js[string](b, `window.copied`)+" -s -o out")
	if now := o.asked("/sink?large"); len(o.seen) != 2 || now.SHA256 != was.SHA256 || now.Size != 130_000 {
		t.Errorf("sent again with %d octets, %d times", now.Size, len(o.seen))
	}
}
