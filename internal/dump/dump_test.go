package dump

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"go.uber.org/goleak"

	"midstream/flow"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var begin = time.Date(2030, 5, 6, 7, 8, 9, 123456000, time.UTC)

func exchange(number uint64, path string) *flow.Flow {
	return &flow.Flow{
		ID: flow.ID{0: byte(number), 1: byte(number >> 8), 15: 1}, Number: number, Start: begin, End: begin.Add(35 * time.Millisecond),
		Client: &flow.Conn{Peer: "127.0.0.1:50000", Local: "127.0.0.1:8080", Mode: "regular", Start: begin},
		Server: &flow.Conn{Address: "example.com:443", Peer: "192.0.2.1:443", TLS: &flow.TLS{Version: 0x304, Cipher: 0x1301, SNI: "example.com", ALPN: "http/1.1"}},
		Request: &flow.Request{
			Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "Host", Value: "example.com"}}},
			Method:  "GET", Scheme: "https", Host: "example.com", Port: 443, Path: path,
		},
		Response: &flow.Response{
			Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "content-type", Value: "text/plain"}}},
			Status:  200, Reason: "OK",
		},
		RequestBody:  flow.Body{},
		ResponseBody: flow.Body{Disposition: flow.Tee, Reason: "default", Declared: 1234, Received: 1234, Sent: 1234, Record: flow.Complete, Recorded: 1234, Ended: true},
		Outcome:      flow.Outcome{Kind: flow.Completed, Bytes: 1234},
	}
}

func with(f *flow.Flow, change func(*flow.Flow)) *flow.Flow {
	change(f)
	return f
}

// samples are one flow of each kind that a line has to tell.
func samples() []*flow.Flow {
	return []*flow.Flow{
		exchange(1, "/"),
		with(exchange(2, "/upload"), func(f *flow.Flow) {
			f.Request.Method, f.Response.Status = "POST", 201
			f.RequestBody = flow.Body{Disposition: flow.Pass, Reason: "larger than --stream 3m", Declared: 10 << 20, Received: 10 << 20, Sent: 10 << 20, Ended: true}
		}),
		with(exchange(3, "/page"), func(f *flow.Flow) {
			f.ResponseBody.Disposition, f.ResponseBody.Reason, f.ResponseBody.Transformed = flow.Hold, "a hook wants the whole body", true
		}),
		with(exchange(4, "/events"), func(f *flow.Flow) {
			f.End, f.Outcome = time.Time{}, flow.Outcome{}
			f.ResponseBody = flow.Body{Disposition: flow.Tee, Declared: -1, Received: 60, Sent: 60, Record: flow.Recording, Recorded: 60}
		}),
		with(exchange(5, "/slow"), func(f *flow.Flow) {
			f.End, f.Outcome, f.Response, f.ResponseBody = time.Time{}, flow.Outcome{}, nil, flow.Body{}
		}),
		with(exchange(6, "/video"), func(f *flow.Flow) {
			f.ResponseBody.Declared, f.ResponseBody.Ended = 10<<30, false
			f.ResponseBody.Changes = []flow.Change{{Offset: 1000, To: flow.Tee, Reason: "larger than the limit of held bodies"}}
			f.ResponseBody.Disposition = flow.Hold
			f.ResponseBody.Record, f.ResponseBody.Recorded, f.ResponseBody.CutReason = flow.Cut, 1000, "disk full"
			f.Outcome = flow.Outcome{Kind: flow.ClientLeft, Bytes: 1234, Phase: "body", Text: "write to client: broken pipe"}
			f.End = begin.Add(75 * time.Second)
		}),
		with(exchange(7, "/gone"), func(f *flow.Flow) {
			f.Server, f.Response.Status = nil, 502
			f.Metadata = map[string]string{"b": "2", "a\x1b": "1"}
			f.Outcome = flow.Outcome{Kind: flow.Failed, Phase: "dial", Text: "dial gone.example:443: no such host"}
			f.Tries = []flow.Try{{Address: "192.0.2.1:443", Start: begin, Reused: true, Error: "closed"}, {Address: "192.0.2.1:443", Start: begin.Add(time.Millisecond), Error: "refused"}}
			f.Findings = []flow.Finding{{Code: "both-length-and-chunked", Text: "length removed"}}
			f.Response.Trailers = flow.Fields{{Name: "x-sum", Value: "1"}}
			f.Interim = []flow.Response{{Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "link", Value: "</a>"}}}, Status: 103, Reason: "Early Hints"}}
		}),
		with(exchange(8, "/"), func(f *flow.Flow) {
			f.Kind, f.Request, f.Response = flow.TCP, nil, nil
			f.RequestBody = flow.Body{Disposition: flow.Tee, Reason: "upgraded connection", Declared: -1, Sent: 517, Ended: true}
			f.ResponseBody = flow.Body{Disposition: flow.Tee, Reason: "upgraded connection", Declared: -1, Sent: 4096, Ended: true}
		}),
		with(exchange(9, "/\x1b]0;owned\x07\u202egnp.exe\xff\n12 GET forged"), func(f *flow.Flow) {
			f.Request.Method = "GET\r"
			f.Request.Fields[0].Value = "a\x1b[2Jb\u2066c\u00ad"
			f.Response.Reason = "OK\x9b31m"
			f.ResponseBody.Reason = "why\x1b[0m"
			f.Outcome = flow.Outcome{Kind: flow.ServerCut, Bytes: 3, Text: "x\x07y"}
			f.Findings = []flow.Finding{{Code: "c", Text: "\u200b\u2028"}}
		}),
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v); -update writes it. Got:\n%s", name, err, got)
	}
}

