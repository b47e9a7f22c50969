package redaction

import (
	"strings"
	"testing"
)

func TestRulesThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "a rule is header:NAME",
		"nothing":                           "a rule is header:NAME",
		"default:x":                         "default stands alone",
		"header:":                           "the name is missing",
		"header:a b":                        "white space",
		"header:*-x":                        "a * may stand at its end only",
		"query:a=b":                         "write query:NAME",
		"query: ":                           "the name is missing",
		"json:":                             "a path is written",
		"json:$":                            "a path is written",
		"json:a.b":                          "a path is written",
		"json:$.a[":                         "a path is written",
		"json:$.a[x]":                       "no place in a list",
		"json:$.a[-1]":                      "no place in a list",
		"json:$.a b":                        "is no name",
		"json:$['']":                        "a path is written",
		"json:$.a.":                         "a path is written",
		"json:$.[0]":                        "a path is written",
		"json:$[?(@.a)]":                    "no place in a list",
		"regex:":                            "the regular expression is missing",
		"regex:(":                           "unterminated subpattern",
		"regex:a*":                          "matches nothing at all",
		"regex:(?=a)b":                      "only when all of a body is there",
		`regex:(a)\1`:                       "only when all of a body is there",
		strings.Repeat("x", 10000):          "has more than",
		"query:" + strings.Repeat("x", 300): "has more than 256 bytes",
	} {
		if _, err := Parse([]string{"default", text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	if err := Check(make([]string, maxRules+1)); err == nil {
		t.Error("as many rules as one likes")
	}
}

func TestRulesOfFields(t *testing.T) {
	r, err := Parse([]string{"header:X-Mine*", "header: Y ", "query:pin", "DEFAULT"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"authorization": true, "SET-COOKIE": true, "x-mine": true, "X-Mine-2": true, "y": true, "yy": false, "accept": false} {
		if r.field(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
	for name, want := range map[string]bool{"PIN": true, "a[pin]": true, "pin[]": true, "a[pin][]": true, "pins": false, "a[b]": false, "[": false, "]": false, "[]": false} {
		if r.param(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}

// Whatever the option says: an error, or rules that can be run.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"default", "header:X-*", "query:pin", "json:$.a.b", "json:$..a['b c'][0][*].*", `json:$["x"]`, "regex:a+", `regex:(?i)\bsk-(\w+)`, "regex:[^\\n]+x", "json:$..", "regex:(((", "header:"} {
		f.Add(s, `{"a":{"b":"secret"},"x":"sk-abc"}`)
	}
	f.Fuzz(func(t *testing.T, rule, text string) {
		rules, err := Parse([]string{rule})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("an error of more than one line: %q", err)
			}
			return
		}
		r := New(rules, testKey)
		one, err1 := through(t, r, bodyOf("application/json"), true, text)
		two, err2 := through(t, r, bodyOf("application/json"), true, text[:len(text)/2], text[len(text)/2:])
		if err1 == nil && err2 == nil && one != two {
			t.Errorf("%q: %q, and in two pieces %q", rule, one, two)
		}
		r.Text(text)
	})
}
