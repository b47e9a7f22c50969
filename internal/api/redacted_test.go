package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What is held is shown with its credentials replaced, and sent with them: what a
// person leaves as it was shown, and what is not changed at all.
func TestWhatIsHeldIsShownRedactedAndSentAsItIs(t *testing.T) {
	asked := make(chan string, 4)
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked <- fmt.Sprintf("%s %s|%s|%s", r.URL.RequestURI(), r.Header.Get("Cookie"), r.Header.Get("X-New"), b)
		w.Header().Set("Set-Cookie", "s=CANARY-set")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"password":"CANARY-answer"}`)
	}, "intercept=~u held", "redact=default", "redact=regex:CANARY-text")
	next := r.attached()
	request := func() <-chan answer {
		got := make(chan answer, 1)
		req, err := http.NewRequest("POST", r.origin.URL+"/held?token=CANARY%20query&x=1", strings.NewReader(`{"password":"CANARY-\"body","n":"CANARY-text"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Cookie", "a=CANARY-cookie")
		req.Header.Set("Content-Type", "application/json")
		go func() {
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
	text := func(path string) string {
		t.Helper()
		resp, err := r.api.Get("http://midstream/api/v1" + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || strings.Contains(string(b), "CANARY") || path != "/log" && !strings.Contains(string(b), "[redacted:") {
			t.Errorf("%s: %d %s", path, resp.StatusCode, b)
		}
		return string(b)
	}

	got := request()
	var held Held
	if next("held", &held); strings.Contains(held.URL, "CANARY") {
		t.Errorf("the feed says %+v", held)
	}
	text("/intercept")
	at := fmt.Sprintf("/intercept/%d", held.Number)
	var detail HeldDetail
	if err := json.Unmarshal([]byte(text(at)), &detail); err != nil {
		t.Fatal(err)
	}
	content := text(at + "/body")

	// Some of it is changed, the rest is given back as it was shown.
	fields := append(*detail.Request.Fields, [2]string{"X-New", "new"})
	changed := strings.Replace(content, `"n":`, `"m":1,"n":`, 1)
	edit, err := json.Marshal(Edit{Request: &Head{URL: new(strings.Replace(*detail.Request.URL, "x=1", "x=2", 1)), Fields: &fields}, Body: &Content{Text: &changed}})
	if err != nil {
		t.Fatal(err)
	}
	r.done("POST", at+"/continue", string(edit), 204)
	if want := `/held?token=CANARY+query&x=2 a=CANARY-cookie|new|{"password":"CANARY-\"body","m":1,"n":"CANARY-text"}`; <-asked != want {
		t.Errorf("not sent as %s", want)
	}
	next("held", &held)
	text(at)
	text(at + "/body")
	r.done("POST", at+"/continue", "", 204)
	if a := <-got; a.body != `{"password":"CANARY-answer"}` || a.fields.Get("Set-Cookie") != "s=CANARY-set" {
		t.Errorf("%+v", a)
	}

	// The whole flow, and a comment.
	r.ended(held.Number)
	r.call("POST", "/flows/comment", fmt.Sprintf(`{"numbers":[%d],"comment":"it had CANARY-cookie"}`, held.Number), nil)
	number := held.Number
	for _, path := range []string{"", "/export?as=raw", "/request/body", "/response/body", "/request/view", "/response/view"} {
		text(fmt.Sprintf("/flows/%d%s", number, path))
	}
	text("/save?as=har")
	text("/log")

	// A flow that is loaded is recorded redacted, too.
	resp, err := r.api.Post("http://midstream/api/v1/load", "application/octet-stream", strings.NewReader(
		`{"log":{"entries":[{"request":{"method":"GET","url":"http://a.test/?token=CANARY-loaded"},"response":{"status":200,"content":{"text":"x CANARY-text"}}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	text(fmt.Sprintf("/flows/%d", number+1))
	text(fmt.Sprintf("/flows/%d/response/body", number+1))
}

// Without redaction an answer says what it carries, and leaves it out where that is
// asked for.
func TestAnswersSayWhatTheyCarry(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Set-Cookie", "s=CANARY") })
	r.through("/x?token=CANARY")
	for path, carries := range map[string]bool{"/save?as=har": true, "/save?as=har&redact=1": false, "/flows/1/export?as=raw": true, "/flows/1/export?as=raw&redact=1": false} {
		resp, err := r.api.Get("http://midstream/api/v1" + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		secrets := resp.Trailer.Get("Midstream-Secrets") + resp.Header.Get("Midstream-Secrets")
		if strings.Contains(string(b), "CANARY") != carries || (secrets != "") != carries || carries && !strings.Contains(secrets, "set-cookie") {
			t.Errorf("%s: %q\n%s", path, secrets, b)
		}
	}
}
