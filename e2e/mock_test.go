package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A stream is recorded and exported, and answers without its server: the client sees
// the events that it saw, one by one, and rules and the record see a stream.
func TestARecordedStreamAnswersAsAMock(t *testing.T) {
	t.Parallel()
	seen := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Model", "small")
		for i := range 3 {
			fmt.Fprintf(w, "event: token\ndata: word %d\n\n", i)
			w.(http.Flusher).Flush()
			<-seen // each has a time of its own
		}
	}))
	defer origin.Close()
	p := start(t)
	read := func(c *http.Client, url string, each func()) (http.Header, []string) {
		t.Helper()
		resp, err := c.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var lines []string
		for in := bufio.NewScanner(resp.Body); in.Scan(); {
			if lines = append(lines, in.Text()); in.Text() == "" {
				each()
			}
		}
		return resp.Header, lines
	}
	_, first := read(p.client(), origin.URL+"/v1/stream", func() { seen <- struct{}{} })
	number := strconv.FormatUint(p.recorded().flow("/v1/stream").Number, 10)
	text := p.midstream("flows", "export", "--as", "timed", p.Session+"#"+number)
	file := filepath.Join(t.TempDir(), "stream.timed")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(text, `"event":"token"`); got != 3 || !strings.Contains(text, `"data":"word 2"}`) {
		t.Fatalf("%d events in\n%s", got, text)
	}
	origin.Close()

	confdir := t.TempDir()
	rules := filepath.Join(confdir, "own.yaml")
	if err := os.WriteFile(rules, []byte("- name: stream\n  when: ~d no-server.test & ~u /fast\n  do: mock\n  file: "+file+"\n  speed: max\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	q := start(t, "--rules", rules, "--mock", "|~u /v1/ & !~u /fast|"+file, "-B", "|~u colour|word|Word")
	for _, url := range []string{"http://no-server.test/fast", "http://no-server.test/v1/stream", "https://no-server.test/v1/stream"} {
		h, lines := read(q.client(), url, func() {})
		if strings.Join(lines, "\n") != strings.Join(first, "\n") || h.Get("X-Model") != "small" || h.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s: %v %q", url, h, lines)
		}
	}
	if _, lines := read(q.client(), "http://no-server.test/v1/colour", func() {}); len(lines) != len(first) || lines[1] != "data: Word 0" {
		t.Errorf("with a rule on it: %q", lines)
	}
	// A request body is taken, however large.
	resp, err := q.client().Post("http://no-server.test/fast", "text/plain", strings.NewReader(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err := io.ReadAll(resp.Body); err != nil || string(b) != strings.Join(first, "\n")+"\n" {
		t.Errorf("%q, %v", b, err)
	}
	// What is not there any more is no reason to ask the server.
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if resp, err := q.client().Get("http://no-server.test/fast"); err != nil || resp.StatusCode != 502 {
		t.Errorf("%v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
	rec := q.recorded()
	for _, path := range []string{"/fast", "/v1/stream"} {
		if f := rec.flow(path); f.Outcome != "completed" && path != "/fast" {
			t.Errorf("%s: %+v", path, f)
		}
	}
}

// A WebSocket connection answers as a mock: what the client says is waited for.
func TestAMockOfAWebSocket(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "chat.timed")
	if err := os.WriteFile(file, []byte(`{"timed":1,"websocket":true}
{"at":0,"from":"server","text":"hello"}
{"at":1,"from":"client","text":"anything"}
{"at":2,"from":"server","base64":"AQI="}
{"at":3,"from":"server","close":1000,"reason":"bye"}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(rules, []byte("- do: modify_body\n  when: ~s\n  find: ^h\n  replace: H\n  in: messages\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--mock", "|~d chat.test|"+file, "--rules", rules)
	e := dialWebSocket(t, p, "http://chat.test:80", "/room")
	e.want(0x81, "Hello") // a rule changes what the mock says
	e.send(0x81, "hi")
	e.want(0x82, "\x01\x02")
	e.want(0x88, "\x03\xe8bye")
	e.send(0x88, "\x03\xe8")
}
