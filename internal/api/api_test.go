package api

import (
	"bytes"
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

func TestFlowsAreListedShownAndRead(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		io.WriteString(z, strings.Repeat("0123456789", 10))
		z.Close()
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "text/plain")
		w.Write(b.Bytes())
	})
	r.through("/one")
	r.through("/two")
	var list struct{ Rows []Row }
	if r.call("GET", "/flows?filter=~u+two", "", &list); len(list.Rows) != 1 || list.Rows[0].Number != 2 || list.Rows[0].Status != 200 {
		t.Fatalf("%+v", list)
	}
	var shown struct {
		Number  int
		Request struct{ Method string }
	}
	if code := r.call("GET", "/flows/2", "", &shown); code != 200 || shown.Number != 2 || shown.Request.Method != "GET" {
		t.Errorf("%d %+v", code, shown)
	}
	for _, c := range []struct {
		query, span string
		status      int
		body, span2 string
	}{
		{"", "", 200, strings.Repeat("0123456789", 10), ""},
		{"", "bytes=3-12", 206, "3456789012", "bytes 3-12/*"},
		{"", "bytes=95-", 206, "56789", "bytes 95-99/100"},
		{"", "bytes=100-", 416, "", "bytes */100"},
		{"", "bytes=-5", 416, "", ""},
		{"?as=raw", "bytes=0-1", 206, "\x1f\x8b", ""},
		{"?as=other", "", 400, "", ""},
		{"", "lines=1-2", 416, "", ""},
	} {
		req, _ := http.NewRequest("GET", "http://midstream/api/v1/flows/2/response/body"+c.query, nil)
		if c.span != "" {
			req.Header.Set("Range", c.span)
		}
		resp, err := r.api.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || c.status < 300 && string(b) != c.body || c.span2 != "" && resp.Header.Get("Content-Range") != c.span2 {
			t.Errorf("%+v: %d, %q, %q", c, resp.StatusCode, b, resp.Header.Get("Content-Range"))
		}
		if c.status < 300 && (!strings.HasPrefix(resp.Header.Get("Content-Disposition"), "attachment") || !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "sandbox")) {
			t.Errorf("%+v: %v", c, resp.Header)
		}
	}
}

func TestWrongRequestsSayWhatIsWrong(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/flows/99", "", 404, "not-found"},
		{"GET", "/flows/xyz", "", 400, "bad-request"},
		{"GET", "/flows?filter=~nope", "", 400, "filter"},
		{"GET", "/flows?limit=0", "", 400, "bad-request"},
		{"GET", "/flows?order=up", "", 400, "bad-request"},
		{"POST", "/views", `{"filter":"~c"}`, 400, "filter"},
		{"POST", "/views", `{"order":"colour"}`, 400, "bad-request"},
		{"POST", "/views", `{"fitler":""}`, 400, "bad-request"},
		{"POST", "/views", `[`, 400, "bad-request"},
		{"GET", "/views/none/rows", "", 404, "not-found"},
		{"POST", "/flows/mark", `{}`, 400, "bad-request"},
		{"POST", "/flows/mark", `{"numbers":[1],"filter":"","marker":"x"}`, 400, "bad-request"},
		{"PATCH", "/options", `{"no_such":1}`, 404, "option"},
		{"PATCH", "/options", `{"flow_detail":9}`, 400, "option"},
		{"PATCH", "/options", `{"flow_detail":1.5}`, 400, "option"},
		{"PATCH", "/options", `{"flow_detail":2,"confdir":"elsewhere"}`, 400, "option"},
		{"GET", "/options/no_such", "", 404, "option"},
		{"GET", "/nowhere", "", 404, "not-found"},
		{"GET", "/save?as=session", "", 400, "bad-request"},
		{"POST", "/load", "no file", 400, "bad-request"},
		{"PUT", "/capture", `{}`, 400, "bad-request"},
	} {
		var out struct{ Error Error }
		if status := r.call(c.method, c.path, c.body, &out); status != c.status || out.Error.Code != c.code || out.Error.Text == "" || strings.Contains(out.Error.Text, "\n") {
			t.Errorf("%s %s %s: %d %+v", c.method, c.path, c.body, status, out.Error)
		}
	}
	if d := r.reg.Int("flow_detail"); d != 1 {
		t.Errorf("a change that was refused left flow_detail at %d", d)
	}
}

