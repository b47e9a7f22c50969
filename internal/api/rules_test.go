package api

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// names are those of the rules, with a mark where one is off.
func names(l Rules) string {
	var list []string
	for _, r := range l.Rules {
		name := r.Name
		if !r.On {
			name += " off"
		}
		list = append(list, name)
	}
	return strings.Join(list, ", ")
}

func (r *rig) rules(method, path, body string, code int) Rules {
	r.t.Helper()
	var l Rules
	if got := r.call(method, path, body, &l); got != code {
		r.t.Fatalf("%s %s %s: %d, want %d", method, path, body, got, code)
	}
	return l
}

// Rules are added, changed, ordered, switched and removed while traffic passes; the
// file is what they are, and rules of options stay out of it.
func TestRulesAreChanged(t *testing.T) {
	seen := make(chan string, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { seen <- req.Header.Get("X-A") + req.Header.Get("X-B") }, "modify_headers=/X-B/b")
	header := func(want string) {
		t.Helper()
		r.through("/")
		if got := <-seen; got != want {
			t.Errorf("the server saw %q, want %q", got, want)
		}
	}
	header("b")
	r.rules("POST", "/rules", `{"name":"a","do":"modify_headers","params":{"header":"X-A","value":"a"}}`, 201)
	header("ab")
	l := r.rules("POST", "/rules", `{"name":"first/of all","on":false,"when":" ~d x ","do":"block_list","params":{"status":"404"},"before":"a"}`, 201)
	if got := names(l); got != "modify_headers option 1, first/of all off, a" || l.Rules[0].Option != "modify_headers" || l.Rules[1].When != "~d x" || l.Rules[2].Hits != 2 {
		t.Errorf("%s: %+v", got, l)
	}
	r.rules("PATCH", "/rules/a", `{"on":false}`, 200)
	header("b")
	r.rules("PATCH", "/rules/a", `{"on":true,"params":{"header":"X-A","value":"c"}}`, 200)
	header("cb")
	if got := names(r.rules("PUT", "/rules/order", `{"names":["a","first/of all"]}`, 200)); got != "modify_headers option 1, a, first/of all off" {
		t.Error(got)
	}
	if got := names(r.rules("DELETE", "/rules/first%2Fof%20all", "", 200)); got != "modify_headers option 1, a" {
		t.Error(got)
	}
	text, err := os.ReadFile(filepath.Join(r.reg.Path("confdir"), "rules.yaml"))
	if want := "- name: a\n  do: modify_headers\n  header: X-A\n  value: c\n"; err != nil || string(text) != want {
		t.Errorf("the file has %q, %v", text, err)
	}
	var kinds struct{ Kinds []RuleKind }
	if r.call("GET", "/rules/kinds", "", &kinds); len(kinds.Kinds) < 10 || kinds.Kinds[0].Name != "block_list" || kinds.Kinds[0].Params[0].Name != "status" || !kinds.Kinds[0].Params[0].Required {
		t.Errorf("%+v", kinds)
	}
}

