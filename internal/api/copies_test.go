package api

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// shown is what a flow looks like.
type shown struct {
	Number  uint64
	ID      string
	Request struct {
		Method, URL string
		Fields      [][2]string
	}
	Response struct {
		Status int
		Fields [][2]string
	}
	Outcome  struct{ Kind string }
	Metadata map[string]string
}

func (r *rig) flow(n uint64) (s shown) {
	r.t.Helper()
	if code := r.call("GET", fmt.Sprint("/flows/", n), "", &s); code != 200 {
		r.t.Fatalf("flow %d: %d", n, code)
	}
	return s
}

// ended waits until a flow has ended: a client may have all of it before anything
// of it is recorded.
func (r *rig) ended(n uint64) (s shown) {
	r.t.Helper()
	for s.Outcome.Kind == "" || s.Outcome.Kind == "running" {
		s = shown{}
		if code := r.call("GET", fmt.Sprint("/flows/", n), "", &s); code != 200 && code != 404 {
			r.t.Fatal(code)
		}
	}
	return s
}

func (r *rig) body(n uint64, side, query string) string {
	r.t.Helper()
	resp, err := r.api.Get(fmt.Sprintf("http://midstream/api/v1/flows/%d/%s/body%s", n, side, query))
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		r.t.Fatal(resp.StatusCode, err, string(b))
	}
	return string(b)
}

func value(fields [][2]string, name string) string {
	for _, f := range fields {
		if strings.EqualFold(f[0], name) {
			return f[1]
		}
	}
	return ""
}

// What passed stays; copies are changed, and go again.
func TestCopiesAreMadeChangedAndTakenAway(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, "hello "+req.URL.Path)
		z.Close()
	})
	r.through("/a")
	r.ended(1)
	v := r.view(`{}`)
	next := r.feedOf(v.ID)
	next("position", &v)
	var done Done
	if code := r.call("POST", "/flows/duplicate", `{"numbers":[1,9]}`, &done); code != 200 || done.Done != 1 || len(done.Failed) != 1 || !slices.Equal(done.Numbers, []uint64{2}) {
		t.Fatalf("%d %+v", code, done)
	}
	var b Batch
	for next("batch", &b); b.Total != 2; next("batch", &b) {
	}
	one, two := r.flow(1), r.flow(2)
	if two.ID == one.ID || two.Metadata[CopyOf] != one.ID || two.Metadata[EditedParts] != "" || two.Request.URL != one.Request.URL || two.Response.Status != 200 || two.Outcome != one.Outcome {
		t.Errorf("%+v", two)
	}
	if got := r.body(2, "response", ""); got != "hello /a" {
		t.Errorf("%q", got)
	}
	if got, want := r.body(2, "response", "?as=raw"), r.body(1, "response", "?as=raw"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	var made Made
	code := r.call("POST", "/flows/1/edit", `{"request":{"method":"PUT","url":"http://other.test/x?y=1"},"request_body":{"text":"abc"},
		"response":{"status":404,"fields":[["Content-Encoding","gzip"],["X-Made","1"]]},"response_body":{"base64":"AAEC"}}`, &made)
	if code != 201 || made.Number != 3 {
		t.Fatalf("%d %+v", code, made)
	}
	for next("batch", &b); b.Total != 3; next("batch", &b) {
	}
	three := r.flow(3)
	if three.Request.Method != "PUT" || three.Request.URL != "http://other.test/x?y=1" || value(three.Request.Fields, "Host") != "other.test" || value(three.Request.Fields, "Content-Length") != "3" ||
		three.Response.Status != 404 || value(three.Response.Fields, "X-Made") != "1" || three.Metadata[CopyOf] != one.ID || three.Metadata[EditedParts] != "request, request body, response, response body" {
		t.Errorf("%+v", three)
	}
	if got := r.body(3, "request", ""); got != "abc" {
		t.Errorf("%q", got)
	}
	if got := r.body(3, "response", ""); got != "\x00\x01\x02" {
		t.Errorf("%q", got)
	}
	if raw := r.body(3, "response", "?as=raw"); !strings.HasPrefix(raw, "\x1f\x8b") {
		t.Errorf("%q", raw)
	}
	if again := r.flow(1); again.Request.Method != "GET" || again.Response.Status != 200 || len(again.Metadata) != len(one.Metadata) {
		t.Errorf("what passed was changed: %+v", again)
	}
	if r.call("POST", "/flows/revert", `{"numbers":[1,2,3]}`, &done); done.Done != 1 || len(done.Failed) != 2 || !slices.Equal(done.Numbers, []uint64{1}) {
		t.Errorf("%+v", done)
	}
	if code := r.call("GET", "/flows/3", "", nil); code != 404 {
		t.Error(code)
	}
	for next("batch", &b); b.Total != 2; next("batch", &b) {
	}
	for _, wrong := range []string{`{}`, `{"request":{"status":1}}`, `{"request":{"method":"A B"}}`, `{"response":{"url":"http://a/"}}`, `{"request":{"fields":[["a b","c"]]}}`,
		`{"request":{"fields":[["a","b\r\nc"]]}}`, `{"request":{"url":"ftp://x"}}`, `{"request_body":{"text":"a","base64":"YQ=="}}`, `{"body":{}}`} {
		var out struct{ Error Error }
		if code := r.call("POST", "/flows/1/edit", wrong, &out); code != 400 || out.Error.Text == "" {
			t.Errorf("%s: %d %+v", wrong, code, out)
		}
	}
}

