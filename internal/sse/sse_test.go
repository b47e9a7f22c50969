package sse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"pgregory.net/rapid"

	"midstream/hook"
	"midstream/internal/message"
)

func TestParse(t *testing.T) {
	for in, want := range map[string]hook.SSE{
		"data: a\n\n":                  {Data: "a", HasData: true},
		"data:  a \n\n":                {Data: " a ", HasData: true},
		"data\n\n":                     {HasData: true},
		"data: a\rdata:\r\ndata:b\n\n": {Data: "a\n\nb", HasData: true},
		": ping\n:\n\n":                {Comment: "ping\n", HasComment: true},
		"event: a\nevent: b\nid: 7\nretry: 9\n\n":  {Event: "b", ID: "7", HasID: true, Retry: "9"},
		"id: 7\nid: 8\x00\n\n":                     {ID: "7", HasID: true},
		"id\ndata : x\n data: y\nDATA: z\nfoo\n\n": {HasID: true},
		"data: a\xff\n\n":                          {Data: "a\xff", HasData: true},
		"":                                         {},
	} {
		if got := Parse([]byte(in)); got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", in, got, want)
		}
	}
}

func TestMilliseconds(t *testing.T) {
	for in, want := range map[string]int64{"": -1, "1500": 1500, "15s": -1, "-1": -1, "+1": -1, "0": 0, "99999999999999999999999": 1 << 52} {
		if ms, ok := milliseconds(in); ok != (want >= 0) || ok && ms != want {
			t.Errorf("%q: %d %v", in, ms, ok)
		}
	}
}

