package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// attached reads a feed, so that what is held is not let go by itself; next is that
// of the feed.
func (r *rig) attached() (next func(name string, out any)) {
	r.t.Helper()
	v := r.view(`{}`)
	next = r.feedOf(v.ID)
	next("position", &v)
	return next
}

// answer is what a client got.
type answer struct {
	status int
	fields http.Header
	body   string
	err    error
}

// send sends a request through the proxy beside what else happens.
func (r *rig) send(ctx context.Context, method, path, body string) <-chan answer {
	got := make(chan answer, 1)
	go func() {
		req, err := http.NewRequestWithContext(ctx, method, r.origin.URL+path, strings.NewReader(body))
		if err != nil {
			got <- answer{err: err}
			return
		}
		req.Header.Set("Content-Type", "text/plain")
		resp, err := r.client.Do(req)
		if err != nil {
			got <- answer{err: err}
			return
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		got <- answer{resp.StatusCode, resp.Header, string(b), err}
	}()
	return got
}

func echoAll(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL, r.Header.Get("X-Mark"), b)
}

func (r *rig) done(method, path, body string, want int) {
	r.t.Helper()
	var out struct{ Error Error }
	req, _ := http.NewRequest(method, "http://midstream/api/v1"+path, strings.NewReader(body))
	resp, err := r.api.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != want {
		r.t.Fatalf("%s %s: %d %s %+v", method, path, resp.StatusCode, b, out)
	}
}

func TestARequestAndItsResponseAreHeldAndChanged(t *testing.T) {
	r := newRig(t, echoAll, "intercept=~u held")
	next := r.attached()
	if got := <-r.send(t.Context(), "GET", "/free", ""); got.body != "GET /free  " {
		t.Fatalf("what the filter does not mean: %+v", got)
	}
	got := r.send(t.Context(), "POST", "/held", "old")
	var held Held
	if next("held", &held); held.Stage != "request" || held.Number != 2 || held.Deadline != nil {
		t.Fatalf("%+v", held)
	}
	var queue Queue
	if r.call("GET", "/intercept", "", &queue); !queue.Active || !queue.Attached || len(queue.Held) != 1 || queue.Filter != "~u held" {
		t.Errorf("%+v", queue)
	}
	var list struct{ Rows []Row }
	if r.call("GET", "/flows?limit=1", "", &list); list.Rows[0].Held != "request" {
		t.Errorf("%+v", list.Rows[0])
	}
	var detail HeldDetail
	if r.call("GET", "/intercept/2", "", &detail); *detail.Request.Method != "POST" || !detail.Body.Editable || detail.Body.Size != 3 || detail.Response != nil {
		t.Errorf("%+v", detail)
	}
	for _, bad := range []string{`{"response":{"status":500}}`, `{"request":{"method":"A B"}}`, `{"request":{"fields":[["a b","c"]]}}`,
		`{"request":{"fields":[["a","b\nc"]]}}`, `{"request":{"url":"nowhere"}}`, `{"body":{"base64":"!"}}`, `{"message":{"text":"x"}}`, `{"reqest":{}}`} {
		var out struct{ Error Error }
		if code := r.call("POST", "/intercept/2/continue", bad, &out); code != 400 && code != 409 {
			t.Errorf("%s: %d %+v", bad, code, out)
		}
	}
	r.done("POST", "/intercept/2/continue", fmt.Sprintf(`{"request":{"method":"PUT","url":"%s/held/new?q=1","fields":[["X-Mark","m"],["Host","wrong.test"]]},"body":{"text":"new body"}}`, r.origin.URL), 204)
	if next("held", &held); held.Stage != "response" || held.Status != 200 {
		t.Fatalf("%+v", held)
	}
	body := ""
	if resp, err := r.api.Get("http://midstream/api/v1/intercept/2/body"); err == nil {
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		body = string(b)
	}
	if body != "PUT /held/new?q=1 m new body" {
		t.Errorf("the origin got %q", body)
	}
	r.done("POST", "/intercept/2/continue", `{"response":{"status":201,"fields":[["X-New","1"]]},"body":{"text":"changed"}}`, 204)
	if a := <-got; a.status != 201 || a.body != "changed" || a.fields.Get("X-New") != "1" || a.fields.Get("Date") != "" {
		t.Errorf("%+v", a)
	}
	r.done("POST", "/intercept/2/continue", `{}`, 409)
}

