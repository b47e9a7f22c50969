package e2e

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const firstScript = `
function request(flow) {
  flow.request.headers["X-Asked-By"] = "script";
}
function responseheaders(flow) {
  flow.response.headers["X-Version"] = "one";
  if (flow.request.path.startsWith("/pieces")) {
    flow.response.stream = (chunk) => chunk.map((b) => b + 1);
  }
}
function response(flow) {
  if (flow.request.path.startsWith("/hello")) flow.response.text = flow.response.text.toUpperCase();
}
`

const secondScript = `
function responseheaders(flow) {
  flow.response.headers["X-Version"] = "two";
}
`

// A script changes what is held, what streams, and what is sent up; saving the
// file brings the new version, and neither the connection nor the stream that
// runs is dropped for it.
func TestScriptChangesAndReloads(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	path := filepath.Join(t.TempDir(), "my.js")
	write := func(source string) {
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(firstScript)
	p := start(t, "-s", path)
	c := p.client()
	hello := func() (version, body string) {
		r := get(t, c, o.HTTPS+"/hello")
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.Header.Get("X-Version"), string(b)
	}
	if version, body := hello(); version != "one" || body != "HELLO\n" {
		t.Errorf("version %q body %q", version, body)
	}
	if got := o.asked("/hello").Header.Get("X-Asked-By"); got != "script" {
		t.Errorf("the origin got X-Asked-By %q", got)
	}

	long := get(t, p.client(), o.HTTPS+"/pieces?id=script&n=3")
	shifted := func(i int) {
		t.Helper()
		got := make([]byte, 1000)
		if _, err := io.ReadFull(long.Body, got); err != nil || string(got) != piece(i+1) {
			t.Fatalf("piece %d came as %.20q, %v", i, got, err)
		}
	}
	shifted(0)
	write(secondScript)
	give := time.Now().Add(patience)
	for {
		version, body := hello()
		if version == "two" && body == "hello\n" {
			break
		}
		if time.Now().After(give) {
			t.Fatalf("the new version does not come: version %q body %q", version, body)
		}
	}
	// The stream that ran keeps the version it began with.
	o.open("script")
	shifted(1)
	o.open("script")
	shifted(2)
	o.open("script")
	if rest, err := io.ReadAll(long.Body); err != nil || len(rest) > 0 {
		t.Errorf("the end: %d bytes, %v", len(rest), err)
	}

	// A file that does not load leaves the old version at work.
	write("function response(flow) { this is no script")
	p.waitStderr(`(?i)my\.js`)
	if version, _ := hello(); version != "two" {
		t.Errorf("after a broken file: version %q", version)
	}
	s := p.recorded()
	f := s.flow("/pieces?id=script&n=3")
	f.completed()
	if !strings.HasPrefix(s.flow("/hello").URL, "https://localhost:") || f.Status != 200 {
		t.Errorf("recorded as %+v", f)
	}
}
