package har

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/format"
)

func inMemory(r io.Reader) (format.Body, error) {
	p, err := io.ReadAll(r)
	return format.Octets(p), err
}

func readAll(file string) ([]*format.Item, []error) {
	r := NewReader(format.Octets(file), int64(len(file)), inMemory)
	var all []*format.Item
	var errs []error
	for {
		it, err := r.Next()
		var damaged *Damaged
		switch {
		case err == nil:
			all = append(all, it)
		case err == io.EOF:
			return all, errs
		default:
			errs = append(errs, err)
			if !errors.As(err, &damaged) {
				return all, errs
			}
		}
	}
}

func octetsOf(t *testing.T, b format.Body) string {
	t.Helper()
	if b == nil {
		t.Fatal("the body is missing")
	}
	p, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func archive(entries ...string) string {
	return `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"pages":[],"entries":[` + strings.Join(entries, ",") + `]}}`
}

const simple = `{"startedDateTime":"2024-05-06T07:08:09.123Z","time":100.5,
 "request":{"method":"POST","url":"https://site.test:8443/a/b?c=d#part","httpVersion":"http/2.0","headers":[{"name":":authority","value":"site.test:8443"},{"name":":method","value":"POST"},
  {"name":"accept","value":"*/*"}],"postData":{"mimeType":"text/plain","text":"gr\u00fcn \ud83d\ude00\n"},"headersSize":-1,"bodySize":-1},
 "response":{"status":200,"statusText":"","httpVersion":"http/2.0","headers":[{"name":"content-encoding","value":"gzip"},{"name":"set-cookie","value":"a=1\nb=2"}],
  "content":{"size":4,"mimeType":"image/png","text":"iVBORw==","encoding":"base64"},"redirectURL":"","headersSize":-1,"bodySize":-1},
 "cache":{},"timings":{"blocked":5,"dns":-1,"connect":10,"ssl":4,"send":1,"wait":50,"receive":34.5},"serverIPAddress":"192.0.2.7"}`

func TestAnEntryIsRead(t *testing.T) {
	all, errs := readAll("\ufeff" + archive(simple))
	if len(errs) > 0 || len(all) != 1 {
		t.Fatal(errs)
	}
	it := all[0]
	f := it.Flow
	q := f.Request
	if q.Method != "POST" || q.URL() != "https://site.test:8443/a/b?c=d" || q.Authority != "site.test:8443" || q.Version != flow.HTTP2 || len(q.Fields) != 1 {
		t.Errorf("request %+v", q)
	}
	if got := octetsOf(t, it.Bodies[flow.ToServer]); got != "grün 😀\n" {
		t.Errorf("request body %q", got)
	}
	if got := octetsOf(t, it.Bodies[flow.ToClient]); got != "\x89PNG" {
		t.Errorf("response body %q", got)
	}
	r := f.Response
	if r.Status != 200 || r.Fields.Has("Content-Encoding") || strings.Join(r.Fields.Values("Set-Cookie"), "|") != "a=1|b=2" {
		t.Errorf("response %+v", r)
	}
	if len(f.Findings) != 1 || f.Findings[0].Code != "decoded-by-file" {
		t.Errorf("findings %+v", f.Findings)
	}
	start := time.Date(2024, 5, 6, 7, 8, 9, 123e6, time.UTC)
	for name, x := range map[string]struct{ got, want time.Time }{
		"start": {f.Start, start}, "end": {f.End, start.Add(100500 * time.Microsecond)},
		"connected": {f.Server.Connected, start.Add(11 * time.Millisecond)}, "secured": {f.Server.Secured, start.Add(15 * time.Millisecond)},
		"sent": {q.End, start.Add(16 * time.Millisecond)}, "first byte": {r.Start, start.Add(66 * time.Millisecond)},
	} {
		if !x.got.Equal(x.want) {
			t.Errorf("%s is %v, want %v", name, x.got, x.want)
		}
	}
	if f.Server.Peer != "192.0.2.7:8443" || f.Outcome.Kind != flow.Completed {
		t.Errorf("server %+v, outcome %v", f.Server, f.Outcome)
	}
}

func TestWhatProgramsLeaveOutIsReadAsFarAsItGoes(t *testing.T) {
	for name, c := range map[string]struct {
		entry string
		check func(*format.Item) bool
	}{
		"no headers, no timings": {`{"request":{"url":"http://a.test"}}`, func(it *format.Item) bool {
			return it.Flow.Request.URL() == "http://a.test/" && it.Flow.Request.Method == "GET" && it.Flow.Outcome.Kind == flow.Failed && it.Flow.Response == nil
		}},
		"status 0 and an error": {`{"request":{"method":"GET","url":"http://a.test/"},"response":{"status":0,"_error":"net::ERR_ABORTED"}}`, func(it *format.Item) bool {
			return it.Flow.Outcome.Text == "net::ERR_ABORTED"
		}},
		"content that was not kept": {`{"request":{"method":"GET","url":"http://a.test/"},"response":{"status":200,"content":{"size":99}}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToClient] == nil && it.Flow.ResponseBody.Disposition == flow.Pass
		}},
		"a HEAD whose content has a size": {`{"request":{"method":"HEAD","url":"http://a.test/"},"response":{"status":200,"content":{"size":99}}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToClient] != nil && it.Bodies[flow.ToClient].Size() == 0
		}},
		"headers as pairs": {`{"request":{"method":"GET","url":"http://a.test/","headers":[["Host","a.test"],["X","y"]]},"response":{"status":"204"}}`, func(it *format.Item) bool {
			return it.Flow.Request.Fields.Get("X") == "y" && it.Flow.Response.Status == 204
		}},
		"a form without text": {`{"request":{"method":"POST","url":"http://a.test/","postData":{"mimeType":"application/x-www-form-urlencoded","params":[{"name":"a b","value":"&"}]}}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToServer].Size() == int64(len("a+b=%26"))
		}},
		"a WebSocket URL, an IPv6 literal and a user": {`{"request":{"method":"GET","url":"wss://me:secret@[::1]:9/x"}}`, func(it *format.Item) bool {
			return it.Flow.Request.URL() == "https://[::1]:9/x"
		}},
		"negative timings": {`{"startedDateTime":"2024-05-06T07:08:09+02:00","time":-1,"timings":{"send":-1,"wait":-1,"receive":-1},"request":{"url":"http://a.test/"}}`, func(it *format.Item) bool {
			return it.Flow.End.Equal(it.Flow.Start) && it.Flow.Start.Hour() == 5
		}},
		"cookies and no headers": {`{"request":{"url":"http://a.test/","cookies":[{"name":"a","value":"1"},{"name":"b","value":"2"}]}}`, func(it *format.Item) bool {
			return it.Flow.Request.Fields.Get("Cookie") == "a=1; b=2"
		}},
		"WebSocket messages": {`{"request":{"url":"http://a.test/"},"response":{"status":101},"_webSocketMessages":[{"type":"send","time":1.5,"opcode":1,"data":"hi"},{"type":"receive","time":2,"opcode":2,"data":"AAE="}]}`, func(it *format.Item) bool {
			got := ""
			for m, err := range it.Messages {
				p, _ := io.ReadAll(io.NewSectionReader(m.Content, 0, m.Content.Size()))
				got += fmt.Sprintf("%v %v %q %v;", m.FromClient, m.Text, p, err)
			}
			return got == `true true "hi" <nil>;false false "\x00\x01" <nil>;`
		}},
		"numbers that are none": {`{"time":NaN,"timings":{"send":Infinity,"wait":-Infinity,"receive":NaN},"request":{"url":"http://a.test/","bodySize":NaN},"response":{"status":200}}`, func(it *format.Item) bool {
			return it.Flow.Response.Status == 200 && it.Bodies[flow.ToServer] != nil && it.Flow.End.Equal(it.Flow.Start)
		}},
		"a handshake that was refused": {`{"request":{"url":"ws://a.test/"},"response":{"status":403},"_webSocketMessages":[]}`, func(it *format.Item) bool {
			return it.Closing == nil && it.Messages == nil && it.Flow.Response.Status == 403 && it.Bodies[flow.ToClient] != nil
		}},
		"a handshake that nobody answered": {`{"request":{"url":"ws://a.test/"},"response":{"status":0},"_webSocketMessages":[]}`, func(it *format.Item) bool {
			return it.Closing == nil && it.Flow.Response == nil && it.Flow.Outcome.Kind == flow.Failed
		}},
		"a WebSocket where nobody spoke": {`{"request":{"url":"ws://a.test/"},"response":{"status":101},"_webSocketMessages":[]}`, func(it *format.Item) bool {
			return it.Closing != nil && it.Messages != nil
		}},
		"a WebSocket of HTTP/2": {`{"request":{"url":"wss://a.test/","method":"CONNECT","headers":[{"name":":protocol","value":"websocket"}]},"response":{"status":200},"_webSocketMessages":[]}`, func(it *format.Item) bool {
			return it.Closing != nil && flow.Switched(it.Flow.Request, it.Flow.Response) == "websocket" && it.Flow.Request.Version == flow.HTTP2
		}},
		"control frames and errors beside messages": {`{"request":{"url":"ws://a.test/"},"response":{"status":101},"_webSocketMessages":[{"type":"receive","opcode":9,"data":""},{"type":"send","opcode":10,"data":""},
			{"type":"error","opcode":-1,"data":"closed early"},{"type":"send","opcode":1,"data":"hi"},{"type":"receive","opcode":8,"data":"x"}]}`, func(it *format.Item) bool {
			n := 0
			for m, err := range it.Messages {
				if n++; err != nil || m.Content.Size() != 2 {
					return false
				}
			}
			return n == 1
		}},
		"a binary message that is no base64": {`{"request":{"url":"ws://a.test/"},"response":{"status":101},"_webSocketMessages":[{"type":"send","opcode":2,"data":"not base64!"}]}`, func(it *format.Item) bool {
			for m, err := range it.Messages {
				p, _ := io.ReadAll(io.NewSectionReader(m.Content, 0, m.Content.Size()))
				return err == nil && !m.Text && string(p) == "not base64!"
			}
			return false
		}},
		"content that is said to be base64": {`{"request":{"method":"POST","url":"http://a.test/","postData":{"mimeType":"text/plain","text":"a b!","encoding":"base64"}},
			"response":{"status":200,"content":{"text":"` + strings.Repeat("plain text, ", 20000) + `","encoding":"base64"}}}`, func(it *format.Item) bool {
			p, _ := io.ReadAll(io.NewSectionReader(it.Bodies[flow.ToServer], 0, 100))
			return string(p) == "a b!" && it.Bodies[flow.ToClient].Size() == 240000 && len(it.Flow.Findings) == 2 && it.Flow.Findings[1].Code == "no-base64"
		}},
		"a URL with white space": {`{"request":{"url":" http://a.test/a b?c=\u0009d\ne\u007f \n"}}`, func(it *format.Item) bool {
			return it.Flow.Request.Path == "/a%20b?c=%09d%0Ae%7F"
		}},
		"a request body that was not kept": {`{"request":{"method":"POST","url":"http://a.test/","bodySize":77}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToServer] == nil && it.Flow.RequestBody.Disposition == flow.Pass
		}},
		"a request body without text": {`{"request":{"method":"POST","url":"http://a.test/","bodySize":77,"postData":{"mimeType":"image/png","text":""}}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToServer] == nil
		}},
		"a request that had no body": {`{"request":{"method":"POST","url":"http://a.test/","bodySize":0,"postData":{"mimeType":"text/plain","text":""}}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToServer] != nil && it.Bodies[flow.ToServer].Size() == 0
		}},
		"a multipart form without text": {`{"request":{"method":"POST","url":"http://a.test/","postData":{"mimeType":"multipart/form-data; boundary=XX","params":[{"name":"a\"b","value":"1"},
			{"name":"f","fileName":"x.png","contentType":"image/png","value":"data"}]}}}`, func(it *format.Item) bool {
			p, _ := io.ReadAll(io.NewSectionReader(it.Bodies[flow.ToServer], 0, 1<<20))
			return string(p) == "--XX\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n"+
				"--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.png\"\r\nContent-Type: image/png\r\n\r\ndata\r\n--XX--\r\n"
		}},
		"a multipart form whose file was not kept": {`{"request":{"method":"POST","url":"http://a.test/","postData":{"mimeType":"multipart/form-data; boundary=XX","params":[{"name":"f","fileName":"x.png"}]}}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToServer] == nil
		}},
		"a multipart form without its boundary": {`{"request":{"method":"POST","url":"http://a.test/","postData":{"mimeType":"multipart/form-data","params":[{"name":"f","value":"1"}]}}}`, func(it *format.Item) bool {
			return it.Bodies[flow.ToServer] == nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			all, errs := readAll(archive(c.entry))
			if len(all) != 1 || len(errs) > 0 || !c.check(all[0]) {
				t.Fatalf("%v; %+v", errs, all)
			}
		})
	}
}

func TestDamageIsAnErrorWithItsPlace(t *testing.T) {
	deep := strings.Repeat("[", 5000)
	for _, c := range []struct {
		file, want string
		flows      int
	}{
		{"", "does not begin with a JSON object", 0},
		{"[]", "does not begin with a JSON object", 0},
		{"{}", "it has no log with entries", 0},
		{`{"log":{}}`, "it has no log with entries", 0},
		{`{"log":`, "cut off before its first entry", 0},
		{archive(simple)[:400], "the file ends inside entry 1", 0},
		{archive(simple, simple)[:len(archive(simple))+100], "the file ends inside entry 2", 1},
		{archive(`{"request":5}`, simple), "entry 1, at byte 83 of the file: it has no request", 1},
		{archive(`{"request":{"url":"javascript:alert(1)"}}`), `"javascript:alert(1)" is no absolute URL`, 0},
		{archive(`{"request":{"url":"ftp://a/"}}`), "is not of HTTP", 0},
		{archive(`{"request":{"url":"http://a:99999/"}}`), "has no port", 0},
		{archive(`{"x":` + deep), "nested deeper than 64", 0},
		{archive(`nonsense`), "is no value", 0},
		{archive(simple + " 5"), "where ',' or ']' was expected", 1},
	} {
		all, errs := readAll(c.file)
		if len(all) != c.flows || len(errs) != 1 || !strings.Contains(errs[0].Error(), c.want) {
			t.Errorf("%.60q gives %d flows and %v, want %q", c.file, len(all), errs, c.want)
		}
	}
}

func TestALongBodyStaysOutsideMemory(t *testing.T) {
	text := strings.Repeat(`line \"quoted\" \u00fc\n`, 20000)
	entry := `{"request":{"url":"http://a.test/"},"response":{"status":200,"content":{"text":"` + text + `"}}}`
	spooled := 0
	file := archive(entry)
	r := NewReader(format.Octets(file), int64(len(file)), func(r io.Reader) (format.Body, error) {
		spooled++
		return inMemory(r)
	})
	it, err := r.Next()
	if err != nil || spooled != 1 {
		t.Fatal(err, spooled)
	}
	if got := octetsOf(t, it.Bodies[flow.ToClient]); got != strings.Repeat("line \"quoted\" ü\n", 20000) {
		t.Errorf("%d octets, %.80q", len(got), got)
	}
}

func write(t *testing.T, items ...*format.Item) (string, []string) {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, "midstream", "1")
	var lost []string
	for _, it := range items {
		l, err := w.Write(it)
		if err != nil {
			t.Fatal(err)
		}
		lost = append(lost, l...)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(b.Bytes()) {
		t.Fatalf("no JSON:\n%s", b.String())
	}
	return b.String(), lost
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	all, errs := readAll(archive(simple))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	file, lost := write(t, all[0])
	again, errs := readAll(file)
	if len(errs) > 0 || len(again) != 1 || len(lost) > 0 {
		t.Fatal(errs, lost)
	}
	a, b := all[0], again[0]
	if a.Flow.Request.URL() != b.Flow.Request.URL() || !a.Flow.Request.Fields.Equal(b.Flow.Request.Fields) || !a.Flow.Response.Fields.Equal(b.Flow.Response.Fields) {
		t.Errorf("%+v\n%+v", a.Flow.Request, b.Flow.Request)
	}
	for side := range a.Bodies {
		if octetsOf(t, a.Bodies[side]) != octetsOf(t, b.Bodies[side]) {
			t.Errorf("body %d differs", side)
		}
	}
}

func exchange(contentType, contentEncoding string, body []byte) *format.Item {
	f := &flow.Flow{ID: flow.NewID(), Request: &flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: "GET", Scheme: "http", Host: "a.test", Port: 80, Path: "/?a=%20b&c"},
		Response: &flow.Response{Message: flow.Message{Version: flow.HTTP11}, Status: 200, Reason: "OK"}, Outcome: flow.Outcome{Kind: flow.Completed}}
	f.Response.Fields.Add("Content-Type", contentType)
	if contentEncoding != "" {
		f.Response.Fields.Add("Content-Encoding", contentEncoding)
	}
	it := &format.Item{Flow: f}
	it.Bodies[flow.ToClient] = format.Octets(body)
	it.Bodies[flow.ToServer] = format.Octets(nil)
	format.Kept(&f.ResponseBody, int64(len(body)))
	return it
}

func TestContentIsTextOrBase64(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	plain := strings.Repeat("größe\u2028\x00\t", 30000)
	_, _ = z.Write([]byte(plain))
	z.Close()
	for name, c := range map[string]struct {
		coding string
		body   []byte
		want   string
		base64 bool
		lost   int
	}{
		"text":                {"", []byte("hello \"you\""), "hello \"you\"", false, 0},
		"long text":           {"", []byte(plain), plain, false, 0},
		"binary":              {"", []byte("\xff\xfe"), "\xff\xfe", true, 0},
		"cut character":       {"", []byte("gr\xc3"), "gr\xc3", true, 0},
		"packed":              {"gzip", packed.Bytes(), plain, false, 0},
		"not packed":          {"gzip", []byte("hello"), "hello", false, 1},
		"an unknown coding":   {"lzma", []byte("hello"), "hello", false, 1},
		"nothing":             {"", nil, "", false, 0},
		"a surrogate in CESU": {"", []byte("\xed\xa0\x80"), "\xed\xa0\x80", true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			file, lost := write(t, exchange("text/plain", c.coding, c.body))
			if len(lost) != c.lost {
				t.Error("lost", lost)
			}
			var h struct {
				Log struct {
					Entries []struct {
						Response struct {
							Content struct {
								Size, Compression int
								Encoding          string
							}
						}
					}
				}
			}
			if err := json.Unmarshal([]byte(file), &h); err != nil {
				t.Fatal(err)
			}
			content := h.Log.Entries[0].Response.Content
			if (content.Encoding == "base64") != c.base64 || content.Size != len(c.want) || content.Compression != len(c.want)-len(c.body) {
				t.Errorf("content %+v", content)
			}
			all, errs := readAll(file)
			if len(errs) > 0 || octetsOf(t, all[0].Bodies[flow.ToClient]) != c.want {
				t.Errorf("%v: read back differs", errs)
			}
		})
	}
}