// What is replaced by U+FFFD is what x/text replaces.
func TestTextReplacesAsTheStandardDoes(t *testing.T) {
	for in, want := range map[string]string{
		"a\xffb": "a\ufffdb", "\xf0\x9f\x98": "\ufffd", "\xf0\x9fx": "\ufffdx", "\xc0\x80": "\ufffd\ufffd",
		"\xed\xa0\x80": "\ufffd\ufffd\ufffd", "\xe2\x82": "\ufffd", "\xe2\x82\xe2\x82\xac": "\ufffd\u20ac", "\xf4\x90\x80\x80": "\ufffd\ufffd\ufffd\ufffd",
	} {
		if got := Text(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "octets"))
		want, err := unicode.UTF8.NewDecoder().String(in)
		if got := Text(in); err == nil && got != want || !utf8.ValidString(got) {
			t.Fatalf("%q: %q, want %q", in, got, want)
		}
	})
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		e    hook.SSE
		want string
	}{
		{hook.SSE{Data: "a"}, "data: a\n\n"},
		{hook.SSE{Data: "a\nb\r\nc\rd\n"}, "data: a\ndata: b\ndata: c\ndata: d\ndata:\n\n"},
		{hook.SSE{HasData: true}, "data:\n\n"},
		{hook.SSE{Data: " a"}, "data:  a\n\n"},
		{hook.SSE{Event: "e", ID: "7", Retry: "9", Comment: "x\ny", Data: "d"}, ": x\n: y\nevent: e\nid: 7\nretry: 9\ndata: d\n\n"},
		{hook.SSE{HasID: true, HasComment: true}, ":\nid:\n\n"},
		{hook.SSE{}, ""},
	} {
		got, err := Append(nil, &c.e, "\n")
		if err != nil || string(got) != c.want {
			t.Errorf("%+v: %q %v, want %q", c.e, got, err, c.want)
		}
	}
	for _, e := range []hook.SSE{{Event: "a\nb"}, {ID: "\r"}, {Retry: "1\n"}} {
		if got, err := Append([]byte("x"), &e, "\n"); err != ErrLineBreak || string(got) != "x" {
			t.Errorf("%+v: %q %v", e, got, err)
		}
		if _, err := Patch(nil, nil, &hook.SSE{}, &e); err != ErrLineBreak {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

func TestPatch(t *testing.T) {
	for _, c := range []struct {
		block  string
		change func(e *hook.SSE)
		want   string
	}{
		{"foo: x\r\nid:7\r\ndata:a\r\ndata:b\r\n: c\r\n\r", func(e *hook.SSE) { e.Data = "c" }, "foo: x\r\nid:7\r\ndata: c\r\n: c\r\n\r\n"},
		{"data: a\n\n", func(e *hook.SSE) { e.Event = "x" }, "data: a\nevent: x\n\n"},
		{"event: x\ndata: a\n\n", func(e *hook.SSE) { e.Event = "" }, "data: a\n\n"},
		{"data: a\n\n", func(e *hook.SSE) { e.Data, e.HasData = "", false }, ""},
		{"data: a\n\n", func(e *hook.SSE) { e.Data = "" }, "data:\n\n"},
		{": ping\n\n", func(e *hook.SSE) { e.Comment = "a\nb" }, ": a\n: b\n\n"},
		{"id: 8\x00\nid: 7\ndata: a\n\n", func(e *hook.SSE) { e.ID = "9" }, "id: 9\ndata: a\n\n"},
		{"data: a\rdata: b\r\r", func(e *hook.SSE) { e.Data = "c\nd" }, "data: c\rdata: d\r\r"},
	} {
		old := Parse([]byte(c.block))
		e := old
		c.change(&e)
		got, err := Patch(nil, []byte(c.block), &old, &e)
		if err != nil || string(got) != c.want {
			t.Errorf("%q: %q %v, want %q", c.block, got, err, c.want)
		}
	}
}

// content draws an event; the strings may have anything.
func content(t *rapid.T, label string) hook.SSE {
	word := rapid.StringMatching(`[a-z: ]{0,3}`)
	text := rapid.StringMatching("[a-z: \n]{0,5}")
	return hook.SSE{
		Event: word.Draw(t, label+" event"), ID: word.Draw(t, label+" id"), Retry: word.Draw(t, label+" retry"),
		Data: text.Draw(t, label+" data"), Comment: text.Draw(t, label+" comment"),
		HasData: rapid.Bool().Draw(t, label+" has data"), HasID: rapid.Bool().Draw(t, label+" has id"),
	}
}

// normal says what is there by the flags alone.
func normal(e hook.SSE) hook.SSE {
	e.HasData, e.HasID, e.HasComment = has(e.HasData, e.Data), has(e.HasID, e.ID), has(e.HasComment, e.Comment)
	return e
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ending := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "ending")
		old := content(t, "old")
		block, err := Append(nil, &old, ending)
		if err != nil {
			t.Fatal(err)
		}
		if got := Parse(block); got != normal(old) {
			t.Fatalf("%q: %+v, want %+v", block, got, normal(old))
		}
		before := Parse(block)
		if same, _ := Patch(nil, block, &before, &old); string(same) != string(block) {
			t.Fatalf("unchanged %q became %q", block, same)
		}
		e := content(t, "new")
		patched, err := Patch(nil, block, &before, &e)
		if err != nil {
			t.Fatal(err)
		}
		if got := Parse(patched); got != normal(e) {
			t.Fatalf("%q: %+v, want %+v", patched, got, normal(e))
		}
		if len(patched) == 0 {
			return
		}
		// It is one block, and one only.
		s := message.New(message.SSE, "", 0)
		s.Write(patched)
		s.End()
		n := 0
		for p, ok := s.Next(); ok; p, ok = s.Next() {
			if p.What == message.Message {
				n++
			}
			if p.Unfinished {
				t.Fatalf("%q does not end", patched)
			}
		}
		if n != 1 {
			t.Fatalf("%q is %d blocks", patched, n)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"data: a\n\n", "id\r\rretry: 1\r\n:x\n\n", "\xef\xbb\xbfdata\n", "event: a\ndata: \xff\n\n"} {
		f.Add(s, "x", "y\nz")
	}
	f.Fuzz(func(t *testing.T, block, event, data string) {
		old := Parse([]byte(block))
		e := old
		e.Event, e.Data = event, data
		patched, err := Patch(nil, []byte(block), &old, &e)
		if err != nil {
			return
		}
		got := Parse(patched)
		if got.Event != event || got.Data != strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(data) {
			t.Fatalf("%q became %q", block, patched)
		}
	})
}

// fire runs octets through splitter and decoder, cut at n.
func fire(in []byte, n int) ([]Event, int64) {
	s := message.New(message.SSE, "", 0)
	var d Decoder
	var all []Event
	drain := func() {
		for p, ok := s.Next(); ok; p, ok = s.Next() {
			if p.What != message.Message || p.Unfinished {
				continue
			}
			if e, fires := d.Fire(Parse(p.Raw)); fires {
				all = append(all, e)
			}
		}
	}
	for len(in) > 0 {
		k := min(n, len(in))
		s.Write(in[:k])
		drain()
		in = in[k:]
	}
	s.End()
	drain()
	return all, d.Retry()
}

func TestDecoder(t *testing.T) {
	in := "\xef\xbb\xbfid: 7\nretry: 15\ndata: 1\n\nevent: x\n\ndata: 2\n\nid\nevent: y\ndata\n\nid: 9\n\ndata: {\ndata: }\n\ndata: cut\n"
	want := []Event{{"message", "1", "7"}, {"message", "2", "7"}, {"y", "", ""}, {"message", "{\n}", "9"}}
	for n := 1; n <= len(in); n++ {
		if got, retry := fire([]byte(in), n); !reflect.DeepEqual(got, want) || retry != 15 {
			t.Fatalf("cut at %d: %q, retry %d", n, got, retry)
		}
	}
}

func TestCases(t *testing.T) {
	dir := os.Getenv("MIDSTREAM_STREAM_SAMPLES")
	if dir == "" {
		t.Skip("MIDSTREAM_STREAM_SAMPLES names no folder with eventsource-cases.json")
	}
	p, err := os.ReadFile(filepath.Join(dir, "eventsource-cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name   string
		Input  []byte `json:"input_base64"`
		Events []struct{ Type, Data, LastEventID string }
		Retry  *int64
	}
	if err := json.Unmarshal(p, &cases); err != nil || len(cases) == 0 {
		t.Fatalf("%d cases: %v", len(cases), err)
	}
	for _, c := range cases {
		var want []Event
		for _, e := range c.Events {
			want = append(want, Event{e.Type, e.Data, e.LastEventID})
		}
		for n := 1; n <= len(c.Input); n++ {
			got, retry := fire(c.Input, n)
			if !reflect.DeepEqual(got, want) || c.Retry != nil && retry != *c.Retry {
				t.Errorf("%s, cut at %d: %q (retry %d), want %q", c.Name, n, got, retry, want)
				break
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	block := []byte("event: delta\ndata: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"word\"}}]}\n\n")
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		Parse(block)
	}
}
