package flowview

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"midstream/flow"
	"midstream/internal/store"
)

func TestParseRange(t *testing.T) {
	for _, c := range []struct {
		text string
		want Range
		bad  bool
	}{
		{"0-99", Range{First: 0, Last: 99, Set: true}, false},
		{"5-5", Range{First: 5, Last: 5, Set: true}, false},
		{"100-", Range{First: 100, Set: true, Open: true}, false},
		{"-7", Range{Tail: 7, Set: true}, false},
		{"-0", Range{}, true},
		{"-", Range{}, true},
		{"", Range{}, true},
		{"5", Range{}, true},
		{"9-3", Range{}, true},
		{"+1-3", Range{}, true},
		{"1-2-3", Range{}, true},
		{"99999999999999999999-", Range{}, true},
	} {
		got, err := ParseRange(c.text)
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("%q: %+v, %v", c.text, got, err)
		}
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"4471": {"", "4471"}, "#4471": {"", "4471"}, "a/b#7": {"a/b", "7"}, "a#b#last": {"a#b", "last"}, "last": {"", "last"},
	} {
		if dir, id := SplitName(name); dir != want[0] || id != want[1] {
			t.Errorf("%q: %q, %q", name, dir, id)
		}
	}
	for text, want := range map[string]bool{
		"abcd": true, "0b3a9c1e-": true, "0B3A": true, "abc": false, "-abcd": false, "wxyz": false, "": false,
		strings.Repeat("a", 33): false,
	} {
		if uuidPrefix(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

// hostile has what a terminal or a JSON reader must not be given raw.
const hostile = "\x1b]0;owned\x07\u202e\u009b31m\x7f\xff\n"

func hostileFlow() *flow.Flow {
	m := flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "X" + hostile, Value: hostile}}, Trailers: flow.Fields{{Name: "T", Value: hostile}}}
	return &flow.Flow{
		Number: 1, Marker: hostile, Comment: hostile, Metadata: map[string]string{hostile: hostile},
		Client:  &flow.Conn{Peer: hostile, TLS: &flow.TLS{SNI: hostile, ALPN: hostile}},
		Server:  &flow.Conn{Address: hostile, Mode: hostile},
		Request: &flow.Request{Message: m, Method: hostile, Scheme: "http", Host: hostile, Port: 80, Path: hostile},
		Interim: []flow.Response{{Message: m, Status: 103, Reason: hostile}}, Response: &flow.Response{Message: m, Status: 200, Reason: hostile},
		ResponseBody: flow.Body{Disposition: flow.Tee, Reason: hostile, CutReason: hostile, Changes: []flow.Change{{Reason: hostile}}},
		Tries:        []flow.Try{{Address: hostile, Error: hostile}}, Findings: []flow.Finding{{Code: hostile, Text: hostile}},
		Outcome: flow.Outcome{Kind: flow.Failed, Phase: hostile, Text: hostile},
	}
}

func one(f *flow.Flow) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) { yield(store.Summarize(f), nil) }
}

// Nothing that came from the wire steers a terminal, in text or in JSON.
func TestNothingSteersTheTerminal(t *testing.T) {
	f := hostileFlow()
	var list, page, listJSON, pageJSON strings.Builder
	for _, err := range []error{List(&list, one(f), 0), Page(&page, f), ListJSON(&listJSON, one(f)), PageJSON(&pageJSON, f, nil), Follow(&list, one(f), 40)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"list": list.String(), "page": page.String(), "list JSON": listJSON.String(), "page JSON": pageJSON.String()} {
		if i := strings.IndexAny(text, "\x1b\x07\u202e\u009b\x7f"); i >= 0 {
			t.Errorf("%s has a control character at %d: %q", name, i, text[max(0, i-20):i+5])
		}
	}
	if n := strings.Count(list.String(), "\n"); n != 3 {
		t.Errorf("a flow broke its line:\n%s", list.String())
	}
	var j struct{ Marker string }
	if err := json.Unmarshal([]byte(pageJSON.String()), &j); err != nil || j.Marker != strings.ReplaceAll(hostile, "\xff", "\ufffd") {
		t.Errorf("%q, %v", j.Marker, err)
	}
}

func TestJoinSaysNothingTwice(t *testing.T) {
	seq := func(list ...store.Summary) iter.Seq2[store.Summary, error] {
		return func(yield func(store.Summary, error) bool) {
			for _, s := range list {
				if !yield(s, nil) {
					return
				}
			}
		}
	}
	ended := func(n uint64) store.Summary {
		return store.Summary{Number: n, Outcome: flow.Outcome{Kind: flow.Completed}}
	}
	past, next := Join(seq(ended(1), store.Summary{Number: 2}, ended(3)), seq(ended(3), ended(2), ended(4)))
	var got []uint64
	for _, s := range []iter.Seq2[store.Summary, error]{past, next} {
		for s := range s {
			got = append(got, s.Number)
		}
	}
	if !slices.Equal(got, []uint64{1, 2, 3, 2, 4}) {
		t.Errorf("%v", got)
	}
}

func TestLinesFitTheTerminal(t *testing.T) {
	f := &flow.Flow{Number: 12, Start: time.Now(), Request: &flow.Request{Method: "GET", Scheme: "https", Host: "example.com", Port: 443, Path: "/" + strings.Repeat("é", 200)},
		Outcome: flow.Outcome{Kind: flow.ClientLeft, Bytes: 1 << 40}}
	for _, width := range []int{80, 109, 110, 200} {
		var b strings.Builder
		if err := List(&b, one(f), width); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(line) - 1; n > width {
				t.Errorf("%d columns on a terminal of %d: %s", n, width, line)
			}
		}
		if !strings.Contains(b.String(), "client left  https://example.com/") || strings.Contains(b.String(), "DURATION") != (width >= wide) {
			t.Errorf("width %d:\n%s", width, b.String())
		}
	}
}