func TestLines(t *testing.T) {
	now := begin.Add(1200 * time.Millisecond)
	var b []byte
	for _, f := range samples() {
		b = Line{}.Append(b, f, now)
		b = appendHeads(b, Plain, f)
	}
	golden(t, "heads.txt", b)
	b = b[:0]
	for _, f := range samples() {
		b = Line{Palette: Colour}.Append(b, f, now)
	}
	golden(t, "colour.txt", b)
	b = b[:0]
	for _, f := range samples() {
		b = append(appendJSON(b, f), '\n')
	}
	golden(t, "flows.json", b)
}

func TestJSONIsJSON(t *testing.T) {
	for _, f := range samples() {
		var v map[string]any
		if err := json.Unmarshal(appendJSON(nil, f), &v); err != nil {
			t.Errorf("flow %d: %v", f.Number, err)
		}
		if v["schema"] != float64(Schema) || v["number"] != float64(f.Number) {
			t.Errorf("flow %d: schema %v, number %v", f.Number, v["schema"], v["number"])
		}
	}
}

func TestLongURLsAreCutToTheTerminal(t *testing.T) {
	f := exchange(1, "/"+strings.Repeat("a", 500))
	for _, width := range []int{60, 80, 100, 132} {
		got := strings.TrimSuffix(string(Line{Width: width}.Append(nil, f, begin)), "\n")
		if columns(got) != width || !strings.Contains(got, "…") || !strings.HasSuffix(got, "completed") {
			t.Errorf("width %d: %d columns: %s", width, columns(got), got)
		}
	}
	failed := exchange(1, "/some/where/that/matters")
	failed.Outcome = flow.Outcome{Kind: flow.Failed, Text: strings.Repeat("long ", 30)}
	if got := string(Line{Width: 60}.Append(nil, failed, begin)); !strings.Contains(got, "https://example.com/some/where/that/matters ") {
		t.Errorf("the URL of a line that does not fit anyway is cut: %s", got)
	}
	if got := string(Line{}.Append(nil, f, begin)); !strings.Contains(got, strings.Repeat("a", 500)) {
		t.Error("cut although there is no terminal")
	}
	f.Request.Path = "/" + strings.Repeat("表", 200)
	if got := string(Line{Width: 80}.Append(nil, f, begin)); columns(strings.TrimSpace(got)) > 80 {
		t.Errorf("wide letters: %d columns", columns(got))
	}
}

