package api

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// With hide=credentials no answer about a flow has one, wherever it stood, and
// without it all have theirs.
func TestCredentialsAreHidden(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		w.Header().Set("Set-Cookie", "s=canary-set-cookie; Path=/")
		switch req.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: {\"password\":\"canary-event\"}\n\ndata: plain\n\n")
		case "/hex":
			w.Header().Set("Content-Type", "application/octet-stream")
			io.WriteString(w, "\x00\x01token=canary-octets&plain\x00")
		default:
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"password":"canary-member","plain":"plain","list":[`+strings.Repeat("1,", 50_000)+`1],"refresh_token":"canary-far"}`)
		}
	})
	post := func(path, kind, body string) {
		req, err := http.NewRequest("POST", r.origin.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Authorization", "Bearer canary-field")
		req.Header.Set("Cookie", "s=canary-cookie")
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	post("/?token=canary-query&a=plain", "application/x-www-form-urlencoded", "user=plain&password=canary-form")
	post("/events", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ncanary-part\r\n--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nplain\r\n--b--\r\n")
	post("/hex", "text/plain", "see eyJhbGciOiJub25lIn0.eyJwYXNzd29yZCI6ImNhbmFyeSJ9.canary-signature plain")
	for st := (Stats{}); st.Ended < 3; {
		r.call("GET", "/stats", "", &st)
	}
	get := func(path string, span string) string {
		req, _ := http.NewRequest("GET", "http://midstream/api/v1"+path, nil)
		if span != "" {
			req.Header.Set("Range", "bytes="+span)
		}
		resp, err := r.api.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode > 206 {
			t.Fatalf("%s: %s %v: %s", path, resp.Status, err, b)
		}
		return string(b)
	}
	v := r.view(`{}`)
	type ask struct {
		path, span string
		secrets    int // at least so many
	}
	asks := []ask{
		{"/flows", "", 1}, {"/views/" + v.ID + "/rows", "", 1},
		{"/flows/1", "", 4}, {"/flows/2", "", 3}, {"/flows/3", "", 2},
		{"/flows/1/request/body", "", 1}, {"/flows/1/request/body", "20-", 1}, {"/flows/1/request/body?follow=1", "", 1},
		{"/flows/1/response/body", "", 2}, {"/flows/1/response/body", "20-30", 0}, {"/flows/1/response/body", "100000-", 1},
		{"/flows/2/request/body", "", 1}, {"/flows/2/response/body?as=raw", "", 1}, {"/flows/2/response/messages", "", 1},
		{"/flows/2/response/messages?follow=1", "", 1}, {"/flows/3/response/body", "", 1}, {"/flows/1/export?as=curl", "", 3},
	}
	for _, view := range []string{"auto", "raw", "form", "query", "cookies", "hex"} {
		asks = append(asks, ask{"/flows/1/request/view?as=" + view, "", 1})
	}
	asks = append(asks, ask{"/flows/2/request/view?as=multipart", "", 1}, ask{"/flows/1/response/view?as=json", "", 1}, ask{"/flows/1/response/view?as=json&from=50000", "", 1},
		ask{"/flows/1/response/view?as=cookies", "", 1}, ask{"/flows/2/response/view?as=sse", "", 1}, ask{"/flows/3/request/view?as=jwt", "", 2}, ask{"/flows/3/response/view?as=hex", "", 0})
	for _, a := range asks {
		open := get(a.path, a.span)
		sep := "?"
		if strings.Contains(a.path, "?") {
			sep = "&"
		}
		hidden := get(a.path+sep+"hide=credentials", a.span)
		if n := strings.Count(open, "canary"); n < a.secrets && !strings.Contains(a.path, "as=hex") {
			t.Errorf("%s %s: %d credentials without being asked to hide: %.2000s", a.path, a.span, n, open)
		}
		if k := strings.Index(hidden, "canary"); k >= 0 {
			t.Errorf("%s %s: %.200s", a.path, a.span, hidden[max(0, k-100):])
		}
		if open == hidden && a.secrets > 0 {
			t.Errorf("%s %s: nothing was hidden", a.path, a.span)
		}
		if a.secrets > 0 && strings.Contains(a.path, "/body") && len(open) != len(hidden) {
			t.Errorf("%s %s: %d octets became %d", a.path, a.span, len(open), len(hidden))
		}
		if strings.Contains(open, "plain") && !strings.Contains(hidden, "plain") {
			t.Errorf("%s %s: too much is hidden: %.2000s", a.path, a.span, hidden)
		}
	}
	if code := r.call("GET", "/flows?hide=all", "", nil); code != http.StatusBadRequest {
		t.Error(code)
	}
}

// The feed of a view that hides has no credentials either.
func TestAFeedHidesCredentials(t *testing.T) {
	r := newRig(t, nil)
	var v View
	if code := r.call("POST", "/views?hide=credentials", `{}`, &v); code != http.StatusCreated {
		t.Fatal(code)
	}
	next := r.feedOf(v.ID)
	next("position", &v)
	r.call("PUT", "/views/"+v.ID+"/window", `{"from":0,"n":100}`, nil)
	r.through("/?a=plain&token=canary")
	for {
		var b Batch
		next("batch", &b)
		if len(b.Rows) == 0 {
			continue
		}
		for _, row := range b.Rows {
			if !strings.HasSuffix(row.URL, "?a=plain&token=••••••••") || strings.Contains(row.Path, "canary") {
				t.Errorf("%+v", row)
			}
		}
		return
	}
}
