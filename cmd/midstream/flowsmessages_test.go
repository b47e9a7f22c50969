package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// recordEvents adds an event stream that goes on.
func recordEvents(s *store.Store) {
	r := s.Start()
	f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80,
		Path: "/events", Message: flow.Message{Version: flow.HTTP11}}}
	r.Head(f, flow.ToServer)
	g := *f
	g.Response = &flow.Response{Status: 200, Reason: "OK", Message: flow.Message{Version: flow.HTTP11}}
	g.Response.Fields.Add("Content-Type", "text/event-stream")
	g.ResponseBody = flow.Body{Disposition: flow.Tee, Reason: "the default", Declared: -1, Ended: true}
	for _, p := range []string{"data: one\n\nda", "ta: two\n\n", "data: three\n\n"} {
		r.Piece(flow.ToClient, []byte(p))
		g.ResponseBody.Sent += int64(len(p))
	}
	g.Outcome = flow.Outcome{Kind: flow.Completed}
	g.End = time.Now()
	r.End(&g)
	s.Flush()
}

func TestFlowsMessages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	recordEvents(s)
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string // a part of it; = is nothing
		stderr string
	}{
		{"messages", []string{"show", "1", "--messages"}, 0, "data: one", ""},
		{"messages by page", []string{"show", "1", "--messages", "--from", "1", "--count", "1"}, 0, "     1  ", ""},
		{"messages as JSON", []string{"body", "1", "--messages", "--from", "2"}, 0, `{"schema":1,"index":2,"kind":"server-sent events","offset":22,"length":13,"time":"`, ""},
		{"show says that there are messages", []string{"show", "1"}, 0, "messages: server-sent events (--messages lists them)", ""},
		{"messages of a flow that ended", []string{"body", "1", "--messages", "--follow", "--from", "2"}, 0, `"data":"three"`, ""},
		{"no messages", []string{"show", "1", "--messages", "--request"}, 1, "=", "has no messages"},
		{"--from without --messages", []string{"show", "1", "--from", "1"}, 2, "=", "add --messages"},
		{"--count below 0", []string{"body", "1", "--messages", "--count", "-1"}, 2, "=", "--count -1"},
		{"--messages --raw", []string{"body", "1", "--messages", "--raw"}, 2, "=", "--raw"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := flows(t, append(c.args, "--session", dir)...)
			if code != c.code {
				t.Errorf("code %d, want %d; stderr %s", code, c.code, stderr)
			}
			if c.stdout == "=" && stdout != "" || c.stdout != "=" && !strings.Contains(stdout, c.stdout) {
				t.Errorf("stdout %q, want %q", stdout, c.stdout)
			}
			if !strings.Contains(stderr, c.stderr) {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
		})
	}
}
