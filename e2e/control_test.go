package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Commands change a session that is being written, through the midstream that
// writes it.
func TestCommandsChangeWhatRuns(t *testing.T) {
	t.Parallel()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hangs" {
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
		io.WriteString(w, "done")
	}))
	defer origin.Close()
	p := start(t, "--set", "intercept=~u held")
	at := []string{"--session", p.Session, "--confdir", p.Confdir}
	client := p.client()
	get := func(path string) <-chan error {
		ended := make(chan error, 1)
		go func() {
			resp, err := client.Post(origin.URL+path, "text/plain", strings.NewReader("x"))
			if err == nil {
				_, err = io.ReadAll(resp.Body)
				resp.Body.Close()
			}
			ended <- err
		}()
		return ended
	}
	if err := <-get("/plain"); err != nil {
		t.Fatal(err)
	}
	number := p.live("/plain")
	for _, line := range [][]string{{"flows", "mark", number}, {"flows", "comment", number, "--text", "looked at"}} {
		p.midstream(append(line, at...)...)
	}
	var shown struct{ Marker, Comment string }
	if err := json.Unmarshal([]byte(p.midstream(append([]string{"flows", "show", number, "--json"}, at...)...)), &shown); err != nil || shown.Marker != ":default:" || shown.Comment != "looked at" {
		t.Errorf("%+v, %v", shown, err)
	}
	hangs := get("/hangs")
	p.midstream(append([]string{"flows", "kill", p.live("/hangs")}, at...)...)
	if err := <-hangs; err == nil {
		t.Error("a flow that was killed came to a proper end")
	}
	held := get("/held")
	id := p.live("/held")
	for range 2 { // its request, and its response
		resumed := ""
		for give := time.Now().Add(patience); !strings.Contains(resumed, "resumed 1 flow") && time.Now().Before(give); {
			_, resumed, _ = p.try(append([]string{"flows", "resume", id}, at...)...)
		}
	}
	if err := <-held; err != nil {
		t.Error(err)
	}
	p.midstream(append([]string{"flows", "delete", "--yes", number}, at...)...)
	if out := p.midstream(append([]string{"flows", "list"}, at...)...); strings.Contains(out, "/plain") {
		t.Errorf("it is still there:\n%s", out)
	}
}

// The page's address is printed with its token, and the file of the running midstream
// has it without, and the socket.
func TestTheControlAPIIsAnnounced(t *testing.T) {
	t.Parallel()
	p := start(t, "--web", "--web-port", "0")
	m := p.waitStderr(`web interface at (http://127\.0\.0\.1:\d+/)\?token=(\w+)`)
	files, _ := filepath.Glob(filepath.Join(p.Confdir, "live", "*.json"))
	if len(files) != 1 {
		t.Fatal(files)
	}
	var live struct{ Web, Control string }
	for give := time.Now().Add(patience); live.Control == "" && time.Now().Before(give); {
		text, err := os.ReadFile(files[0])
		if err != nil {
			t.Fatal(err)
		}
		_ = json.Unmarshal(text, &live)
	}
	if live.Web != m[1] || strings.Contains(fmt.Sprint(live), m[2]) {
		t.Errorf("%+v, printed %s", live, m[0])
	}
	if info, err := os.Stat(filepath.Dir(live.Control)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the socket's folder: %v, %v", info, err)
	}
	p.stop()
	if _, err := os.Stat(live.Control); !os.IsNotExist(err) {
		t.Errorf("the socket is left: %v", err)
	}
}