// The parts of the time do not lie in one another: together they are what it took, from
// where it began to where it ended, whenever the connection was made.
func TestTimesAddUp(t *testing.T) {
	at := func(ms int) time.Time {
		return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(ms) * time.Millisecond)
	}
	for name, c := range map[string]struct {
		dialled, connected, secured int
		timings                     string
		began, took                 int
	}{
		"made before":     {0, 40, 200, `"connect":200,"ssl":160,"send":100,"wait":300,"receive":50}`, 800, 650},
		"made meanwhile":  {1120, 1150, 1200, `"connect":80,"ssl":50,"send":100,"wait":220,"receive":50}`, 1000, 450},
		"begun before":    {900, 1000, 1150, `"connect":250,"ssl":150,"send":100,"wait":150,"receive":50}`, 900, 550},
		"made while sent": {1000, 1050, 1450, `"connect":450,"ssl":400,"send":0,"wait":0,"receive":50}`, 1000, 500},
	} {
		it := exchange("", "", nil)
		f := it.Flow
		f.Request.Start, f.Request.End, f.Response.Start, f.Response.End = at(1000), at(1100), at(1400), at(1450)
		f.Server = &flow.Conn{ID: flow.NewID(), Start: at(c.dialled), Connected: at(c.connected), Secured: at(c.secured)}
		file, _ := write(t, it)
		for _, want := range []string{c.timings, fmt.Sprintf(`"startedDateTime":%q,"time":%d,`, when(at(c.began)), c.took)} {
			if !strings.Contains(file, want) {
				t.Errorf("%s: %s is not in %s", name, want, file)
			}
		}
	}
}

