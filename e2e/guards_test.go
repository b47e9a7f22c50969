package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// endless gives so many octets, of which nothing is known before.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.left -= n
	return n, nil
}

// Guards decide whatever a body is: larger than any limit, passed and not recorded, of
// unknown length, or without an answer of the filter in time. Nothing that they are
// about reaches the server.
func TestGuardsNeverFailOpen(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var reached []string
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		reached = append(reached, r.URL.Path)
		mu.Unlock()
		io.Copy(io.Discard, r.Body)
	}))
	defer origin.Close()
	mock := filepath.Join(t.TempDir(), "mock.timed")
	if err := os.WriteFile(mock, []byte(`{"timed":1,"status":202}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	guards := []string{
		"--block-list", "/~u guarded/451", "--block-list", "/~u shut/444",
		"--block-list", `|~hq "^X-Slow: (a?){40}(?=x)a{40}$"|403`, // it takes longer than it may
		"-M", "|/elsewhere|/guarded", "-M", "|/wrong/|://nowhere:x/", "--mock", "|~u mocked|" + mock,
	}
	for name, limits := range map[string][]string{
		"none": nil, "passed": {"--stream", "0"}, "streamed above 1k": {"--stream", "1k"}, "above body_size_limit": {"--set", "body_size_limit=10m"},
		"content_limit": {"--set", "content_limit=1k"}, "not recorded": {"--set", "record=none"}, "body of another rule": {"-B", "/~q/(?<=a)x/y"},
	} {
		p := start(t, append(append([]string{}, guards...), limits...)...)
		c := p.client()
		for path, sizes := range map[string][]int{"/guarded": {0, 1, 8 << 20}, "/elsewhere": {8 << 20}, "/wrong/": {1}, "/shut": {0}, "/slow": {1}, "/mocked": {1 << 20}} {
			for _, size := range sizes {
				req, err := http.NewRequest("POST", origin.URL+path, &endless{size})
				if err != nil {
					t.Fatal(err)
				}
				if path == "/slow" {
					req.Header.Set("X-Slow", strings.Repeat("a", 40))
				}
				resp, err := c.Do(req)
				got := 0
				if err == nil {
					got = resp.StatusCode
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				want := map[string]int{"/guarded": 451, "/elsewhere": 451, "/wrong/": 502, "/shut": 0, "/slow": 403, "/mocked": 202}[path]
				// A client that still sends may not have read the answer.
				if got != want && (err == nil || size < 1<<20) {
					t.Errorf("%s: %s with %d bytes: status %d, want %d (%v)", name, path, size, got, want, err)
				}
			}
		}
		p.stop()
	}
	mu.Lock()
	defer mu.Unlock()
	if len(reached) > 0 {
		t.Errorf("the server was reached at %q", reached)
	}
}