func TestHostThatIsShown(t *testing.T) {
	f := exchange(1, "/x")
	f.Request.Host, f.Request.Port = "192.0.2.1", 8443
	if got := string(Line{}.Append(nil, f, begin)); !strings.Contains(got, "https://192.0.2.1:8443/x") {
		t.Error(got)
	}
	if got := string(Line{Host: Named}.Append(nil, f, begin)); !strings.Contains(got, "https://example.com/x") {
		t.Error(got)
	}
}

// TestNothingSteersTheTerminal checks each octet and rune in each place of a
// flow, in all forms.
func TestNothingSteersTheTerminal(t *testing.T) {
	var evil strings.Builder
	for c := range 256 {
		evil.WriteByte(byte(c))
	}
	for _, r := range []rune{0x61c, 0xad, 0x180e, 0x200b, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202e, 0x2066, 0x2069, 0xfeff, 0xfff9, 0xe0001, 0xe007f, 0x85, 0x9b} {
		evil.WriteRune(r)
	}
	s := evil.String()
	f := exchange(1, "/"+s)
	f.Request.Method, f.Request.Host, f.Response.Reason, f.Request.Wire = s, s, s, s
	f.Request.Fields = flow.Fields{{Name: s, Value: s}}
	f.Response.Trailers = f.Request.Fields
	f.Findings = []flow.Finding{{Code: s, Text: s}}
	f.Tries = []flow.Try{{Address: s, Error: s}}
	f.ResponseBody.Reason, f.ResponseBody.CutReason, f.ResponseBody.Record = s, s, flow.Cut
	f.Outcome = flow.Outcome{Kind: flow.Failed, Text: s, Phase: s}
	f.Marker, f.Comment, f.Client.Peer = s, s, s
	f.Server.TLS.SNI = s
	var logged bytes.Buffer
	for _, h := range []slog.Handler{NewTextHandler(&logged, slog.LevelDebug, Plain), NewJSONHandler(&logged, slog.LevelDebug)} {
		slog.New(h).WithGroup(s).With(s, s).Warn(s, s, s, "err", errors.New(s))
	}
	var content bytes.Buffer
	p := New(Config{Out: &content, Detail: func() int { return Uncut }, Content: bodies{"1response": strings.ReplaceAll(s, "\x00", "") + "\n" + s, "1request": "text " + s[0x80:]}})
	p.Watch(f)
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, out := range map[string][]byte{
		"line": Line{}.Append(nil, f, begin), "heads": appendHeads(nil, Plain, f), "json": appendJSON(nil, f), "log": logged.Bytes(), "content": content.Bytes(),
	} {
		if len(out) == 0 {
			t.Errorf("%s: nothing printed", name)
		}
		for i, r := range string(out) {
			if r == unicode.ReplacementChar && name == "json" || name == "log" && r == unicode.ReplacementChar {
				continue
			}
			if r != '\n' && !(r == '\t' && name == "content") && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) || r == unicode.ReplacementChar) {
				t.Errorf("%s: %U at %d", name, r, i)
				break
			}
		}
	}
	if n := bytes.Count(Line{}.Append(nil, f, begin), []byte("\n")); n != 1 {
		t.Errorf("the line is %d lines", n)
	}
}

func TestSizesAndSpans(t *testing.T) {
	for n, want := range map[int64]string{0: "0b", 1023: "1023b", 1024: "1.0k", 1234: "1.2k", 3 << 20: "3.0m", 10 << 30: "10.0g", 1023 << 10: "1.0m", 5 << 40: "5.0t", 1 << 62: "4194304.0t"} {
		if got := Size(n); got != want {
			t.Errorf("Size(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		-1: "0ms", 400 * time.Microsecond: "0.4ms", 35 * time.Millisecond: "35ms", 999900 * time.Microsecond: "999ms", 1250 * time.Millisecond: "1.2s",
		59990 * time.Millisecond: "59.9s", 125 * time.Second: "2m05s", 3725 * time.Second: "1h02m",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}