func TestOptionsAreSavedWithoutSecretsAndWithComments(t *testing.T) {
	r := newRig(t, nil)
	path := filepath.Join(r.reg.Path("confdir"), "config.yaml")
	if err := os.WriteFile(path, []byte("# mine\nflow_detail: 3 # more\nendless_types:\n  - text/x\n\n# the end\nhttp2: true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := r.call("PATCH", "/options", `{"flow_detail":2,"endless_types":["a/b","c/d"],"tcp_timeout":"5m"}`, nil); code != 200 {
		t.Fatal(code)
	}
	var out struct{ Written, Secrets []string }
	if code := r.call("POST", "/options/save", `{}`, &out); code != 200 || len(out.Written) != 3 {
		t.Fatal(code, out)
	}
	text, _ := os.ReadFile(path)
	want := "# mine\nflow_detail: 2\nendless_types:\n- a/b\n- c/d\n\n# the end\nhttp2: true\ntcp_timeout: 5m\n"
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if r.call("POST", "/options/save", `{"names":["web_password","showhost"]}`, &out); !slices.Equal(out.Secrets, []string{"web_password"}) || !slices.Equal(out.Written, []string{"showhost"}) {
		t.Errorf("%+v", out)
	}
	if text, _ := os.ReadFile(path); strings.Contains(string(text), "web_password") {
		t.Errorf("a secret was written:\n%s", text)
	}
}

// Who means all flows that were seen leaves alone what has come since.
func TestAFilterMeansFlowsUpToOne(t *testing.T) {
	r := newRig(t, nil)
	for i := range 4 {
		r.through(fmt.Sprint("/", i))
	}
	var done Done
	for _, c := range []struct {
		wish string
		code int
		done int
	}{
		{`{"filter":"~u /","last":2}`, 200, 2},
		{`{"filter":"~u /","last":2}`, 200, 0},
		{`{"numbers":[3],"last":4}`, 400, 0},
		{`{"filter":"","last":18446744073709551615}`, 200, 2},
	} {
		done = Done{}
		if code := r.call("POST", "/flows/delete", c.wish, &done); code != c.code || done.Done != c.done {
			t.Errorf("%s: %d %+v", c.wish, code, done)
		}
	}
}

func TestMarksDeletesAndTheViewThatHearsOfThem(t *testing.T) {
	r := newRig(t, nil)
	for i := range 4 {
		r.through(fmt.Sprint("/", i))
	}
	v := r.view(`{"filter":"!~u /3"}`)
	if v.Total != 3 {
		t.Fatalf("%+v", v)
	}
	next := r.feedOf(v.ID)
	next("position", &v)
	r.call("PUT", "/views/"+v.ID+"/window", `{"from":0,"n":10}`, nil)
	var done Done
	r.call("POST", "/flows/mark", `{"numbers":[2],"marker":":x:"}`, &done)
	if done.Done != 1 {
		t.Fatalf("%+v", done)
	}
	var b Batch
	for next("batch", &b); len(b.Rows) == 0; next("batch", &b) {
	}
	if b.Rows[0].Number != 2 || b.Rows[0].Marker != ":x:" || *b.Rows[0].Rank != 1 || b.Shifted {
		t.Errorf("%+v", b)
	}
	if code := r.call("POST", "/flows/delete", `{"filter":"~marked"}`, &done); code != 200 || done.Done != 1 {
		t.Fatalf("%d %+v", code, done)
	}
	for next("batch", &b); !b.Shifted; next("batch", &b) {
	}
	if b.Total != 2 {
		t.Errorf("%+v", b)
	}
	var rows Rows
	r.call("GET", "/views/"+v.ID+"/rows?around=2", "", &rows)
	if len(rows.Rows) != 2 || *rows.Rank != -1 {
		t.Errorf("%+v", rows)
	}
	for query, want := range map[string][]uint64{"from=-1": {3}, "after=1": {3}, "before=3": {1}, "from=1&n=5": {3}, "after=3": nil} {
		rows = Rows{}
		r.call("GET", "/views/"+v.ID+"/rows?"+query, "", &rows)
		var got []uint64
		for _, row := range rows.Rows {
			got = append(got, row.Number)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v", query, got)
		}
	}
}

// A flow that runs is in the list with what has passed, is marked when it has
// ended, and can be killed.
func TestFlowsThatRun(t *testing.T) {
	more := make(chan string)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for text := range more {
			io.WriteString(w, text)
			w.(http.Flusher).Flush()
		}
		<-req.Context().Done()
	})
	v := r.view(`{"order":"size"}`)
	next := r.feedOf(v.ID)
	next("position", &v)
	r.call("PUT", "/views/"+v.ID+"/window", `{"from":0,"n":10}`, nil)
	ended := make(chan error, 1)
	go func() {
		resp, err := r.client.Get(r.origin.URL + "/stream")
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		ended <- err
	}()
	more <- "data: one\n\n"
	var b Batch
	for next("batch", &b); len(b.Rows) == 0 || b.Rows[0].Response.Size != 11; next("batch", &b) {
	}
	if b.Rows[0].Outcome != "running" || b.Rows[0].Duration != nil {
		t.Errorf("%+v", b.Rows[0])
	}
	var messages struct{ Data string }
	live := r.eventsOf("/flows/1/response/messages?follow=1")
	if live("message", &messages); messages.Data != "one" {
		t.Errorf("%+v", messages)
	}
	more <- "data: two\n\n"
	if live("message", &messages); messages.Data != "two" {
		t.Errorf("%+v", messages)
	}
	var done Done
	if r.call("POST", "/flows/mark", `{"numbers":[1],"marker":":m:"}`, &done); done.Done != 1 {
		t.Errorf("%+v", done)
	}
	if r.call("POST", "/flows/delete", `{"numbers":[1]}`, &done); done.Done != 0 || len(done.Failed) != 1 {
		t.Errorf("deleted while it runs: %+v", done)
	}
	if r.call("POST", "/flows/kill", `{"numbers":[1,7]}`, &done); done.Done != 1 || len(done.Failed) != 1 {
		t.Errorf("%+v", done)
	}
	close(more)
	if err := <-ended; err == nil {
		t.Error("the client saw a proper end of a flow that was killed")
	}
	for next("batch", &b); len(b.Rows) == 0 || b.Rows[0].Duration == nil; next("batch", &b) {
	}
	var shown struct {
		Marker  string
		Outcome struct{ Kind string }
	}
	for shown.Marker == "" { // it is written behind the end
		r.call("GET", "/flows/1", "", &shown)
	}
	if shown.Marker != ":m:" || shown.Outcome.Kind != "killed" {
		t.Errorf("%+v", shown)
	}
}

