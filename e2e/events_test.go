package e2e

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// eventServer sends each of the events only when it is let go on, plain or in
// gzip with a flush for each.
func eventServer(t *testing.T, events []string) (address string, next chan struct{}) {
	next = make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		out := struct {
			io.Writer
			flush func()
		}{w, func() {}}
		if r.URL.Path == "/gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			defer z.Close()
			out.Writer, out.flush = z, func() { z.Flush() }
		}
		for _, e := range events {
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
			io.WriteString(out, e)
			out.flush()
			w.(http.Flusher).Flush()
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, next
}

// Events pass through a script while the server waits behind each, compressed
// or not; what was sent is in the record, and its messages are listed.
func TestEventsPassThroughAScript(t *testing.T) {
	t.Parallel()
	events := []string{
		"event: start\ndata: {\"choices\":[]}\n\n",
		": ping\n\n",
		"data: {\"choices\":[{\"delta\":{\"content\":\"use sk-12ab now\"}}]}\n\n",
		"data: [DONE]\n\n",
	}
	want := events[0] + strings.Replace(events[2], "sk-12ab", "[key]", 1) + events[3]
	address, next := eventServer(t, events)
	script, err := filepath.Abs("../examples/events.js")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, "-s", script)
	for _, path := range []string{"/plain", "/gzip"} {
		go func() { next <- struct{}{} }() // the head may wait for the first event
		r := get(t, p.client(), address+path)
		content := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Fatal(err)
			}
			content = z
		}
		lines := bufio.NewReader(content)
		got := ""
		for i := range events {
			if i > 0 {
				next <- struct{}{}
			}
			if strings.HasPrefix(events[i], ":") {
				continue // it is dropped
			}
			for line := ""; line != "\n"; got += line {
				var err error
				if line, err = lines.ReadString('\n'); err != nil {
					t.Fatalf("%s: event %d: %v after %q", path, i, err, got)
				}
			}
		}
		if rest, err := io.ReadAll(lines); err != nil || got+string(rest) != want {
			t.Errorf("%s: %v\n got %q\nwant %q", path, err, got+string(rest), want)
		}
	}
	s := p.recorded()
	flows := func(args ...string) string {
		return p.midstream(append(append([]string{"flows"}, args...), "--session", p.Session)...)
	}
	for i, path := range []string{"/plain", "/gzip"} {
		f := s.flow(path)
		f.completed()
		if f.Response.Disposition != "tee" || f.Response.Record != "complete" {
			t.Errorf("%s is recorded as %+v", path, f.Response)
		}
		if got := flows("body", strconv.Itoa(i+1)); got != want {
			t.Errorf("%s: the record has %q", path, got)
		}
	}
	text := flows("show", "last", "--messages", "--from", "1", "--count", "1")
	if !strings.Contains(text, "use [key] now") || strings.Count(text, "\n") != 1 {
		t.Errorf("listed: %q", text)
	}
	lines := strings.Split(strings.TrimSpace(flows("body", "last", "--messages")), "\n")
	var last struct {
		Index      int
		Data, Time string
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Index != 2 || last.Data != "[DONE]" || last.Time == "" {
		t.Errorf("%v: %q", err, lines)
	}
	if !strings.Contains(flows("show", "last"), "rewritten on its way") {
		t.Error("the flow does not say that it was rewritten")
	}
}