// What is wrong is told with its place, and changes nothing.
func TestRulesThatAreWrong(t *testing.T) {
	r := newRig(t, nil, "anticache=true")
	path := filepath.Join(r.reg.Path("confdir"), "rules.yaml")
	r.rules("POST", "/rules", `{"name":"a","do":"anticomp"}`, 201)
	before, _ := os.ReadFile(path)
	for _, c := range []struct {
		method, path, body string
		status             int
		code, param, text  string
	}{
		{"POST", "/rules", `{"do":"block_list","when":"~d ( & ~q","params":{"status":"404"}}`, 400, "rule", "when", "~d"},
		{"POST", "/rules", `{"name":"b","do":"block_list","params":{"status":"x"}}`, 400, "rule", "status", "is none"},
		{"POST", "/rules", `{"name":"b","do":"block_list"}`, 400, "rule", "status", "needs status"},
		{"POST", "/rules", `{"name":"b","do":"blocklist"}`, 400, "rule", "do", "did you mean block_list"},
		{"POST", "/rules", `{"name":"b","do":"anticomp","params":{"odd":""}}`, 400, "rule", "odd", "no \"odd\""},
		{"POST", "/rules", `{"name":"a","do":"anticomp"}`, 400, "rule", "name", "another of this name"},
		{"POST", "/rules", `{"name":"b","do":"anticomp","odd":1}`, 400, "bad-request", "", "odd"},
		{"POST", "/rules", `{"name":"b","do":"anticomp","before":"none"}`, 404, "not-found", "", "no rule"},
		{"PATCH", "/rules/none", `{"on":false}`, 404, "not-found", "", "no rule"},
		{"PATCH", "/rules/anticache%20option%201", `{"on":false}`, 409, "conflict", "", "comes from option anticache"},
		{"DELETE", "/rules/anticache%20option%201", ``, 409, "conflict", "", "comes from option anticache"},
		{"PUT", "/rules/order", `{"names":[]}`, 409, "conflict", "", "is not named"},
		{"POST", "/rules/test", `{"rule":{"do":"block_list","params":{"status":"1"}}}`, 400, "rule", "status", "is none"},
		{"POST", "/rules/test", `{"names":["none"]}`, 404, "not-found", "", "no rule"},
		{"POST", "/rules/test", `{"filter":"~d ("}`, 400, "filter", "", "~d"},
	} {
		var e struct{ Error Error }
		if got := r.call(c.method, c.path, c.body, &e); got != c.status || e.Error.Code != c.code || e.Error.Param != c.param || !strings.Contains(e.Error.Text, c.text) || c.param == "when" && e.Error.Offset == nil {
			t.Errorf("%s %s %s: %d %+v", c.method, c.path, c.body, got, e.Error)
		}
	}
	if now, _ := os.ReadFile(path); string(now) != string(before) {
		t.Errorf("the file is %q", now)
	}
	next := r.eventsOf("/views/" + r.view(`{}`).ID + "/feed")
	var position View
	next("position", &position)
	if err := os.WriteFile(path, []byte("- name: x\n  do: nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var told struct{}
	next("rules", &told)
	l := r.rules("GET", "/rules", "", 200)
	if got := names(l); got != "anticache option 1, a" || l.Fault == nil || l.Fault.Place != path+":1:3" || l.Fault.Rule != "x" || l.Fault.Param != "do" {
		t.Errorf("%s %+v", got, l.Fault)
	}
}

// Rules are tried on what is recorded.
func TestRulesAreTried(t *testing.T) {
	r := newRig(t, nil)
	var entries []string
	for _, path := range []string{"/a", "/b", "/c"} {
		entries = append(entries, `{"startedDateTime":"2026-01-01T00:00:00Z","request":{"method":"GET","url":"http://page.test`+path+`","headers":[]},"response":{"status":200,"headers":[],"content":{"mimeType":"text/plain","text":"hello"}}}`)
	}
	if code := r.call("POST", "/load?as=har", `{"log":{"entries":[`+strings.Join(entries, ",")+`]}}`, nil); code != 200 {
		t.Fatal(code)
	}
	r.rules("POST", "/rules", `{"name":"off","on":false,"when":"~u /b","do":"modify_headers","params":{"header":"X","value":"y"}}`, 201)
	var out Trials
	if code := r.call("POST", "/rules/test", `{"rule":{"do":"modify_body","params":{"find":"hello","replace":"bye"}}}`, &out); code != 200 || out.Flows != 3 || !out.Whole || len(out.Rules) != 1 || out.Rules[0].Matched != 3 || len(out.Rules[0].Changes) != 3 {
		t.Errorf("%d %+v", code, out)
	}
	if r.call("POST", "/rules/test", `{"filter":"~u /[bc]"}`, &out); out.Flows != 2 || out.Rules[0].Name != "off" || out.Rules[0].Matched != 1 || !strings.HasSuffix(out.Rules[0].Changes[0].URL, "/b") {
		t.Errorf("%+v", out)
	}
	if r.call("POST", "/rules/test", `{"names":["off"],"last":1}`, &out); out.Flows != 1 || out.Rules[0].Matched != 0 {
		t.Errorf("%+v", out)
	}
	if l := r.rules("GET", "/rules", "", 200); l.Rules[0].Hits != 0 {
		t.Error("a trial has counted")
	}
}
