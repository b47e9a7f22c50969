package dump

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"strings"
	"testing"
	"unicode/utf8"

	"midstream/flow"
)

func gzipped(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func deflated(t *testing.T, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// shown prints the response body of f at a detail and returns the lines below
// the heads.
func shown(t *testing.T, f *flow.Flow, detail int, content Content) string {
	t.Helper()
	var out bytes.Buffer
	p := New(Config{Out: &out, Detail: func() int { return detail }, Content: content})
	p.Watch(f)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(out.String(), "content-type: text/plain\n")
	if !ok {
		t.Fatalf("no head in\n%s", out.String())
	}
	body, _ = strings.CutPrefix(body, "    < content-encoding: gzip\n")
	return body
}

func TestContent(t *testing.T) {
	whole := gzipped(t, "plain\ntext\n")
	for _, c := range []struct {
		name, body string
		change     func(*flow.Flow)
		want       string
	}{
		{"text", "a\r\nb\tc\n", nil, "    << a\n    << b\tc\n"},
		{"text without a last line end", "a\nb", nil, "    << a\n    << b\n"},
		{"nothing kept", "", nil, ""},
		{"octets", "\x00\x01\x02AB\xff\x1b[2J456789abcdef", nil,
			"    << 00000000  00 01 02 41 42 ff 1b 5b  32 4a 34 35 36 37 38 39  ...AB..[2J456789\n    << 00000010  61 62 63 64 65 66                                 abcdef\n"},
		{"gzip", whole, gzipHead, "    << plain\n    << text\n"},
		{"deflate that was cut", deflated(t, strings.Repeat("plain text\n", 10))[:12], func(f *flow.Flow) {
			f.Response.Fields = append(f.Response.Fields, flow.Field{Name: "content-encoding", Value: "deflate"})
		}, "    << (the content ends here: unexpected EOF)\n"},
		{"not gzip", "hello", gzipHead, "    << hello\n    << (its coding \"gzip\" cannot be removed"},
		{"unknown coding", "hello", func(f *flow.Flow) {
			f.Response.Fields = append(f.Response.Fields, flow.Field{Name: "Content-Encoding", Value: "rot\x1b13"})
		}, `rot\x1b13`},
		{"not recorded", "x", func(f *flow.Flow) { f.ResponseBody.Record = flow.Unrecorded }, "    << (response content is not recorded)\n"},
		{"cut record", "x", func(f *flow.Flow) {
			f.ResponseBody.Record, f.ResponseBody.Recorded, f.ResponseBody.CutReason = flow.Cut, 1, "disk full"
		}, "    << x\n    << (the record was cut after 1 bytes: disk full)\n"},
		{"no body", "x", func(f *flow.Flow) { f.ResponseBody = flow.Body{} }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := exchange(1, "/")
			if c.change != nil {
				c.change(f)
			}
			got := shown(t, f, Uncut, bodies{"1response": c.body})
			if !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("got\n%q\nwant\n%q", got, c.want)
			}
		})
	}
	if got := shown(t, exchange(1, "/"), Cut, bodies{}); !strings.Contains(got, "(response content cannot be read: segment is gone)") {
		t.Errorf("a body that cannot be opened: %q", got)
	}
	if got := shown(t, exchange(1, "/"), Cut, bodies{"1response": strings.Repeat("\x00", 16*600)}); strings.Count(got, "\n") != 513 || !strings.HasSuffix(got, "prints all)\n") {
		t.Errorf("octets are cut after %d lines", strings.Count(got, "\n"))
	}
}

func gzipHead(f *flow.Flow) {
	f.Response.Fields = append(f.Response.Fields, flow.Field{Name: "content-encoding", Value: "gzip"})
}

func TestALineWithoutEndIsBrokenBetweenLetters(t *testing.T) {
	for shift := range 4 {
		body := strings.Repeat("a", shift) + strings.Repeat("€", 5000) + "\n"
		got := shown(t, exchange(1, "/"), Uncut, bodies{"1response": body})
		if !utf8.ValidString(got) || strings.Contains(got, `\x`) {
			t.Errorf("shift %d: a letter was torn apart", shift)
		}
		joined := ""
		for line := range strings.Lines(got) {
			joined += strings.TrimSuffix(strings.TrimPrefix(line, "    << "), "\n")
		}
		if joined+"\n" != body {
			t.Errorf("shift %d: %d bytes printed, want %d", shift, len(joined), len(body)-1)
		}
	}
}

func FuzzContent(f *testing.F) {
	for _, seed := range []string{"", "a\n", "\x00", "\xe2\x82", strings.Repeat("€", 1400) + "\xe2", "\xff\xfe", "a\tb\x1b[m"} {
		f.Add([]byte(seed), uint8(3))
	}
	f.Fuzz(func(t *testing.T, body []byte, detail uint8) {
		fl := exchange(1, "/")
		got := shown(t, fl, int(detail%2)+Cut, bodies{"1response": string(body)})
		for _, r := range got {
			if r != '\n' && r != '\t' && steers(r) {
				t.Fatalf("%U is printed", r)
			}
		}
		if !utf8.ValidString(got) {
			t.Fatal("not UTF-8")
		}
	})
}

func FuzzSafe(f *testing.F) {
	f.Add("a\x1b\u202e\xff\u2028€")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range Safe(s) {
			if steers(r) {
				t.Fatalf("%q: %U is left", s, r)
			}
		}
		if got := Safe(s); !utf8.ValidString(got) || Safe(got) != got {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}

func TestContentByAView(t *testing.T) {
	for name, want := range map[string]string{"auto": "    << {\n    <<   \"a\": 1\n    << }\n", "raw": "    << {\"a\":1}\n"} {
		var out bytes.Buffer
		p := New(Config{Out: &out, Detail: func() int { return Cut }, Content: bodies{"1response": `{"a":1}`}, View: func() string { return name }})
		p.Watch(exchange(1, "/"))
		if err := p.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(out.String(), want) {
			t.Errorf("%s prints\n%s", name, out.String())
		}
	}
}
