package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// recordBody adds an exchange whose response has a body that came in pieces.
func recordBody(s *store.Store, path, contentType string, pieces ...string) {
	r := s.Start()
	f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "POST", Scheme: "http", Host: "a.test", Port: 80,
		Path: path, Message: flow.Message{Version: flow.HTTP11}}}
	r.Head(f, flow.ToServer)
	g := *f
	g.Response = &flow.Response{Status: 200, Reason: "OK", Message: flow.Message{Version: flow.HTTP11}}
	g.Response.Fields.Add("Content-Type", contentType)
	g.ResponseBody = flow.Body{Disposition: flow.Tee, Reason: "the default", Declared: -1, Ended: true}
	for _, p := range pieces {
		r.Piece(flow.ToClient, []byte(p))
		g.ResponseBody.Sent += int64(len(p))
	}
	g.Outcome = flow.Outcome{Kind: flow.Completed}
	g.End = time.Now()
	r.End(&g)
	s.Flush()
}

func TestFlowsView(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	recordBody(s, "/a.json?x=1", "application/json", `{"a":[1,`, `2],"b":"\u001b`, "\x1b[2J\"}")
	recordBody(s, "/v1/chat/completions", "text/event-stream",
		"data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi ", "<there>\"},\"finish_reason\":\"stop\"}]}\n\n", "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n")
	recordBody(s, "/p.P/Get", "application/grpc", "\x00\x00\x00\x00\x04\x0a\x02hi")
	recordBody(s, "/bad.json", "application/json", `{"a":`)
	proto := filepath.Join(t.TempDir(), "p.proto")
	if err := os.WriteFile(proto, []byte("syntax = \"proto3\"; package p; message A { string word = 1; } service P { rpc Get(A) returns (A); }"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string // = before it: all of it
		stderr string
	}{
		{"auto", []string{"body", "1", "--view", "auto"}, 0, "={\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": \"\\u001b\\x1b[2J\"\n}\n", ""},
		{"lines", []string{"body", "1", "--view", "auto", "--from", "2", "--count", "2"}, 0, "=    1,\n    2\n", ""},
		{"JSON", []string{"body", "1", "--view", "auto", "--from", "1", "--count", "1", "--json"}, 0,
			"={\"schema\":1,\"number\":1,\"side\":\"response\",\"view\":\"json\",\"syntax\":\"json\",\"from\":1,\"lines\":[\"  \\\"a\\\": [\"],\"more\":true,\"editable\":true}\n", ""},
		{"another view", []string{"body", "1", "--view", "hex", "--count", "1"}, 0, "=00000000  7b 22 61 22 3a 5b 31 2c  32 5d 2c 22 62 22 3a 22  {\"a\":[1,2],\"b\":\"\n", ""},
		{"the request has no body", []string{"body", "1", "--view", "auto", "--request"}, 0, "=x: 1\n", ""},
		{"cut", []string{"body", "4", "--view", "auto"}, 0, "={\n  \"a\": \n", "json: the JSON ends inside 1 brackets"},
		{"an answer", []string{"body", "2", "--view", "auto"}, 0, "assistant:\n  text:\n    Hi <there>\n  finish: stop\n", ""},
		{"events", []string{"body", "2", "--view", "sse", "--count", "4"}, 0, "=data:\n  {\n    \"id\": \"c\",\n    \"model\": \"m\",\n", ""},
		{"an answer with its times", []string{"show", "2"}, 0, "  usage: 3 tokens in, 2 out\n", ""},
		{"definitions", []string{"body", "3", "--view", "auto", "--protobuf-definitions", proto}, 0, "=# message 1, 4 bytes\n# p.A\n{\n  \"word\": \"hi\"\n}\n", ""},
		{"without definitions", []string{"body", "3", "--view", "grpc"}, 0, "=# message 1, 4 bytes\n1: \"hi\"\n", ""},
		{"no definitions there", []string{"body", "3", "--view", "grpc", "--protobuf-definitions", proto + "x"}, 2, "=", "p.protox"},
		{"no such view", []string{"body", "1", "--view", "pdf"}, 2, "=", `there is no view "pdf": give auto or one of raw, hex, json`},
		{"with --raw", []string{"body", "1", "--view", "raw", "--raw"}, 2, "=", "--view cannot be together with --raw"},
		{"--json alone", []string{"body", "1", "--json"}, 2, "=", "add --view auto"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := flows(t, append(c.args, "--session", dir)...)
			if code != c.code {
				t.Errorf("code %d, want %d; stderr %s", code, c.code, stderr)
			}
			if want, all := strings.CutPrefix(c.stdout, "="); all && stdout != want || !strings.Contains(stdout, want) {
				t.Errorf("stdout\n%s\nwant\n%s", stdout, want)
			}
			if !strings.Contains(stderr, c.stderr) {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
		})
	}
	_, stdout, _ := flows(t, "show", "2", "--json", "--session", dir)
	var page struct {
		LLM struct {
			Format  string
			Outputs []struct{ Text string }
			Timing  struct {
				ContentEvents int `json:"content_events"`
			}
		}
	}
	if err := json.Unmarshal([]byte(stdout), &page); err != nil || page.LLM.Format != "openai-chat" || page.LLM.Outputs[0].Text != "Hi <there>" || page.LLM.Timing.ContentEvents != 1 {
		t.Errorf("%v, %+v of\n%s", err, page, stdout)
	}
	if _, stdout, _ := flows(t, "show", "1", "--json", "--session", dir); strings.Contains(stdout, `"llm"`) {
		t.Errorf("a JSON body is an answer:\n%s", stdout)
	}
}
