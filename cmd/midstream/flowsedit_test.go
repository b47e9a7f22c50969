package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"midstream/internal/store"
)

// sessions runs a command under `session`.
func sessions(t *testing.T, confdir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	e := &env{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, getenv: func(string) string { return "" },
		environ: func() []string { return nil }, home: func() (string, error) { return t.TempDir(), nil }, args: append([]string{"midstream", "session", "--confdir", confdir}, args...)}
	code = run(t.Context(), e)
	return code, out.String(), errs.String()
}

func recordedSession(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "s")
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	record(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestMarkCommentDelete(t *testing.T) {
	dir := recordedSession(t)
	numbers := func(filter string) string {
		t.Helper()
		code, out, errs := flows(t, "list", "--session", dir, "--columns", "number", filter)
		if code != exitDone {
			t.Fatalf("%s: %d, %s", filter, code, errs)
		}
		return strings.Join(strings.Fields(out), " ")
	}
	for _, c := range []struct {
		line []string
		code int
		says string
	}{
		{[]string{"mark", "2"}, exitDone, "changed 1 flow\n"},
		{[]string{"mark", "--marker", "red", "~u /0"}, exitDone, "changed 1 flow\n"},
		{[]string{"comment", "--text", "look here", "~marked"}, exitDone, "changed 2 flows\n"},
		{[]string{"mark", "--off", "2"}, exitDone, "changed 1 flow\n"},
		{[]string{"mark", "3", "2", "3"}, exitDone, "changed 2 flows\n"},
		{[]string{"mark", "--off", "2", "3"}, exitDone, "changed 2 flows\n"},
		{[]string{"mark", "2", "9"}, exitFailed, "no such flow"},
		{[]string{"comment", "2", "look here"}, exitUsage, "behind --text"},
		{[]string{"mark", "~u nowhere"}, exitDone, "changed 0 flows\n"},
		{[]string{"mark", "9"}, exitFailed, "no such flow"},
		{[]string{"mark"}, exitUsage, "name flows"},
		{[]string{"mark", "~zz"}, exitUsage, "no operator"},
		{[]string{"mark", "--marker", "", "1"}, exitUsage, "--off takes the mark off"},
		{[]string{"delete", "3"}, exitUsage, "it would delete 1 flow of " + dir},
	} {
		code, _, errs := flows(t, append(c.line, "--session", dir)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%q: code %d, %s", c.line, code, errs)
		}
	}
	for filter, want := range map[string]string{"~marked": "1", "~marker red": "1", "~comment look": "1 2", "~all": "1 2 3"} {
		if got := numbers(filter); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
	if code, _, errs := flows(t, "delete", "--yes", "--session", dir, "~u /[01]"); code != exitDone || !strings.Contains(errs, "deleted 2 flows") {
		t.Errorf("delete: %d, %s", code, errs)
	}
	if got := numbers("~all"); got != "3" {
		t.Errorf("left are %s", got)
	}
	s, err := store.Open(dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if code, _, errs := flows(t, "mark", "3", "--session", dir); code != exitFailed || !strings.Contains(errs, "another midstream writes this session: end it first") {
		t.Errorf("a session that is written: %d, %s", code, errs)
	}
}

func TestCut(t *testing.T) {
	dir := recordedSession(t)
	code, out, errs := flows(t, "cut", "number,request.method,request.path,response.status_code,response.content,request.header[x]", "~u /[01]", "--session", dir)
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	want := [][]string{{"1", "GET", `/0\x1b[31m`, "200", "0123456789", ""}, {"2", "GET", `/1\x1b[31m`, "200", "decoded text", ""}}
	if code != exitDone || err != nil || !slices.EqualFunc(rows, want, slices.Equal) {
		t.Errorf("%d, %v: %q, %s", code, err, rows, errs)
	}
	code, out, errs = flows(t, "cut", "--json", "id,response.raw_content", "--session", dir)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var first map[string]string
	if err := json.Unmarshal([]byte(lines[0]), &first); code != exitDone || err != nil || len(lines) != 3 || first["response.raw_content"] != "0123456789" || len(first["id"]) != 36 {
		t.Errorf("%d, %v: %s, %s", code, err, out, errs)
	}
	for paths, says := range map[string]string{"request.colour": `no "request.colour"`, "request.header": "name the field", "content": "no \"content\""} {
		if code, _, errs := flows(t, "cut", paths, "--session", dir); code != exitUsage || !strings.Contains(errs, says) {
			t.Errorf("%s: %d, %s", paths, code, errs)
		}
	}
}

func TestSessionCommands(t *testing.T) {
	conf := t.TempDir()
	s, err := store.Create(conf, time.Hour, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	record(t, s)
	dir := s.Dir()
	if code, out, _ := sessions(t, conf, "list"); code != exitDone || !strings.Contains(out, "live") || !strings.Contains(out, dir) {
		t.Errorf("list: %d, %s", code, out)
	}
	if code, _, errs := sessions(t, conf, "delete", "--yes", dir); code != exitFailed || !strings.Contains(errs, "end it first") {
		t.Errorf("delete a live one: %d, %s", code, errs)
	}
	s.Close()
	var j struct {
		Path  string
		Flows uint64
		Until *time.Time
	}
	code, out, _ := sessions(t, conf, "info", "--json")
	if err := json.Unmarshal([]byte(out), &j); code != exitDone || err != nil || j.Path != dir || j.Flows != 3 || j.Until == nil {
		t.Errorf("info: %d, %v, %s", code, err, out)
	}
	if code, out, _ := sessions(t, conf, "info", dir); code != exitDone || !strings.Contains(out, "flows   3\n") {
		t.Errorf("info: %d, %s", code, out)
	}
	if code, _, errs := sessions(t, conf, "check", dir); code != exitDone || !strings.Contains(errs, "3 flows in the index") {
		t.Errorf("check: %d, %s", code, errs)
	}
	if code, _, errs := sessions(t, conf, "prune"); code != exitDone || !strings.Contains(errs, "nothing to do") {
		t.Errorf("prune: %d, %s", code, errs)
	}
	if code, _, errs := sessions(t, conf, "keep", dir); code != exitDone || !strings.Contains(errs, "kept") {
		t.Errorf("keep: %d, %s", code, errs)
	}
	if err := os.WriteFile(filepath.Join(dir, "flows.db"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := sessions(t, conf, "check", dir); code != exitPartial || !strings.Contains(out, "index") || !strings.Contains(errs, "it is damaged") {
		t.Errorf("check of damage: %d, %s, %s", code, out, errs)
	}
	if code, _, errs := sessions(t, conf, "repair", dir); code != exitUsage || !strings.Contains(errs, "--yes") {
		t.Errorf("repair: %d, %s", code, errs)
	}
	if code, _, errs := sessions(t, conf, "repair", "--yes", dir); code != exitDone || !strings.Contains(errs, "3 flows are there") {
		t.Errorf("repair: %d, %s", code, errs)
	}
	if code, _, errs := sessions(t, conf, "keep", "--for", "0s", dir); code != exitDone {
		t.Errorf("keep: %d, %s", code, errs)
	}
	if code, _, errs := sessions(t, conf, "prune"); code != exitUsage || !strings.Contains(errs, "it would delete 1 session") || !strings.Contains(errs, dir) {
		t.Errorf("prune: %d, %s", code, errs)
	}
	if code, _, errs := sessions(t, conf, "prune", "--yes"); code != exitDone {
		t.Errorf("prune: %d, %s", code, errs)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it is still there: %v", err)
	}
	other := recordedSession(t)
	for _, c := range []struct {
		line []string
		code int
		says string
	}{
		{[]string{"delete", other}, exitUsage, "it would delete 1 session"},
		{[]string{"delete"}, exitUsage, "name the folders"},
		{[]string{"delete", "--yes", t.TempDir()}, exitFailed, "there is no session here"},
		{[]string{"keep", "--for", "x", other}, exitUsage, "give a time"},
		{[]string{"keep"}, exitUsage, "wants the folder"},
		{[]string{"check", "a", "b"}, exitUsage, "takes one folder"},
		{[]string{"delete", "--yes", other}, exitDone, ""},
	} {
		if code, _, errs := sessions(t, conf, c.line...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%q: code %d, %s", c.line, code, errs)
		}
	}
}
