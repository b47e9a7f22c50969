package api

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestABodyIsShownExportedAndSentAgain(t *testing.T) {
	seen := make(chan string, 4)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		b, _ := io.ReadAll(req.Body)
		seen <- req.Method + " " + req.URL.Path + " " + string(b)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"a":[1,2]}`)
	})
	if a := <-r.send(t.Context(), "POST", "/x", "sent"); a.status != 200 {
		t.Fatal(a)
	}
	<-seen
	r.ended(1)
	var lines Lines
	if code := r.call("GET", "/flows/1/response/view?n=3", "", &lines); code != 200 || lines.View != "json" || !lines.More || len(lines.Lines) != 3 || !slices.Contains(lines.Views, "hex") {
		t.Errorf("%d %+v", code, lines)
	}
	if code := r.call("GET", "/flows/1/response/view?as=nope", "", nil); code != 400 {
		t.Error(code)
	}
	resp, err := r.api.Get("http://midstream/api/v1/flows/1/export?as=curl")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != 200 || !strings.HasPrefix(string(text), "curl ") || !strings.Contains(string(text), "sent") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	if code := r.call("GET", "/flows/1/export?as=cobol", "", nil); code != 400 {
		t.Error(code)
	}
	v := r.view(`{}`)
	next := r.feedOf(v.ID)
	next("position", &v)
	var done Done
	if code := r.call("POST", "/flows/replay", `{"numbers":[1,9]}`, &done); code != 202 || done.Done != 1 || len(done.Failed) != 1 {
		t.Errorf("%d %+v", code, done)
	}
	if got := <-seen; got != "POST /x sent" {
		t.Errorf("sent again: %s", got)
	}
	var b Batch
	for next("batch", &b); b.Total != 2; next("batch", &b) {
	}
}