func TestAHeldRequestIsAnsweredDroppedOrLeft(t *testing.T) {
	r := newRig(t, echoAll, "intercept=~q")
	next := r.attached()
	var held Held
	got := r.send(t.Context(), "GET", "/a", "")
	next("held", &held)
	r.done("POST", "/intercept/1/answer", `{"status":99}`, 400)
	r.done("POST", "/intercept/1/answer", `{"status":418,"fields":[["X-Mark","mine"]],"body":{"text":"tea"}}`, 204)
	if a := <-got; a.status != 418 || a.body != "tea" || a.fields.Get("X-Mark") != "mine" {
		t.Errorf("answered: %+v", a)
	}
	got = r.send(t.Context(), "POST", "/b", "")
	next("held", &held)
	r.done("POST", fmt.Sprintf("/intercept/%d/drop", held.Number), "", 204)
	if a := <-got; a.err == nil {
		t.Errorf("dropped: %+v", a)
	}
	ctx, leave := context.WithCancel(t.Context())
	got = r.send(ctx, "POST", "/c", "")
	next("held", &held)
	leave()
	if a := <-got; !errors.Is(a.err, context.Canceled) {
		t.Errorf("left: %+v", a)
	}
	var released struct{ Number uint64 }
	for next("released", &released); released.Number != held.Number; next("released", &released) {
	}
	got = r.send(t.Context(), "GET", "/d", "")
	next("held", &held)
	var done Done
	if r.call("POST", "/flows/resume", `{"filter":""}`, &done); done.Done != 1 {
		t.Errorf("%+v", done)
	}
	if a := <-got; a.status != 200 {
		t.Errorf("resumed: %+v", a)
	}
	// Nothing is held any more once the filter is gone, nor what was held.
	got = r.send(t.Context(), "GET", "/e", "")
	next("held", &held)
	if code := r.call("PATCH", "/options", `{"intercept":null}`, nil); code != 200 {
		t.Error(code)
	}
	if a := <-got; a.status != 200 {
		t.Errorf("let go: %+v", a)
	}
	if a := <-r.send(t.Context(), "GET", "/f", ""); a.status != 200 {
		t.Errorf("free: %+v", a)
	}
	var out struct{ Error Error }
	if code := r.call("PATCH", "/options", `{"intercept":"~nope"}`, &out); code != 400 {
		t.Errorf("%d %+v", code, out)
	}
}

// One event of a stream is held, changed and dropped; those in front of it have
// passed.
func TestAnEventOfAStreamIsHeld(t *testing.T) {
	events := make(chan string)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for e := range events {
			fmt.Fprintf(w, "data: %s\n\n", e)
			w.(http.Flusher).Flush()
		}
	}, "intercept=~event stop")
	next := r.attached()
	resp, err := r.client.Get(r.origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read := func(n int) string {
		t.Helper()
		p := make([]byte, n)
		if _, err := io.ReadFull(resp.Body, p); err != nil {
			t.Fatal(err)
		}
		return string(p)
	}
	events <- "one"
	if got := read(11); got != "data: one\n\n" {
		t.Fatalf("%q", got)
	}
	events <- "stop1"
	var held Held
	if next("held", &held); held.Stage != "message" || held.Message == nil || *held.Message != 1 || held.Side != "response" {
		t.Fatalf("%+v", held)
	}
	events <- "behind"
	var detail HeldDetail
	if r.call("GET", "/intercept/1", "", &detail); detail.Message.Kind != "sse" || *detail.Message.Text != "stop1" || detail.Body.Editable {
		t.Errorf("%+v", detail)
	}
	r.done("POST", "/intercept/1/answer", `{"status":200}`, 409)
	r.done("POST", "/intercept/1/continue", `{"message":{"text":"changed","event":"e"}}`, 204)
	const want = "event: e\ndata: changed\n\ndata: behind\n\n"
	if got := read(len(want)); got != want && got != "data: changed\nevent: e\n\ndata: behind\n\n" {
		t.Errorf("%q", got)
	}
	events <- "stop2"
	next("held", &held)
	r.done("POST", "/intercept/1/drop", "", 204)
	close(events)
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) != 0 {
		t.Errorf("%q, %v", rest, err)
	}
}

// --stream is stronger than an intercept: the flow is held at its head, and the body
// passes.
func TestAStreamedBodyIsHeldAtItsHead(t *testing.T) {
	r := newRig(t, echoAll, "intercept=~u x", "stream_large_bodies=0")
	next := r.attached()
	got := r.send(t.Context(), "POST", "/x", "body")
	var held Held
	for range 2 {
		next("held", &held)
		var detail HeldDetail
		if r.call("GET", "/intercept/1", "", &detail); detail.Body.Editable || detail.Body.Reason == "" {
			t.Errorf("%+v", detail)
		}
		r.done("POST", "/intercept/1/continue", `{"body":{"text":"new"}}`, 409)
		r.done("GET", "/intercept/1/body", "", 409)
		r.done("POST", "/intercept/1/continue", "", 204)
	}
	if a := <-got; a.body != "POST /x  body" {
		t.Errorf("%+v", a)
	}
}

func TestOnlyTheNextIsHeld(t *testing.T) {
	r := newRig(t, echoAll, "intercept=~u held")
	next := r.attached()
	r.done("PUT", "/intercept/next", `{}`, 400)
	state := func(want string, active bool) {
		t.Helper()
		var st State
		if r.call("GET", "/state", "", &st); st.Intercept.Next != want || st.Intercept.Active != active {
			t.Errorf("%+v, want %q %v", st.Intercept, want, active)
		}
	}
	for range 2 {
		r.done("PUT", "/intercept/next", `{"only":true}`, 200)
		state("waiting", true)
		got := r.send(t.Context(), "POST", "/held", "one")
		var held Held
		next("held", &held)
		state("caught", false)
		if a := <-r.send(t.Context(), "POST", "/held", "two"); a.body != "POST /held  two" {
			t.Errorf("behind the one that is held: %+v", a)
		}
		r.done("POST", fmt.Sprintf("/intercept/%d/continue", held.Number), `{}`, 204)
		if a := <-got; a.body != "POST /held  one" { // its response passes
			t.Errorf("the one that was held: %+v", a)
		}
	}
	r.done("PUT", "/intercept/next", `{"only":false}`, 200)
	state("", true)
}
