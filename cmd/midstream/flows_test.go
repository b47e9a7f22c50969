package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/store"
)

// record writes a session with three flows: a plain one, a gzip coded one, and
// one that passed unrecorded.
func record(t *testing.T, s *store.Store) []flow.ID {
	t.Helper()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, "decoded text")
	z.Close()
	var ids []flow.ID
	for i, b := range [][]byte{[]byte("0123456789"), zipped.Bytes(), nil} {
		r := s.Start()
		f := &flow.Flow{ID: flow.NewID(), Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "http", Host: "a.test", Port: 80,
			Path: fmt.Sprintf("/%d\x1b[31m", i), Message: flow.Message{Version: flow.HTTP11}}}
		r.Head(f, flow.ToServer)
		g := *f
		g.Response = &flow.Response{Status: 200, Reason: "OK", Message: flow.Message{Version: flow.HTTP11}}
		if i == 1 {
			g.Response.Fields.Add("Content-Encoding", "gzip")
		}
		g.ResponseBody = flow.Body{Disposition: flow.Tee, Reason: "the default", Sent: int64(len(b)), Ended: true}
		if b == nil {
			g.ResponseBody = flow.Body{Disposition: flow.Pass, Reason: "larger than 3m", Sent: 5, Ended: true}
		} else {
			r.Piece(flow.ToClient, b)
		}
		g.Outcome = flow.Outcome{Kind: flow.Completed, Bytes: g.ResponseBody.Sent}
		g.End = g.Start.Add(time.Millisecond)
		r.End(&g)
		ids = append(ids, f.ID)
	}
	s.Flush()
	return ids
}

func flows(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	e := &env{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" },
		environ: func() []string { return nil }, home: func() (string, error) { return t.TempDir(), nil }}
	cmd := newFlowsCmd(e)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err := cmd.ExecuteContext(t.Context())
	if err != nil {
		fmt.Fprintln(&errs, err)
	}
	return exitCode(err), out.String(), errs.String()
}

func TestFlowsCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ids := record(t, s)
	for _, c := range []struct {
		name   string
		args   []string
		code   int
		stdout string // a part of it, or all of it with = in front
		stderr string
	}{
		{"list shows every flow, escaped", []string{"list"}, 0, `http://a.test/0\x1b[31m`, ""},
		{"list --last", []string{"list", "--last", "1"}, 0, "pass", ""},
		{"a negative --last is wrong use", []string{"list", "--last", "-1"}, 2, "=", "--last -1"},
		{"show by number", []string{"show", "1"}, 0, "GET /0\\x1b[31m HTTP/1.1", ""},
		{"show says why a body passed", []string{"show", "last"}, 0, "passed, not recorded (larger than 3m)", ""},
		{"show by UUID", []string{"show", ids[1].String()}, 0, "flow 2  " + ids[1].String(), ""},
		{"show by a prefix", []string{"show", ids[1].String()[:18]}, 0, "flow 2  ", ""},
		{"body", []string{"body", "1"}, 0, "=0123456789", ""},
		{"body of a session and number", []string{"body", dir + "#1"}, 0, "=0123456789", ""},
		{"body of a range", []string{"body", "1", "--range", "2-4"}, 0, "=234", ""},
		{"body of the last bytes", []string{"body", "1", "--range", "-3"}, 0, "=789", ""},
		{"body from somewhere on", []string{"body", "1", "--range", "8-"}, 0, "=89", ""},
		{"a range behind the end", []string{"body", "1", "--range", "10-"}, 1, "=", "behind the end"},
		{"a range that is none", []string{"body", "1", "--range", "4-2"}, 2, "=", "A-B"},
		{"body is decoded", []string{"body", "2"}, 0, "=decoded text", ""},
		{"a range of a decoded body", []string{"body", "2", "--range", "0-6"}, 0, "=decoded", ""},
		{"body --raw is not", []string{"body", "2", "--raw", "--range", "0-1"}, 0, "=\x1f\x8b", ""},
		{"--follow of an ended flow ends", []string{"body", "2", "--follow"}, 0, "=decoded text", ""},
		{"a body that passed unrecorded", []string{"body", "3"}, 1, "=", "was not recorded: larger than 3m"},
		{"no request body", []string{"body", "1", "--request"}, 0, "=", ""},
		{"no such flow", []string{"show", "99"}, 1, "=", "flow 99: no such flow"},
		{"no name", []string{"show", "x"}, 2, "=", `"x" names no flow`},
		{"two sessions", []string{"show", "/other#1"}, 2, "=", "two sessions"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := flows(t, append(c.args, "--session", dir)...)
			if code != c.code {
				t.Errorf("code %d, want %d; stderr %s", code, c.code, stderr)
			}
			if want, all := strings.CutPrefix(c.stdout, "="); all && stdout != want || !strings.Contains(stdout, want) {
				t.Errorf("stdout %q, want %q", stdout, c.stdout)
			}
			if !strings.Contains(stderr, c.stderr) {
				t.Errorf("stderr %q, want %q", stderr, c.stderr)
			}
			if strings.Contains(stdout, "\x1b") {
				t.Errorf("stdout has a control character: %q", stdout)
			}
		})
	}
}

func TestFlowsJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "s")
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	record(t, s)
	_, stdout, _ := flows(t, "list", "--json", "--session", dir)
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), stdout)
	}
	_, page, _ := flows(t, "show", "2", "--json", "--session", dir)
	for _, text := range append(lines, page) {
		var j struct {
			Schema int    `json:"schema"`
			Number int    `json:"number"`
			URL    string `json:"url"`
		}
		if err := json.Unmarshal([]byte(text), &j); err != nil || j.Schema != 1 || j.Number == 0 || !strings.HasSuffix(j.URL, "\x1b[31m") {
			t.Errorf("%s: %+v, %v", text, j, err)
		}
	}
}

func TestFlowsChooseTheSession(t *testing.T) {
	conf := t.TempDir()
	if code, _, stderr := flows(t, "list", "--confdir", conf); code != 1 || !strings.Contains(stderr, "there is no session under") {
		t.Fatalf("without a session: %d, %s", code, stderr)
	}
	var live []*store.Store
	for range 2 {
		s, err := store.Create(conf, time.Hour, store.Config{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		record(t, s)
		live = append(live, s)
	}
	if _, err := store.Announce(conf, live[0].Meta().ID, store.Live{Session: live[0].Dir()}); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := flows(t, "list", "--confdir", conf); code != 0 || !strings.Contains(stderr, "reading the live session "+live[0].Dir()) {
		t.Fatalf("one live session: %d, %s", code, stderr)
	}
	if _, err := store.Announce(conf, live[1].Meta().ID, store.Live{Session: live[1].Dir(), Listeners: []string{"127.0.0.1:8080"}}); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := flows(t, "list", "--confdir", conf)
	if code != 1 || !strings.Contains(stderr, live[0].Dir()) || !strings.Contains(stderr, live[1].Dir()) {
		t.Fatalf("two live sessions: %d, %s", code, stderr)
	}
	for _, s := range live {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, stderr := flows(t, "list", "--confdir", conf); code != 0 || !strings.Contains(stderr, "reading the newest session ") {
		t.Fatalf("no live session: %d, %s", code, stderr)
	}
}
