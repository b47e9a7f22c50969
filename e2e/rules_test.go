package e2e

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// Rules of mitmproxy's options through the whole program: an event leaves whole
// while the stream goes on, a compressed body is decoded and coded again, and what
// was recorded is what was sent.
func TestRulesOnTheWire(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: a colour\n\n")
			w.(http.Flusher).Flush()
			<-next
			io.WriteString(w, "data: no col")
			w.(http.Flusher).Flush()
			io.WriteString(w, "our\n\n")
		case "/zipped":
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			io.WriteString(z, strings.Repeat("colour ", 1000))
			z.Close()
		case "/echo":
			io.Copy(w, r.Body)
		}
	}))
	defer origin.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "big"), []byte(strings.Repeat("x", 1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "-B", "/~s/colour/color", "-B", "/~q/secret/[gone]", "-H", "/~s/X-Rule/on", "--map-local", "|local.test/|"+dir,
		"--block-list", "/~d bad.test/451", "--block-list", "/~d shut.test/444", "-M", "|http://old.test|"+origin.URL,
		"--fault", "/~d broken.test/status:code=503", "--fault", "/~u cut & ~s/cut:after=100")
	c := p.client()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", origin.URL+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len("data: a color\n\n"))
	if _, err := io.ReadFull(r.Body, buf); err != nil || string(buf) != "data: a color\n\n" {
		t.Fatalf("%q, %v", buf, err)
	}
	close(next)
	if rest, err := io.ReadAll(r.Body); err != nil || string(rest) != "data: no color\n\n" || r.Header.Get("X-Rule") != "on" {
		t.Fatalf("%q, %v", rest, err)
	}
	r.Body.Close()
	get := func(url string) (int, string) {
		t.Helper()
		r, err := c.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, string(b)
	}
	if status, b := get(origin.URL + "/zipped"); status != 200 {
		t.Errorf("%d", status)
	} else if z, err := gzip.NewReader(strings.NewReader(b)); err != nil {
		t.Error(err)
	} else if content, err := io.ReadAll(z); err != nil || string(content) != strings.Repeat("color ", 1000) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if status, b := get("http://local.test/big"); status != 200 || len(b) != 1<<20 {
		t.Errorf("%d, %d bytes", status, len(b))
	}
	if status, _ := get("http://bad.test/"); status != 451 {
		t.Errorf("blocked with %d", status)
	}
	if status, _ := get("http://broken.test/"); status != 503 {
		t.Errorf("the fault answered with %d", status)
	}
	if r, err := c.Get("http://local.test/big?cut"); err != nil {
		t.Error(err)
	} else if b, err := io.ReadAll(r.Body); err == nil || len(b) != 100 {
		t.Errorf("a body that was to be cut: %d bytes, %v", len(b), err)
	}
	if _, err := c.Get("http://shut.test/"); err == nil {
		t.Error("444 was answered")
	}
	if status, _ := get("http://old.test/zipped"); status != 200 {
		t.Errorf("mapped: %d", status)
	}
	r, err = c.Post(origin.URL+"/echo", "text/plain", strings.NewReader("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if b, _ := io.ReadAll(r.Body); string(b) != "a [gone]" {
		t.Errorf("the request was %q", b)
	}
}

// `midstream rules` on a midstream that runs: it makes the change itself, has it in
// force when the command ends, and writes its file; rules of its options stay out.
func TestRulesOfARunningMidstream(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "a colour") }))
	defer origin.Close()
	p := start(t, "--block-list", "/~u blocked/451")
	c := p.client()
	get := func(path string) string {
		t.Helper()
		r, err := c.Get(origin.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.Status + " " + string(b)
	}
	p.midstream("rules", "add", "--name", "spelling", "--when", "~s", "modify_body", "find=colour", "replace=color")
	if got := get("/"); got != "200 OK a color" {
		t.Errorf("added: %s", got)
	}
	p.midstream("rules", "off", "spelling")
	if got := get("/"); got != "200 OK a colour" {
		t.Errorf("switched off: %s", got)
	}
	p.midstream("rules", "on", "spelling")
	get("/blocked")
	list := p.midstream("rules", "list")
	if !strings.Contains(list, "on        1  block_list      block_list option 1  (~u blocked)\n") || !strings.Contains(list, "on        1  modify_body     spelling  (~s)\n") {
		t.Errorf("the list is\n%s", list)
	}
	if _, stderr, err := p.try("rules", "off", "block_list option 1"); err == nil || !strings.Contains(stderr, "comes from option block_list") {
		t.Errorf("%v: %s", err, stderr)
	}
	if _, stderr, err := p.try("rules", "add", "modify_body", "find=(", "replace="); err == nil || !strings.Contains(stderr, `pattern "("`) {
		t.Errorf("%v: %s", err, stderr)
	}
	text, err := os.ReadFile(filepath.Join(p.Confdir, "rules.yaml"))
	if want := "- on: true\n  name: spelling\n  when: ~s\n  do: modify_body\n  find: colour\n  replace: color\n"; err != nil || string(text) != want {
		t.Errorf("the file is %q, %v", text, err)
	}
}

// Rules and an intercept whose filters ask for bodies: nothing of the body passes
// before they are decided.
func TestRulesThatAskForBodies(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		b, _ := io.ReadAll(r.Body)
		w.Write(append([]byte(r.URL.Path+" got "), b...))
	}))
	defer origin.Close()
	p := start(t, "--block-list", "/~bq forbidden/403", "-M", "|~bq elsewhere|/here|/there", "-B", "/~bs many/colour/color",
		"-H", "/~b secret/X-Secret/1", "--set", "intercept=~bs 'stop me'", "--set", "intercept_timeout=100ms")
	cases := []struct{ body, want, secret, finding string }{
		{"plain", "/here got plain", "", ""},
		{"forbidden", "", "", "blocked"},
		{"elsewhere", "/there got elsewhere", "", "map-remote"},
		{"many colours", "/here got many colors", "", "body-modified"},
		{"a secret", "/here got a secret", "1", ""},
		{"stop me", "/here got stop me", "", "intercept-over"},
	}
	for i, c := range cases {
		before := asked.Load()
		req, err := http.NewRequest("POST", fmt.Sprintf("%s/here?n=%d", origin.URL, i), strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		r, err := p.client().Do(req)
		if err != nil {
			t.Fatal(c.body, err)
		}
		b, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || string(b) != c.want || r.Header.Get("X-Secret") != c.secret || (r.StatusCode == 403) != (c.finding == "blocked") {
			t.Errorf("%s: %d %q, X-Secret %q, %v", c.body, r.StatusCode, b, r.Header.Get("X-Secret"), err)
		}
		if n := asked.Load() - before; (n == 0) != (c.finding == "blocked") {
			t.Errorf("%s: the server was asked %d times", c.body, n)
		}
	}
	r := p.recorded()
	for i, c := range cases {
		show := r.show(r.flow(fmt.Sprintf("?n=%d", i)))
		if !strings.Contains(show, `held (rule "block_list option 1" asks for the whole body)`) || c.finding != "" && !strings.Contains(show, c.finding+":") {
			t.Errorf("%s: the flow says\n%s", c.body, show)
		}
	}
}
