package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What a script has changed is shown as it was before, beside what it is now: by the
// page, and by `flows show`. Redaction goes through it, too.
func TestBeforeAndAfter(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	o.mux.HandleFunc("/changed", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"plain":"seen","price":10,"password":"secret-before"}`)
	})
	script := scriptFile(t, `
export function request(flow) {
  if (flow.request.path === '/changed') flow.request.headers['X-Added'] = 'by the script'
}
export function response(flow) {
  if (flow.request.path === '/changed') flow.response.text = flow.response.text.replace('10', '12')
}
`)
	p, url := startPage(t, "-s", script, "--redact")
	resp, err := p.client().Post(o.HTTP+"/changed", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), `"price":12,"password":"secret-before"`) {
		t.Fatalf("%s %v", text, err)
	}
	resp.Body.Close()
	send(t, p.client(), o.HTTP+"/hello")

	b := visit(t, url)
	loadAxe(b)
	openFlow(b, "/changed")
	tabOf(b, "changes")
	text := `[...document.querySelectorAll('[data-testid=before] ins, [data-testid=before] del')].map(e => e.textContent.trim()).join('|')`
	b.until("before and after", `%s.includes('+ X-Added: by the script') && %[1]s.includes('-   "price": 10,|+   "price": 12,')`, text)
	axeEach(b, "before")
	if js[bool](b, `%s.includes('secret-')`, seen) {
		t.Error("a credential is in what was before")
	}
	openFlow(b, "/hello")
	b.until("no tab for what was not changed", `document.querySelector('#tab-exchange') && !document.querySelector('#tab-changes')`)

	p.stop() // all is on the disk
	var f struct {
		Before *struct {
			By           []string
			Request      *struct{ Fields [][2]string }
			Response     *struct{ Status int }
			RequestBody  *struct{ Text string } `json:"request_body"`
			ResponseBody *struct {
				Size   int
				SHA256 string
				Text   string
			} `json:"response_body"`
		}
	}
	out := p.midstream("flows", "show", "--session", p.Session, "--json", "1")
	if err := json.Unmarshal([]byte(out), &f); err != nil || f.Before == nil {
		t.Fatalf("%v: %s", err, out)
	}
	was := f.Before
	if len(was.By) != 1 || was.Request == nil || was.RequestBody != nil || was.ResponseBody == nil || was.ResponseBody.SHA256 != "" ||
		!strings.HasPrefix(was.ResponseBody.Text, `{"plain":"seen","price":10,"password":"[redacted:`) {
		t.Errorf("%+v %s", was, out)
	}
	if out := p.midstream("flows", "show", "--session", p.Session, "1"); !strings.Contains(out, "changed by ") || !strings.Contains(out, `"price":10`) || strings.Contains(out, "secret-") {
		t.Error(out)
	}
	if out := p.midstream("flows", "show", "--session", p.Session, "--json", "2"); strings.Contains(out, `"before": {`) {
		t.Error(out)
	}
}
