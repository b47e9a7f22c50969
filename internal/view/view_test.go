package view

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/coding"
)

func typedInput(contentType, body string) Input {
	in := Input{Body: strings.NewReader(body), Side: flow.ToClient}
	if contentType != "" {
		in.Fields = flow.Fields{{Name: "Content-Type", Value: contentType}}
	}
	return in
}

func show(t *testing.T, in Input, name string) *Result {
	t.Helper()
	r, err := Show(t.Context(), in, name, Window{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var shown = []struct {
	name, contentType, body string
	view                    string // that auto takes
	want                    string
	notes                   string
}{
	{"json", "application/json", `{"a":[1.0,2e5,{}],"b":{"c":"x\u00e9"},"e":[],"n":12345678901234567890}`, "json",
		"{\n  \"a\": [\n    1.0,\n    2e5,\n    {}\n  ],\n  \"b\": {\n    \"c\": \"x\\u00e9\"\n  },\n  \"e\": [],\n  \"n\": 12345678901234567890\n}", ""},
	{"json that is cut", "application/json", `{"a":["x`, "json", "{\n  \"a\": [\n    \"x", "the JSON ends inside a string"},
	{"json that is broken", "application/json", `{"a":nul,"b":1]}`, "json", "{\n  \"a\": nul,\n  \"b\": 1]\n}", "not JSON at byte 8: the word nul"},
	{"two texts", "application/json", "{} [1]", "json", "{}\n[\n  1\n]", ""},
	{"json by its look", "text/plain", " [1]", "json", "[\n  1\n]", ""},
	{"html that says it is json", "application/json", "<p>no</p>", "xml", "<p>no</p>", ""},
	{"xml", "application/xml", "<?xml version=\"1.0\"?><a><b k='1'>t</b><c/><!-- x --></a>", "xml",
		"<?xml version=\"1.0\"?>\n<a>\n  <b k='1'>t</b>\n  <c/>\n  <!-- x -->\n</a>", ""},
	{"xml that is cut", "text/xml", "<a><b>", "xml", "<a>\n  <b>", "the text ends inside an element"},
	{"html", "text/html", "<!doctype html><html><body><br><p>one\ntwo</p><script>a<b</script></body></html>", "xml",
		"<!doctype html>\n<html>\n  <body>\n    <br>\n    <p>\n      one\n      two\n    </p>\n    <script>a<b</script>\n  </body>\n</html>", ""},
	{"css", "text/css", "a{color:red;background:url('x;y')}@media print{b{c:d}}/* e */", "css",
		"a {\n  color:red;\n  background:url('x;y')\n}\n@media print {\n  b {\n    c:d\n  }\n}\n/* e */", ""},
	{"script", "text/javascript", "function f(a){for(let i=0;i<2;i++){g(/[/;]{/.test(a)/2)}return`x;{${a}`}else{};var o={};// end\nx()", "javascript",
		"function f(a) {\n  for(let i=0;i<2;i++) {\n    g(/[/;]{/.test(a)/2)\n  }\n  return`x;{${a}`\n} else {};\nvar o={}; // end\nx()", ""},
	{"form", "application/x-www-form-urlencoded", "a=1&b=x+y%0Az&c&%3A=%zz", "form", "a: 1\nb: \"x y\\nz\"\nc:\n\":\": %zz", ""},
	{"multipart", `multipart/form-data; boundary="B"`, "--B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\nv\r\n--B\r\nContent-Type: application/json\r\n\r\n{\"a\":1}\r\n--B--\r\n", "multipart",
		"--- part 1, 1 bytes\nContent-Disposition: form-data; name=\"n\"\n  v\n\n--- part 2, 7 bytes\nContent-Type: application/json\n  {\n    \"a\": 1\n  }", ""},
	{"multipart without a boundary", "multipart/form-data", "x", "raw", "x", "not shown as multipart: its type names no boundary"},
	{"jwt", "text/plain", "eyJhbGciOiJub25lIn0.eyJpYXQiOjB9.c2ln", "jwt", "", ""},
	{"graphql", "application/json", `{"operationName":"Q","query":"query Q{a(x:1){b c}}","variables":{"x":1}}`, "graphql",
		"# operation Q\nquery Q {\n  a(x:1) {\n    b c\n  }\n}\n# variables\n{\n  \"x\": 1\n}", ""},
	{"protobuf", "application/x-protobuf", "\x08\x96\x01\x12\x04text\x1a\x02\x08\x01\x25\x00\x00\x80\x3f", "protobuf",
		"1: 150\n2: \"text\"\n3 {\n  1: 1\n}\n4: 1065353216  # float 1", ""},
	{"protobuf that is none", "application/x-protobuf", "\xff\xff\xff", "hex", "00000000  ff ff ff                                          ...", "not shown as protobuf: it is no protobuf message"},
	{"grpc", "application/grpc", "\x00\x00\x00\x00\x02\x08\x01\x00\x00\x00\x00\x00", "grpc", "# message 1, 2 bytes\n1: 1\n---\n# message 2, 0 bytes", ""},
	{"grpc that is cut", "application/grpc", "\x00\x00\x00\x00\x02\x08", "grpc", "# message 1", "the body ends inside a message"},
	{"connect", "application/connect+json", "\x00\x00\x00\x00\x07{\"a\":1}\x02\x00\x00\x00\x02{}", "grpc", "# message 1, 7 bytes\n{\n  \"a\": 1\n}\n---\n# end\n{}", ""},
	{"msgpack", "application/msgpack", "\x83\xa1a\x01\xa1b\x92\xc3\xff\xa1t\xd6\xff\x00\x00\x00\x01", "msgpack",
		"{\n  \"a\": 1,\n  \"b\": [\n    true,\n    -1\n  ],\n  \"t\": 1970-01-01T00:00:01Z\n}", ""},
	{"msgpack that is cut", "application/msgpack", "\x92\x01", "msgpack", "[\n  1,", "not MessagePack from byte 2 on: it ends inside a value"},
	{"events", "text/event-stream", ": hi\n\nevent: e\nid: 7\ndata: {\"a\":1}\n\ndata: x\ndata: y\n\n", "sse",
		": hi\n\nevent: e\nid: 7\ndata:\n  {\n    \"a\": 1\n  }\n\ndata:\n  x\n  y", ""},
	{"lines of json", "application/x-ndjson", "{\"a\":1}\n\n{\"b\":", "ndjson", "{\n  \"a\": 1\n}\n{\n  \"b\": ", "text 2: the JSON ends inside 1 brackets"},
	{"text", "text/plain", "a\r\nb\n\nc", "raw", "a\nb\n\nc", ""},
	{"text in Latin 1", "text/plain; charset=iso-8859-1", "gr\xfcn", "raw", "grün", ""},
	{"text that is not UTF-8", "text/plain", "gr\xfcn und noch mehr", "raw", "gr\\xfcn und noch mehr", ""},
	{"octets", "", "\x00\x01abc", "hex", "00000000  00 01 61 62 63                                    ..abc", ""},
	{"nothing", "text/plain", "", "raw", "", ""},
	{"an answer of a model", "text/event-stream", "data: {\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"Hi\\nyou\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "llm",
		"format: openai-chat, model m\nid: i\n\nassistant:\n  text:\n    Hi\n    you\n  finish: stop\n\ncomplete: [DONE]", ""},
	{"gif", "image/gif", "GIF89a\x03\x00\x02\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,", "image", "", ""},
}

func TestViews(t *testing.T) {
	for _, c := range shown {
		t.Run(c.name, func(t *testing.T) {
			r := show(t, typedInput(c.contentType, c.body), Auto)
			if r.View != c.view {
				t.Errorf("auto takes %s, want %s", r.View, c.view)
			}
			if got := strings.Join(r.Lines, "\n"); c.want != "" && got != c.want {
				t.Errorf("shows\n%s\nwant\n%s", got, c.want)
			}
			if got := strings.Join(r.Notes, "; "); got != c.notes {
				t.Errorf("notes %q, want %q", got, c.notes)
			}
		})
	}
}

func TestAWindowIsThePartOfAllLines(t *testing.T) {
	for _, c := range shown {
		for _, name := range Names() {
			in := typedInput(c.contentType, c.body)
			all := show(t, in, name).Lines
			for from := range len(all) + 1 {
				in.Body = strings.NewReader(c.body)
				r, err := Show(t.Context(), in, name, Window{From: int64(from), Count: 2})
				if err != nil {
					t.Fatal(err)
				}
				want := all[from:min(from+2, len(all))]
				if strings.Join(r.Lines, "\n") != strings.Join(want, "\n") || r.More != (from+2 < len(all)) {
					t.Errorf("%s as %s from line %d: %q, more %v; all are %q", c.name, name, from, r.Lines, r.More, all)
				}
			}
		}
	}
}

func TestCodings(t *testing.T) {
	text := `{"a":1}`
	for _, names := range []string{"gzip", "deflate", "br", "zstd", "gzip, br", "br, zstd, gzip"} {
		p, err := coding.Encode(names, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		in := typedInput("application/json", string(p))
		in.Fields = append(in.Fields, flow.Field{Name: "Content-Encoding", Value: names})
		if r := show(t, in, Auto); strings.Join(r.Lines, "") != `{  "a": 1}` || r.Notes != nil {
			t.Errorf("%s: %q, %q", names, r.Lines, r.Notes)
		}
	}
	for names, note := range map[string]string{"gzip": "its coding \"gzip\" cannot be removed", "rot13": "its coding \"rot13\" cannot be removed"} {
		in := typedInput("application/json", text)
		in.Fields = append(in.Fields, flow.Field{Name: "Content-Encoding", Value: names})
		if r := show(t, in, "raw"); strings.Join(r.Lines, "") != text || len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], note) {
			t.Errorf("%s: %q, %q", names, r.Lines, r.Notes)
		}
	}
	// Damage after a good start: what was good is shown.
	p, _ := coding.Encode("deflate", []byte(strings.Repeat("line\n", 10)))
	in := typedInput("text/plain", string(p[:len(p)-4]))
	in.Fields = append(in.Fields, flow.Field{Name: "Content-Encoding", Value: "deflate"})
	if r := show(t, in, "raw"); len(r.Lines) < 9 || len(r.Notes) != 1 || !strings.HasPrefix(r.Notes[0], "the content ends here") {
		t.Errorf("cut deflate: %q, %q", r.Lines, r.Notes)
	}
}

// zeros is a body without an end.
type zeros struct{ read int64 }

func (z *zeros) Read(p []byte) (int, error) {
	clear(p)
	z.read += int64(len(p))
	return len(p), nil
}

func TestABombIsBounded(t *testing.T) {
	var bomb bytes.Buffer
	outer, _ := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	inner, _ := gzip.NewWriterLevel(outer, gzip.BestSpeed)
	_, err := io.CopyN(inner, &zeros{}, 2*maxRead)
	if err := errors.Join(err, inner.Close(), outer.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"raw", "hex", "protobuf"} {
		in := typedInput("", bomb.String())
		in.Fields = append(in.Fields, flow.Field{Name: "Content-Encoding", Value: "gzip, gzip"})
		r, err := Show(t.Context(), in, name, Window{Count: 10, From: 1 << 40})
		if err != nil {
			t.Fatal(err)
		}
		if r.More || len(r.Lines) != 0 {
			t.Errorf("%s: %d lines, more %v", name, len(r.Lines), r.More)
		}
	}
	z := &zeros{}
	in := Input{Body: z}
	r, err := Show(t.Context(), in, "raw", Window{})
	if err != nil || !r.More || len(r.Lines) == 0 || z.read > maxWindow*2 {
		t.Errorf("%d lines after %d octets, more %v, %v", len(r.Lines), z.read, r.More, err)
	}
	if r, err = Show(t.Context(), Input{Body: z}, "raw", Window{From: 1 << 40}); err != nil || len(r.Lines) > 0 || len(r.Notes) != 1 || z.read > 2*maxRead {
		t.Errorf("far behind: %+v after %d octets, %v", r, z.read, err)
	}
}

// large is a body of a size that is not in memory.
func TestHexFarBehindReadsLittle(t *testing.T) {
	size := int64(1 << 40)
	in := Input{Body: io.NewSectionReader(patterned{}, 0, size)}
	r, err := Show(t.Context(), in, "hex", Window{From: size/16 - 1, Count: 10})
	if err != nil || len(r.Lines) != 1 || !strings.HasPrefix(r.Lines[0], "fffffffff0  f0 f1") || r.More {
		t.Errorf("%+v, %v", r, err)
	}
}

type patterned struct{}

func (patterned) ReadAt(p []byte, at int64) (int, error) {
	for i := range p {
		p[i] = byte(at + int64(i))
	}
	return len(p), nil
}

func TestErrorsOfTheBodyAreErrors(t *testing.T) {
	broken := errors.New("the disk is gone")
	_, err := Show(t.Context(), Input{Body: io.MultiReader(strings.NewReader("a"), &failing{broken})}, "json", Window{})
	if !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Show(ctx, Input{Body: strings.NewReader("a")}, Auto, Window{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Show(t.Context(), Input{}, "pdf", Window{}); err == nil || !strings.HasPrefix(err.Error(), `there is no view "pdf"`) {
		t.Error(err)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func TestEdit(t *testing.T) {
	for _, c := range []struct{ view, contentType, body string }{
		{"json", "application/json", `{"a":[1.0,2e5],"b":"\u00e9","n":12345678901234567890}`},
		{"form", "application/x-www-form-urlencoded", "a=1&b=x+y%0Az&c%3A=%22q&d=&=e&f=%FF"},
		{"hex", "", "\x00\x01 some octets  with   blanks\xff"},
	} {
		r := show(t, typedInput(c.contentType, c.body), c.view)
		if !r.Editable {
			t.Errorf("%s cannot be edited", c.view)
		}
		got, err := Edit(c.view, strings.Join(r.Lines, "\n"))
		if err != nil || string(got) != c.body {
			t.Errorf("%s came back as %q, %v; it was %q", c.view, got, err, c.body)
		}
	}
	for _, c := range [][3]string{
		{"json", "{\n\"a\": }", "read the text as json: line 2: "},
		{"hex", "00\nzz", "read the text as hex: line 2: "},
		{"form", "a: 1\nb", "read the text as form: line 2: no colon"},
		{"xml", "<a/>", "what the view xml shows cannot be changed"},
		{"nil", "", "there is no view"},
	} {
		if _, err := Edit(c[0], c[1]); err == nil || !strings.HasPrefix(err.Error(), c[2]) {
			t.Errorf("%s: %v", c[0], err)
		}
	}
	if p, err := Edit("hex", "48 65\n6c6C6f"); err != nil || string(p) != "Hello" {
		t.Errorf("%q, %v", p, err)
	}
}

func TestLongLinesAreBroken(t *testing.T) {
	long := strings.Repeat("ä", 3*maxLine)
	r := show(t, typedInput("", long), "raw")
	if len(r.Lines) < 6 || strings.Join(r.Lines, "") != long {
		t.Errorf("%d lines, the first of %d octets", len(r.Lines), len(r.Lines[0]))
	}
	for _, l := range r.Lines {
		if len(l) > maxLine {
			t.Errorf("a line of %d octets", len(l))
		}
	}
}

func FuzzViews(f *testing.F) {
	for i, c := range shown {
		f.Add(c.contentType, "", []byte(c.body), i%len(Names()), int64(i%3))
	}
	f.Add("image/png", "gzip, br", []byte("\x89PNG\r\n\x1a\n"), 11, int64(0))
	f.Fuzz(func(t *testing.T, contentType, encoding string, body []byte, which int, from int64) {
		name := Auto
		if all := Names(); which >= 0 && which < len(all) {
			name = all[which]
		}
		if from < 0 {
			from = 0
		}
		in := Input{Body: bytes.NewReader(body), Path: "/a?b=c", Fields: flow.Fields{{Name: "Content-Type", Value: contentType}, {Name: "Content-Encoding", Value: encoding}}}
		r, err := Show(context.Background(), in, name, Window{From: from, Count: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Lines) > 100 {
			t.Errorf("%d lines", len(r.Lines))
		}
		for _, l := range r.Lines {
			// Octets that are no text are written as four.
			if len(l) > 4*maxLine || strings.ContainsRune(l, '\n') {
				t.Errorf("line %q", l)
			}
		}
		if r.Editable {
			_, _ = Edit(r.View, strings.Join(r.Lines, "\n")) // it must not panic
		}
	})
}