// A request is sent again as it was, and changed.
func TestRequestsAreSentAgainChanged(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		fmt.Fprintf(w, "%s %s %s %q", req.Method, req.URL.RequestURI(), req.Header.Get("X-Who"), b)
	})
	resp, err := r.client.Post(r.origin.URL+"/form", "text/plain", strings.NewReader("first"))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	r.ended(1)
	host := value(r.flow(1).Request.Fields, "Host")
	for _, c := range []struct{ edit, want string }{
		{"", `POST /form  "first"`},
		{`{"request":{"method":"PATCH","url":"` + r.origin.URL + `/other?a=b","fields":[["Host","` + host + `"],["X-Who","me"]]},"request_body":{"text":"changed"}}`, `PATCH /other?a=b me "changed"`},
		{`{"request":{"method":"GET"},"request_body":{"text":""}}`, `GET /form  ""`},
	} {
		var made Made
		if code := r.call("POST", "/flows/1/resend", c.edit, &made); code != 202 || made.Number < 2 {
			t.Fatalf("%s: %d %+v", c.edit, code, made)
		}
		f := r.ended(made.Number)
		if f.Outcome.Kind != "completed" || f.Metadata["replay_of"] != r.flow(1).ID {
			t.Errorf("%s: %+v", c.edit, f)
		}
		if got := r.body(made.Number, "response", ""); got != c.want {
			t.Errorf("%s: %s, want %s", c.edit, got, c.want)
		}
	}
	var out struct{ Error Error }
	if code := r.call("POST", "/flows/1/resend", `{"response":{"status":200}}`, &out); code != 400 {
		t.Errorf("%d %+v", code, out)
	}
}

// Files and sessions on the machine itself.
func TestFlowsAreSavedToAndOpenedFromPaths(t *testing.T) {
	r := newRig(t, nil)
	r.through("/a")
	r.through("/b")
	r.ended(2)
	dir := t.TempDir()
	for i, name := range []string{"flows.mitm", "flows.har", "flows.zhar", "folder"} {
		path := filepath.Join(dir, name)
		as := ""
		if name == "folder" {
			as = `,"as":"session"`
		}
		var saved Saved
		if code := r.call("POST", "/save", fmt.Sprintf(`{"path":%q%s,"numbers":[2]}`, path, as), &saved); code != 200 || saved.Saved != 1 || saved.Path != path {
			t.Fatalf("%s: %d %+v", name, code, saved)
		}
		var loaded Loaded
		if code := r.call("POST", "/open", fmt.Sprintf(`{"path":%q}`, path), &loaded); code != 200 || loaded.Loaded != 1 {
			t.Fatalf("%s: %d %+v", name, code, loaded)
		}
		n := uint64(3 + i)
		if f := r.flow(n); !strings.HasSuffix(f.Request.URL, "/b") || r.body(n, "response", "") != "hello /b" {
			t.Errorf("%s: %+v", name, f)
		}
		if name != "folder" {
			var out struct{ Error Error }
			if code := r.call("POST", "/save", fmt.Sprintf(`{"path":%q,"filter":"~u /a"}`, path), &out); code != 409 {
				t.Errorf("%s was replaced: %d %+v", name, code, out)
			}
			if code := r.call("POST", "/save", fmt.Sprintf(`{"path":%q,"filter":"~u /a","replace":true}`, path), &saved); code != 200 || saved.Saved != 1 {
				t.Errorf("%s: %d %+v", name, code, saved)
			}
		}
	}
	session := r.server.control.Store().Dir()
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/open", fmt.Sprintf(`{"path":%q}`, session), 409},
		{"/save", fmt.Sprintf(`{"path":%q,"as":"session"}`, session), 409},
		{"/open", fmt.Sprintf(`{"path":%q}`, filepath.Join(dir, "nothing")), 400},
		{"/save", fmt.Sprintf(`{"path":%q}`, filepath.Join(dir, "no", "such", "a.mitm")), 409},
		{"/open", `{"path":"-"}`, 400},
		{"/open", `{}`, 400},
		{"/save", `{"path":"x","as":"pdf"}`, 400},
		{"/save", `{"path":"x","filter":"~nope"}`, 400},
	} {
		var out struct{ Error Error }
		if code := r.call("POST", c.path, c.body, &out); code != c.status || out.Error.Text == "" {
			t.Errorf("%s %s: %d %+v", c.path, c.body, code, out)
		}
	}
}

func TestTheKeymap(t *testing.T) {
	r := newRig(t, nil)
	var m Keymap
	if code := r.call("GET", "/keymap", "", &m); code != 200 || len(m.Verbs) == 0 || m.Error != "" {
		t.Fatalf("%d %+v", code, m)
	}
	verb := m.Verbs[0].ID
	if err := os.WriteFile(m.Path, []byte(verb+": [F9]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r.call("GET", "/keymap", "", &m); !slices.Equal(m.Verbs[0].Keys, []string{"F9"}) || !m.Verbs[0].Own {
		t.Errorf("%+v", m.Verbs[0])
	}
	if err := os.WriteFile(m.Path, []byte("nothing: [F9]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r.call("GET", "/keymap", "", &m); m.Error == "" || slices.Equal(m.Verbs[0].Keys, []string{"F9"}) {
		t.Errorf("%+v", m)
	}
}
