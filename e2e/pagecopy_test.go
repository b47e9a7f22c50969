package e2e

import (
	"io"
	"net/http"
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
