package api

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestContentIsEditedAsText(t *testing.T) {
	r := newRig(t, nil)
	back := func(as, text string) (int, string) {
		t.Helper()
		resp, err := r.api.Post("http://midstream/api/v1/content/octets?as="+as, "text/plain", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		p, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(p)
	}
	for _, c := range []struct{ as, octets, text string }{
		{"json", `{"a":[1,2.50],"b":"\u00e4"}`, "{\n  \"a\": [\n"},
		{"form", "a=1&b=two+words", "a: 1\nb: two words"},
		{"hex", "\x00\xff0123456789abcdef", "00000000  00 ff 30"},
		{"hex", "", ""},
	} {
		var got ContentText
		if code := r.call("POST", "/content/text?as="+c.as, c.octets, &got); code != 200 || !strings.HasPrefix(got.Text, c.text) || got.View != c.as {
			t.Errorf("%s: %d %+v", c.as, code, got)
		}
		if code, octets := back(c.as, got.Text); code != 200 || octets != c.octets {
			t.Errorf("%s: back %d %q", c.as, code, octets)
		}
	}
	var got ContentText
	if code := r.call("POST", "/content/text?as=auto&type="+url.QueryEscape("application/json"), `[1]`, &got); code != 200 || got.View != "json" {
		t.Errorf("%d %+v", code, got)
	}
	for _, c := range []struct {
		as, octets string
		status     int
	}{
		{"json", `{"a":`, http.StatusConflict},
		{"json", `["` + strings.Repeat("x", 5000) + `"]`, http.StatusConflict},
		{"xml", "<a/>", http.StatusConflict},
		{"cobol", "x", http.StatusBadRequest},
		{"hex", strings.Repeat("x", maxContent+1), http.StatusRequestEntityTooLarge},
	} {
		if code := r.call("POST", "/content/text?as="+c.as, c.octets, nil); code != c.status {
			t.Errorf("%s: %d, not %d", c.as, code, c.status)
		}
	}
	for as, text := range map[string]string{"json": "{", "hex": "zz", "xml": "<a/>", "cobol": ""} {
		if code, said := back(as, text); code != http.StatusBadRequest || !strings.Contains(said, "error") {
			t.Errorf("%s: %d %s", as, code, said)
		}
	}
}