// What stands behind a # in a target is no fragment, which no reader would keep.
func TestATargetWithAHash(t *testing.T) {
	it := exchange("", "", nil)
	it.Flow.Request.Path = "/a?b='#c"
	file, _ := write(t, it)
	all, errs := readAll(file)
	if len(errs) > 0 || all[0].Flow.Request.Path != "/a?b='%23c" {
		t.Errorf("%v, %+v", errs, all[0].Flow.Request)
	}
}

// CONNECT and OPTIONS * have no URL of their own; both come back.
func TestTargetsThatAreNoURL(t *testing.T) {
	connect, options := exchange("", "", nil), exchange("", "", nil)
	q := connect.Flow.Request
	q.Method, q.Form, q.Scheme, q.Host, q.Port, q.Path, q.Authority = "CONNECT", flow.AuthorityForm, "", "::1", 443, "", "[::1]:443"
	q = options.Flow.Request
	q.Method, q.Form, q.Path = "OPTIONS", flow.AsteriskForm, "*"
	for _, it := range []*format.Item{connect, options} {
		file, _ := write(t, it)
		all, errs := readAll(file)
		if len(errs) > 0 || len(all) != 1 {
			t.Fatalf("%v in %s", errs, file)
		}
		got, want := all[0].Flow.Request, it.Flow.Request
		if got.Method != want.Method || got.Form != want.Form || got.Path != want.Path || got.URL() != want.URL() || got.Port != want.Port {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	for _, url := range []string{"a.test", "a.test:http", "a.test:99999", ":"} {
		if all, errs := readAll(archive(`{"request":{"method":"CONNECT","url":"` + url + `"}}`)); len(errs) == 0 {
			t.Errorf("%s: %+v", url, all[0].Flow.Request)
		}
	}
}

// Cookies are listed as browsers read them, whatever is in their values.
func TestCookiesAreListedAsTheyAre(t *testing.T) {
	it := exchange("", "", nil)
	it.Flow.Request.Fields.Add("Cookie", `a=1; j={"x":1, "y":2}; q="b c"`)
	it.Flow.Response.Fields.Add("Set-Cookie", `j={"x":1}; Path=/; Secure; HttpOnly`)
	file, _ := write(t, it)
	for _, want := range []string{`{"name":"a","value":"1"},{"name":"j","value":"{\"x\":1, \"y\":2}"},{"name":"q","value":"\"b c\""}`,
		`"cookies":[{"name":"j","value":"{\"x\":1}","path":"/","httpOnly":true,"secure":true}]`} {
		if !strings.Contains(file, want) {
			t.Errorf("%s is not in %s", want, file)
		}
	}
}

func TestWhatAnArchiveHasNoPlaceForIsTold(t *testing.T) {
	missing := exchange("text/plain", "", nil)
	missing.Bodies[flow.ToClient] = nil
	format.Missing(&missing.Flow.ResponseBody)
	missing.Flow.Response.Trailers.Add("X-Sum", "1")
	_, lost := write(t, missing, &format.Item{Flow: &flow.Flow{Kind: flow.TCP}})
	want := "the content of the response, which was not recorded|trailers|a flow of type tcp"
	if strings.Join(lost, "|") != want {
		t.Errorf("%q", lost)
	}
}

// How a WebSocket was closed comes back, with the time of it.
func TestClosingOfAWebSocket(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 250_000_000, time.UTC)
	for name, c := range map[string]format.Closing{
		"by the client":     {Known: true, ByClient: true, Code: 1001, Reason: "going \"away\"", Time: at},
		"by the server":     {Known: true, Code: 1000, Time: at},
		"by nobody we know": {Code: 1006},
		"not at all":        {},
	} {
		t.Run(name, func(t *testing.T) {
			it := exchange("", "", nil)
			it.Bodies, it.Closing = [2]format.Body{}, &c
			it.Flow.Response.Status = 101
			file, lost := write(t, it)
			all, errs := readAll(file)
			if len(errs) > 0 || len(lost) > 0 || *all[0].Closing != c {
				t.Errorf("%+v, %v, lost %q, from %s", all[0].Closing, errs, lost, file)
			}
			if all[0].Flow.End.Before(c.Time) {
				t.Error("the flow ends at", all[0].Flow.End)
			}
		})
	}
}

// A flow with nothing but its zero values, and one that failed, are entries too.
func TestAnExportNeverFails(t *testing.T) {
	failed := exchange("", "", nil)
	failed.Flow.Response = nil
	failed.Flow.Outcome = flow.Outcome{Kind: flow.Failed, Text: "dial server: refused"}
	odd := exchange("a\x01\xffb", "", []byte("x"))
	odd.Flow.Request.Fields.Add("Cookie", `bad "cookie`)
	odd.Flow.Request.Path = "/%zz?%zz=\xff"
	file, _ := write(t, failed, odd, &format.Item{Flow: &flow.Flow{Request: &flow.Request{}}})
	if !strings.Contains(file, `"_error":"dial server: refused"`) {
		t.Error(file)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(archive(simple)))
	f.Add([]byte(`{"log":{"entries":[{"request":{"url":"http://a/","postData":{"text":"\ud800\u"}}},]}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		all, _ := readAll(string(p))
		var b bytes.Buffer
		w := NewWriter(&b, "x", "1")
		for _, it := range all {
			if _, err := w.Write(it); err != nil {
				t.Fatal(err)
			}
		}
		if w.Close() != nil || !json.Valid(b.Bytes()) {
			t.Fatalf("no JSON: %s", b.Bytes())
		}
	})
}
