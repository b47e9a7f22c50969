package jsonedit

import (
	"encoding/json"
	"strings"
	"testing"
)

func edits(t testing.TB, lines ...string) (list []Edit) {
	t.Helper()
	for _, l := range lines {
		make := Delete
		if strings.Contains(l, "=") {
			make = Set
		}
		e, err := make(l)
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		list = append(list, e)
	}
	return list
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		doc, edits, want string
		n                int
	}{
		{`{"a": {"b": 1, "c": 2}}`, "$.a.b = 7; $.a.c", `{"a": {"b": 7}}`, 2},
		{" {\n  \"a\" : 1 ,\n  \"b\" : \"x\"\n}\n", "b = {\"c\": []}", " {\n  \"a\" : 1 ,\n  \"b\" : {\"c\": []}\n}\n", 1},
		{`{}`, `a = "x"`, `{"a":"x"}`, 1},
		{`{"b":1}`, `a = null`, `{"b":1,"a":null}`, 1},
		{`{"b":1}`, `a.c = 1`, `{"b":1}`, 0},
		{`{"a":{"c":1},"b":[{"c":2},{"d":[{"c":3}]}]}`, `$..c = 0`, `{"a":{"c":0},"b":[{"c":0},{"d":[{"c":0}]}]}`, 3},
		{`{"a":{"c":1},"b":[{"c":2},{"d":[{"c":3}]}]}`, `$..c`, `{"a":{},"b":[{},{"d":[{}]}]}`, 3},
		{`{"l":[1,2,3]}`, `l[1]; l[0] = "x"`, `{"l":["x",3]}`, 2},
		{`{"l":[{"n":1},{"n":2}]}`, `$.l[*].n = 9`, `{"l":[{"n":9},{"n":9}]}`, 2},
		{`[[1],[2]]`, `[1][0] = 5`, `[[1],[5]]`, 1},
		{`{"a":1,"b":2}`, `*`, `{}`, 2},
		{`{"a b":1,"a\u0062":2}`, `['a b'] = 3; ab`, `{"a b":3}`, 2},
		{`{"a":1}`, `a = 1`, `{"a":1}`, 0},
		{`"text"`, `a = 1`, `"text"`, 0},
		{`{"a":"}\"]","b":1}`, `b`, `{"a":"}\"]"}`, 1},
		{`{"a":1,"a":2}`, `a = 3`, `{"a":3,"a":3}`, 2},
		{`{"a":{"a":1}}`, `$..a`, `{}`, 1},
	} {
		got, n, err := Apply([]byte(c.doc), edits(t, strings.Split(c.edits, "; ")...))
		if string(got) != c.want || n != c.n || err != nil {
			t.Errorf("%s of %s: %s, %d, %v, want %s, %d", c.edits, c.doc, got, n, err, c.want, c.n)
		}
	}
	if _, _, err := Apply([]byte(`{"a":`), edits(t, "a")); err != ErrNotJSON {
		t.Error(err)
	}
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	if got, _, err := Apply([]byte(deep), edits(t, "$..a")); err == nil || string(got) != deep {
		t.Error("it went deeper than it says")
	}
}

func TestWhatIsNoEdit(t *testing.T) {
	for _, text := range []string{"", "$", "a..", "[", "[x]", "['a", "a b", "$x", "a]"} {
		if _, err := Delete(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	for _, text := range []string{"a", "a = ", "a = x", "= 1", "a = 1 2"} {
		if _, err := Set(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// Whatever the text and the path: JSON stays JSON, and what was removed is gone.
func FuzzApply(f *testing.F) {
	f.Add(`{"a": {"b": 1}, "c": [1, {"b": "x\"y"}]}`, "$..b", `{"z":[]}`)
	f.Add(`[1,2,[3]]`, "[2][*]", `null`)
	f.Add(`{ "a" : 1 , "b" : 2 }`, "a", "\"\"")
	f.Fuzz(func(t *testing.T, doc, path, value string) {
		if e, err := Set(path + "=" + value); err == nil {
			got, n, err := Apply([]byte(doc), []Edit{e})
			if err == nil && !json.Valid(got) || n == 0 && string(got) != doc {
				t.Fatalf("%q became %q", doc, got)
			}
			if again, n, _ := Apply(got, []Edit{e}); err == nil && !json.Valid(again) || n < 0 {
				t.Fatalf("%q became %q", got, again)
			}
		}
		e, err := Delete(path)
		if err != nil {
			return
		}
		got, n, err := Apply([]byte(doc), []Edit{e})
		if err == nil && !json.Valid(got) || n == 0 && string(got) != doc {
			t.Fatalf("%q became %q", doc, got)
		}
		indexed := strings.Contains(path, "[")
		if again, n, _ := Apply(got, []Edit{e}); err == nil && n > 0 && !indexed {
			t.Fatalf("%q became %q, and then %q", doc, got, again)
		}
	})
}