func TestCaptureOffLetsFlowsPassUnrecorded(t *testing.T) {
	r := newRig(t, nil)
	r.call("PUT", "/capture", `{"on":false}`, nil)
	if got := r.through("/a"); got != "hello /a" {
		t.Error(got)
	}
	var st State
	if r.call("PUT", "/capture", `{"on":true}`, &st); !st.Capture {
		t.Errorf("%+v", st)
	}
	r.through("/b")
	var list struct{ Rows []Row }
	if r.call("GET", "/flows", "", &list); len(list.Rows) != 1 || list.Rows[0].Path != "/b" {
		t.Errorf("%+v", list)
	}
}

func TestWhatIsSavedCanBeLoaded(t *testing.T) {
	r := newRig(t, nil)
	r.through("/a")
	r.through("/b")
	for _, kind := range []string{"mitm", "har", "zhar"} {
		resp, err := r.api.Get("http://midstream/api/v1/save?filter=~u+/a&as=" + kind)
		if err != nil {
			t.Fatal(err)
		}
		file, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if e := resp.Trailer.Get("Midstream-Error"); resp.StatusCode != 200 || e != "" {
			t.Fatal(resp.StatusCode, e)
		}
		var out Loaded
		if code := r.call("POST", "/load?as="+kind, string(file), &out); code != 200 || out.Loaded == 0 {
			t.Errorf("%s: %d %+v", kind, code, out)
		}
		var list struct{ Rows []Row }
		if r.call("GET", "/flows?limit=1", "", &list); list.Rows[0].Path != "/a" {
			t.Errorf("%s: %+v", kind, list.Rows[0])
		}
		r.call("POST", "/flows/delete", fmt.Sprintf(`{"numbers":[%d]}`, list.Rows[0].Number), nil)
	}
}

