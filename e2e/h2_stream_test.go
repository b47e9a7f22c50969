package e2e

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Events pass one by one: each is sent only when the client has the one before.
// A body that is sent in pieces passes in the same way, and what a session says
// of both does not depend on the version.
func TestVersionsEventByEvent(t *testing.T) {
	next := map[string]chan struct{}{}
	for _, v := range betweenVersions {
		for _, way := range []string{"record", "stream"} {
			next[v.name+" "+way] = make(chan struct{})
		}
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		if r.Method == "POST" {
			w.Header().Set("Content-Type", "application/octet-stream")
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			b := make([]byte, 100)
			for {
				n, err := r.Body.Read(b)
				if err != nil {
					return
				}
				w.Write([]byte(strings.ToUpper(string(b[:n]))))
				w.(http.Flusher).Flush()
			}
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			fmt.Fprintf(w, "id: %d\ndata: event %d\n\n", i, i)
			w.(http.Flusher).Flush()
			select {
			case <-next[r.Header.Get("X-Test")]:
			case <-r.Context().Done():
				return
			}
		}
	})
	t.Parallel()
	for way, flags := range map[string][]string{"record": nil, "stream": {"--stream", "1b"}} {
		t.Run(way, func(t *testing.T) {
			eachVersions(t, handler, func(t *testing.T, p *proxy, c *http.Client, base string) {
				name := strings.ReplaceAll(strings.Split(t.Name(), "/")[2], "_", " ") + " " + way
				r := newRequest(t, "GET", base+"/events", nil)
				r.Header.Set("X-Test", name)
				resp, err := c.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 5 {
					want := fmt.Sprintf("id: %d\ndata: event %d\n\n", i, i)
					got := make([]byte, len(want))
					if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
						t.Fatalf("event %d: %q, %v", i, got, err)
					}
					next[name] <- struct{}{}
				}
				if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
					t.Errorf("the end: %q, %v", rest, err)
				}
				resp.Body.Close()
				pr, pw := io.Pipe()
				give := time.AfterFunc(brief, func() { pw.CloseWithError(errors.New("it hangs")) })
				defer give.Stop()
				resp, err = c.Post(base+"/talk", "application/octet-stream", pr)
				if err != nil {
					t.Fatal(err)
				}
				for i := range 10 {
					word := fmt.Sprint("word ", i)
					io.WriteString(pw, word)
					got := make([]byte, len(word))
					if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != strings.ToUpper(word) {
						t.Fatalf("%q came back as %q, %v", word, got, err)
					}
				}
				pw.Close()
				if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
					t.Errorf("the end: %q, %v", rest, err)
				}
				resp.Body.Close()
				s := p.recorded()
				want := map[string]string{"record": "tee complete", "stream": "pass not recorded"}[way]
				for _, path := range []string{"/events", "/talk"} {
					f := s.flow(path)
					f.completed()
					if got := f.Response.Disposition + " " + f.Response.Record; got != want {
						t.Errorf("%s is recorded as %q, not %q", path, got, want)
					}
				}
				if way == "record" {
					text := p.midstream("flows", "show", "--session", p.Session, fmt.Sprint(s.flow("/events").Number), "--messages")
					if strings.Count(text, "\n") != 5 || !strings.Contains(text, "event 4") {
						t.Errorf("the events are listed as %q", text)
					}
				}
			}, flags...)
		})
	}
}

const versionsScript = `
function requestheaders(flow) {
  if (flow.request.path === "/up") flow.request.stream = (chunk) => chunk.map((b) => b - 32);
}
function request(flow) {
  if (flow.request.path !== "/up") flow.request.headers["X-Asked-By"] = "script"; // else it has left
  if (flow.request.path === "/text") flow.request.text = flow.request.text + " and more";
  if (flow.request.path === "/made") flow.response = Response.make(418, "made here", { "X-Made": "yes" });
  if (flow.request.path === "/kill") flow.kill();
}
function responseheaders(flow) {
  flow.response.headers["X-Version"] = flow.request.http_version + " " + flow.response.http_version;
  if (flow.request.path === "/down") flow.response.stream = (chunk) => chunk.map((b) => b + 1);
}
function response(flow) {
  if (flow.request.path === "/text") flow.response.text = "<" + flow.response.text + ">";
}
`

// A script changes heads, held bodies and chunks, answers by itself and kills,
// whatever the versions are.
func TestVersionsScript(t *testing.T) {
	eachVersions(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Header.Get("X-Asked-By")+" "+fmt.Sprint(r.ContentLength))
		if r.URL.Path == "/down" {
			body = []byte("abc")
		}
		w.Write(body)
	}), func(t *testing.T, p *proxy, c *http.Client, base string) {
		versions := map[string]string{"2_to_2": "HTTP/2.0 HTTP/2.0", "2_to_1": "HTTP/2.0 HTTP/1.1", "2_alone_to_1": "HTTP/2.0 HTTP/1.1", "1_to_1": "HTTP/1.1 HTTP/1.1"}[strings.Split(t.Name(), "/")[1]]
		for _, x := range []struct{ path, want, seen string }{
			{"/text", "<abc and more>", "script 12"}, {"/up", "ABC", ""}, {"/down", "bcd", "script 3"}, {"/plain", "abc", "script 3"},
		} {
			resp, got := must(t, c, newRequest(t, "POST", base+x.path, strings.NewReader("abc")))
			if got != x.want || x.seen != "" && resp.Header.Get("X-Seen") != x.seen || resp.Header.Get("X-Version") != versions {
				t.Errorf("%s: %q, %v", x.path, got, resp.Header)
			}
		}
		if resp, got := must(t, c, newRequest(t, "GET", base+"/made", nil)); resp.StatusCode != 418 || got != "made here" || resp.Header.Get("X-Made") != "yes" {
			t.Errorf("made: %d %q", resp.StatusCode, got)
		}
		if resp, err := c.Get(base + "/kill"); err == nil {
			t.Errorf("what was killed is answered with %d", resp.StatusCode)
		}
		if _, got := must(t, c, newRequest(t, "GET", base+"/last", nil)); got != "" {
			t.Errorf("behind it: %q", got)
		}
		s := p.recorded()
		for path, want := range map[string]string{"/text": "hold hold", "/up": "pass hold", "/down": "hold pass"} {
			f := s.flow(path)
			f.completed()
			if got := f.Request.Disposition + " " + f.Response.Disposition; got != want {
				t.Errorf("%s is recorded as %q, not %q", path, got, want)
			}
		}
		if f := s.flow("/kill"); !strings.HasPrefix(f.Outcome, "killed") {
			t.Errorf("recorded as %+v", f)
		}
	}, "-s", script(t, versionsScript))
}
