package redaction

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// jsonIn runs the scanner alone, on pieces of n octets.
func jsonIn(r *Redactor, text string, n int) (string, error) {
	h := &hand{r: r}
	var out bytes.Buffer
	j := newJSON(h, func(p []byte) { out.Write(p) })
	for len(text) > 0 {
		k := min(n, len(text))
		j.write([]byte(text[:k]))
		text = text[k:]
	}
	j.end(true)
	return out.String(), h.err
}

// hidden is v with what the rules of the fuzz target mean replaced.
func hidden(h *hand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any)
		for k, e := range v {
			if k == "password" && e != nil {
				out[k] = true
				continue
			}
			out[k] = hidden(h, e)
		}
		return out
	case []any:
		for i := range v {
			v[i] = hidden(h, v[i])
		}
	}
	return v
}

// equal compares what came out with what was to; true stands for a tag.
func equalHidden(want, got any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for k := range w {
			if k == "password" && w[k] == true {
				if s, ok := g[k].(string); !ok || !isTag(s) {
					return false
				}
				continue
			}
			if !equalHidden(w[k], g[k]) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return false
		}
		for i := range w {
			if !equalHidden(w[i], g[i]) {
				return false
			}
		}
		return true
	}
	return want == got
}

// What is JSON stays JSON with the same values but those that are meant; however it
// is cut, the same comes out; and what is not JSON is no panic.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"password":"x"}`, `[{"a":[1,2,{"password":{"b":"}"}}]}]`, `{"pass\u0077ord":"\ud83d\ude00\""}`, `{"password":null}`, `{"password":-1.5e3,"b":true}`,
		`"password"`, `{"password"`, `{"a":"\`, `[[[[`, "\xef\xbb\xbf{}", `{"password":[}`, `nul`, `{"a":{"password":"x"},"password":{}}`, `{"password": "a" "b"}`} {
		f.Add(s)
	}
	rules := &Rules{members: map[string]bool{"password": true}}
	r := &Redactor{rules: rules, key: testKey}
	f.Fuzz(func(t *testing.T, text string) {
		whole, err := jsonIn(r, text, len(text)+1)
		for _, n := range []int{1, 3} {
			if got, _ := jsonIn(r, text, n); err == nil && got != whole {
				t.Fatalf("%q in pieces of %d: %q, whole %q", text, n, got, whole)
			}
		}
		// Names in other capitals are meant, too, which json.Unmarshal tells apart.
		var v, w any
		if strings.Contains(strings.ToLower(text), "\\u") && !strings.Contains(text, "pass\\u0077ord") || json.Unmarshal([]byte(text), &v) != nil || caseOrTwice(text) {
			return
		}
		if err != nil {
			if !strings.Contains(err.Error(), "512") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if uerr := json.Unmarshal([]byte(whole), &w); uerr != nil {
			t.Fatalf("%q became %q: %v", text, whole, uerr)
		}
		if want := hidden(nil, v); !equalHidden(want, w) {
			t.Fatalf("%q became %q", text, whole)
		}
	})
}

// caseOrTwice tells of texts whose names the check cannot follow.
func caseOrTwice(text string) bool {
	low := strings.ToLower(text)
	return strings.Count(low, "password") != strings.Count(text, "password") || strings.Count(low, "password") > 1
}

func TestJSONThatIsTooDeep(t *testing.T) {
	r := newTest(t)
	text := strings.Repeat("[", maxDepth+1) + `{"password":"hidden-word"}`
	got, err := through(t, r, bodyOf("application/json"), true, text)
	if err == nil || !strings.Contains(err.Error(), "512") || strings.Contains(got, "hidden") {
		t.Errorf("%.40q, %v", got, err)
	}
	for _, text := range []string{"{\x00\"\x00p\x00", "\xff\xfe{\x00", "\x00{\x00\""} {
		if got, err := through(t, r, bodyOf("application/json"), true, text); err == nil {
			t.Errorf("%q became %q", text, got)
		}
	}
}