func TestLogStateAndStatistics(t *testing.T) {
	r := newRig(t, nil)
	for i := range maxLogEntries + 5 {
		r.in.Log().Info("line", "n", i)
	}
	var log struct{ Entries []LogEntry }
	r.call("GET", "/log", "", &log)
	if n := len(log.Entries); n != maxLogEntries || log.Entries[n-1].Text != fmt.Sprintf("line n=%d", maxLogEntries+4) || log.Entries[0].Seq+maxLogEntries-1 != log.Entries[n-1].Seq {
		t.Errorf("%d lines, from %+v to %+v", n, log.Entries[0], log.Entries[n-1])
	}
	last := log.Entries[len(log.Entries)-1].Seq
	if r.call("GET", fmt.Sprint("/log?after=", last-1), "", &log); len(log.Entries) != 1 {
		t.Errorf("%+v", log)
	}
	r.through("/a")
	var stats Stats
	if r.call("GET", "/stats", "", &stats); stats.Flows != 1 || stats.Memory == 0 {
		t.Errorf("%+v", stats)
	}
	v := r.view(`{}`)
	next := r.feedOf(v.ID)
	next("position", &v)
	r.in.Log().Warn("now")
	var e LogEntry
	if next("log", &e); e.Text != "now" || e.Level != "warn" {
		t.Errorf("%+v", e)
	}
	r.call("PATCH", "/options", `{"showhost":false,"flow_detail":0}`, nil)
	var changed struct{ Changed []string }
	if next("options", &changed); !slices.Contains(changed.Changed, "flow_detail") {
		t.Errorf("%+v", changed)
	}
}

// A reader that does not read loses batches and is told so; others are not held up.
func TestASlowReaderIsToldToAskAgain(t *testing.T) {
	var f feed
	slow, _ := f.open()
	quick, _ := f.open()
	for i := range maxQueued + 10 {
		f.send(&told{name: "batch", data: []byte(fmt.Sprint(i))})
		if got := <-quick.queue; string(got.data) != fmt.Sprint(i) {
			t.Fatalf("%s", got.data)
		}
	}
	select {
	case <-slow.slow:
	default:
		t.Error("the slow reader was not told")
	}
	select {
	case <-quick.slow:
		t.Error("the quick reader was told")
	default:
	}
	if slow.drop(); len(slow.queue) != 0 {
		t.Error("what waits was not dropped")
	}
	f.close()
	<-slow.ended
	if _, ok := f.open(); ok {
		t.Error("a feed that has ended was opened")
	}
}

func TestThereIsABoundOnViews(t *testing.T) {
	r := newRig(t, nil)
	for range maxViews {
		r.view(`{}`)
	}
	var out struct{ Error Error }
	if code := r.call("POST", "/views", `{}`, &out); code != 429 || out.Error.Code != "too-many" {
		t.Errorf("%d %+v", code, out)
	}
}

func TestWithoutARecordThereAreNoFlows(t *testing.T) {
	r := newRig(t, nil, "record=none")
	var out struct{ Error Error }
	if code := r.call("GET", "/flows", "", &out); code != 503 || out.Error.Code != "not-recorded" {
		t.Errorf("%d %+v", code, out)
	}
	var st State
	if code := r.call("GET", "/state", "", &st); code != 200 || st.Session != nil {
		t.Errorf("%d %+v", code, st)
	}
}
