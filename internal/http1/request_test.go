package http1

import (
	"strings"
	"testing"

	"midstream/flow"
)

// both is where the two profiles agree.
type verdict struct {
	tolerant, strict int    // status of the refusal, 0 = accepted
	finding          string // of the tolerant profile
}

func codes(fs []flow.Finding) string {
	var s []string
	for _, f := range fs {
		s = append(s, f.Code)
	}
	return strings.Join(s, " ")
}

func statusOf(err error) int {
	if e, ok := err.(*flow.Error); ok {
		return e.Status
	}
	return 0
}

// readRequest parses a head and its framing, as a server does.
func readRequest(block string, p Profile) (*flow.Request, flow.Framing, []flow.Finding, error) {
	r, findings, err := ParseRequestHead(block, p, Limits{})
	if err != nil {
		return nil, flow.Framing{}, findings, err
	}
	f, more, err := RequestFraming(r, p)
	return r, f, append(findings, more...), err
}

func TestRequestHeads(t *testing.T) {
	const ok = "GET / HTTP/1.1\r\nHost: a\r\n"
	refused := func(status int) verdict { return verdict{status, status, ""} }
	repaired := func(code string) verdict { return verdict{0, 400, code} }
	accepted := verdict{}
	for _, c := range []struct {
		name, head string
		want       verdict
		sent       string // what leaves; "" = as it came
	}{
		{"plain", ok + "\r\n", accepted, ""},
		{"names, order, duplicates and spacing stay", ok + "X-aBc:1\r\nB:  2 \r\nx-ABC:\t3\r\nEmpty:\r\n\r\n", accepted, ""},
		{"custom method", "PURGE / HTTP/1.1\r\nHost: a\r\n\r\n", accepted, ""},
		{"lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", accepted, ""},
		{"method is not a token", "G(T / HTTP/1.1\r\nHost: a\r\n\r\n", refused(400), ""},
		{"obs-text in a value", ok + "X: \xe6\xb5\x8b\r\n\r\n", accepted, ""},
		{"one blank line before", "\r\n" + ok + "\r\n", verdict{0, 0, BlankBeforeStart}, ok + "\r\n"},
		{"two blank lines before", "\r\n\r\n" + ok + "\r\n", repaired(BlankBeforeStart), ok + "\r\n"},
		{"bare LF", "GET / HTTP/1.1\nHost: a\n\n", repaired(BareLineFeed), ok + "\r\n"},
		{"bare LF in the request line only", "GET / HTTP/1.1\nHost: a\r\n\r\n", repaired(BareLineFeed), ok + "\r\n"},
		{"bare LF in the blank line only", ok + "\n", repaired(BareLineFeed), ok + "\r\n"},
		{"bare LF hides a length among CRLFs", ok + "X: a\nContent-Length: 9\r\n\r\n", refused(400), ""},
		{"bare LF behind an empty value among CRLFs", ok + "X:\nTransfer-Encoding: chunked\r\n\r\n", refused(400), ""},
		{"bare LF hides the blank line", ok + "X: a\n\r\n", refused(400), ""},
		{"bare CR in a value", ok + "X: a\rY: b\r\n\r\n", refused(400), ""},
		{"CR CR LF", ok + "X: a\r\r\n\r\n", refused(400), ""},
		{"CR at the start of a line", ok + "\rX: a\r\n\r\n", refused(400), ""},
		{"NUL in a value", ok + "X: a\x00b\r\n\r\n", refused(400), ""},
		{"control character in a value", ok + "X: a\x01b\r\n\r\n", refused(400), ""},
		{"tab inside a value", ok + "X: a\tb\r\n\r\n", accepted, ""},
		{"NUL in a name", ok + "X\x00: a\r\n\r\n", refused(400), ""},
		{"space in a name", ok + "X Y: a\r\n\r\n", refused(400), ""},
		{"bracket in a name", ok + "X[]: a\r\n\r\n", refused(400), ""},
		{"obs-text in a name", ok + "X\xff: a\r\n\r\n", refused(400), ""},
		{"no name", ok + ": a\r\n\r\n", refused(400), ""},
		{"no colon", ok + "abc\r\n\r\n", refused(400), ""},
		{"space before the colon", ok + "X : a\r\n\r\n", refused(400), ""},
		{"tab before the colon", ok + "Transfer-Encoding\t: chunked\r\n\r\n", refused(400), ""},
		{"folded", ok + "X: a\r\n  b\r\n\r\n", repaired(FieldFolded), ok + "X: a b\r\n\r\n"},
		{"folded twice", ok + "X: a\r\n\tb\r\n c\r\n\r\n", repaired(FieldFolded), ok + "X: a b c\r\n\r\n"},
		{"folded with a NUL", ok + "X: a\r\n b\x00\r\n\r\n", refused(400), ""},
		{"Host folded", "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", refused(400), ""},
		{"Connection folded", ok + "Connection: x,\r\n close\r\n\r\n", refused(400), ""},
		{"a length in a fold is a value", ok + "X: a\r\n Content-Length: 9\r\n\r\n", repaired(FieldFolded), ok + "X: a Content-Length: 9\r\n\r\n"},
		{"CR in a name", ok + "Content\rLength: 9\r\n\r\n", refused(400), ""},
		{"Content-Length folded", ok + "Content-Length: 1\r\n 2\r\n\r\n", refused(400), ""},
		{"Transfer-Encoding folded", ok + "Transfer-Encoding:\r\n chunked\r\n\r\n", refused(400), ""},
		{"fold without a field", "GET / HTTP/1.1\r\n X: a\r\nHost: a\r\n\r\n", refused(400), ""},
		{"two spaces in the request line", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", refused(400), ""},
		{"space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", refused(400), ""},
		{"tab in the request line", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", refused(400), ""},
		{"space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", refused(400), ""},
		{"no version", "GET /\r\nHost: a\r\n\r\n", refused(400), ""},
		{"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", refused(400), ""},
		{"another protocol", "GET / RTSP/1.0\r\nHost: a\r\n\r\n", refused(400), ""},
		{"HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", refused(505), ""},
		{"the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", refused(505), ""},
		{"a later minor version", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", repaired(VersionOdd), ok + "\r\n"},
		{"two digits", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", refused(400), ""},
		{"raw 8-bit target", "GET /\xe6\xb5\x8b?x=\xcd\xa8 HTTP/1.1\r\nHost: a\r\n\r\n", repaired(TargetOdd), ""},
		{"fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", repaired(TargetOdd), ""},
		{"NUL in the target", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", refused(400), ""},
		{"odd but legal target", "GET /{}|\\^\"<>`%zz HTTP/1.1\r\nHost: a\r\n\r\n", accepted, ""},
		{"no Host", "GET / HTTP/1.1\r\n\r\n", refused(400), ""},
		{"no Host in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", accepted, ""},
		{"CONNECT without Host", "CONNECT a:1 HTTP/1.1\r\n\r\n", repaired(HostMissing), ""},
		{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", accepted, ""},
		{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", refused(400), ""},
		{"the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", refused(400), ""},
		{"Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", refused(400), ""},
		{"Host with user information", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", refused(400), ""},
		{"Host with an underscore", "GET / HTTP/1.1\r\nHost: foo_bar.test\r\n\r\n", accepted, ""},
		{"raw UTF-8 Host", "GET / HTTP/1.1\r\nHost: \xf0\x9f\x98\x80.test\r\n\r\n", accepted, ""},
		{"tab before the value of a framing field", ok + "Transfer-Encoding:\tchunked\r\n\r\n", verdict{0, 0, FieldRespelled}, ok + "Transfer-Encoding: chunked\r\n\r\n"},
		{"Content-Length without a space", ok + "Content-Length:5\r\n\r\n", accepted, ""},
		{"vertical tab before chunked", ok + "Transfer-Encoding: \x0bchunked\r\n\r\n", refused(400), ""},
		{"octets behind the blank line", ok + "\r\nX", refused(400), ""},
		{"cut in a line", ok + "X: a", refused(400), ""},
		{"cut before the blank line", ok, refused(400), ""},
		{"nothing", "", refused(400), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, findings, err := ParseRequestHead(c.head, Tolerant, Limits{})
			if got := statusOf(err); got != c.want.tolerant {
				t.Fatalf("tolerant: status %d (%v), want %d", got, err, c.want.tolerant)
			}
			if err == nil {
				if got := codes(findings); got != c.want.finding {
					t.Errorf("findings %q, want %q", got, c.want.finding)
				}
				want := c.sent
				if want == "" {
					want = c.head
				}
				if got := string(AppendRequestHead(nil, r)); got != want {
					t.Errorf("sent %q\nwant %q", got, want)
				}
			} else if !strings.HasPrefix(err.Error(), "read request head: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("text %q", err)
			}
			if _, _, err := ParseRequestHead(c.head, Strict, Limits{}); statusOf(err) != c.want.strict {
				t.Errorf("strict: %v, want status %d", err, c.want.strict)
			}
		})
	}
}

func TestRequestTargets(t *testing.T) {
	type want struct {
		form            flow.Form
		scheme, host    string
		port            uint16
		authority, path string
	}
	for _, c := range []struct {
		line string
		want *want // nil = 400
	}{
		{"GET /a?b", &want{flow.OriginForm, "", "", 0, "", "/a?b"}},
		{"GET //a", &want{flow.OriginForm, "", "", 0, "", "//a"}},
		{"GET http://h.test/a?b", &want{flow.AbsoluteForm, "http", "h.test", 80, "h.test", "/a?b"}},
		{"GET HTTP://h/", &want{flow.AbsoluteForm, "http", "h", 80, "h", "/"}},
		{"GET hTTps://H:8443/x", &want{flow.AbsoluteForm, "https", "H", 8443, "H:8443", "/x"}},
		{"GET http://h", &want{flow.AbsoluteForm, "http", "h", 80, "h", "/"}},
		{"GET http://h?q", &want{flow.AbsoluteForm, "http", "h", 80, "h", "/?q"}},
		{"GET http://h:/", &want{flow.AbsoluteForm, "http", "h", 80, "h:", "/"}},
		{"GET http://[::1]:81/", &want{flow.AbsoluteForm, "http", "::1", 81, "[::1]:81", "/"}},
		{"GET http://[fe80::1%25eth0]/", &want{flow.AbsoluteForm, "http", "fe80::1%25eth0", 80, "[fe80::1%25eth0]", "/"}},
		{"GET http://foo_bar.test/", &want{flow.AbsoluteForm, "http", "foo_bar.test", 80, "foo_bar.test", "/"}},
		{"GET http://\xc3\xa4.test/", &want{flow.AbsoluteForm, "http", "\xc3\xa4.test", 80, "\xc3\xa4.test", "/"}},
		{"GET http://u:p@h:1/", &want{flow.AbsoluteForm, "http", "h", 1, "u:p@h:1", "/"}},
		{"GET http://evil@good@h/", &want{flow.AbsoluteForm, "http", "h", 80, "evil@good@h", "/"}},
		{"OPTIONS http://h", &want{flow.AbsoluteForm, "http", "h", 80, "h", "*"}},
		{"OPTIONS *", &want{flow.AsteriskForm, "", "", 0, "", "*"}},
		{"CONNECT h.test:443", &want{flow.AuthorityForm, "", "h.test", 443, "h.test:443", ""}},
		{"CONNECT [::1]:443", &want{flow.AuthorityForm, "", "::1", 443, "[::1]:443", ""}},
		{"CONNECT 127.0.0.1:65535", &want{flow.AuthorityForm, "", "127.0.0.1", 65535, "127.0.0.1:65535", ""}},
		{"GET *", nil},
		{"GET a", nil},
		{"GET ftp://h/", nil},
		{"GET ://h/", nil},
		{"GET http:/h", nil},
		{"GET http:///a", nil},
		{"GET http://:80/", nil},
		{"GET http://h:0/", nil},
		{"GET http://h:65536/", nil},
		{"GET http://h:8a/", nil},
		{"GET http://h:+8/", nil},
		{"GET http://[::1/", nil},
		{"GET http://[1.2.3.4]/", nil},
		{"GET http://::1/", nil},
		{"GET http://a\\b/", nil},
		{"GET http://<script>/", nil},
		{"CONNECT :", nil},
		{"CONNECT :443", nil},
		{"CONNECT h", nil},
		{"CONNECT h:", nil},
		{"CONNECT h:0", nil},
		{"CONNECT h:99999", nil},
		{"CONNECT h:-1", nil},
		{"CONNECT ::1:443", nil},
		{"CONNECT [::1]443", nil},
		{"CONNECT []:443", nil},
		{"CONNECT h:443/", nil},
		{"CONNECT /", nil},
		{"CONNECT u@h:443", nil},
		{`GET http://good:80\@evil/`, nil},
		{"CONNECT http://h:443", nil},
		{"CONNECT " + strings.Repeat("h", 60000) + ":0", nil},
	} {
		r, _, err := ParseRequestHead(c.line+" HTTP/1.1\r\nHost: x\r\n\r\n", Tolerant, Limits{})
		if c.want == nil {
			if statusOf(err) != 400 {
				t.Errorf("%.80q: %v, want 400", c.line, err)
			} else if len(err.Error()) > 300 {
				t.Errorf("%.80q: the text has %d octets", c.line, len(err.Error()))
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.line, err)
			continue
		}
		if got := (want{r.Form, r.Scheme, r.Host, r.Port, r.Authority, r.Path}); got != *c.want {
			t.Errorf("%q: %+v\nwant %+v", c.line, got, *c.want)
		}
		if got := string(AppendRequestHead(nil, r)); got != c.line+" HTTP/1.1\r\nHost: x\r\n\r\n" {
			t.Errorf("%q is sent as %q", c.line, got)
		}
	}
}

func TestChangedRequestsArePrintedFromTheirParts(t *testing.T) {
	parse := func(s string) *flow.Request {
		r, _, err := ParseRequestHead(s+" HTTP/1.1\r\nHost: h\r\n\r\n", Tolerant, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, c := range []struct {
		r      *flow.Request
		change func(*flow.Request)
		want   string
	}{
		{parse("GET HTTP://h/a"), func(r *flow.Request) { r.Form = flow.OriginForm }, "GET /a HTTP/1.1"},
		{parse("GET HTTP://h/a"), func(r *flow.Request) { r.Path = "/b" }, "GET http://h/b HTTP/1.1"},
		{parse("GET HTTP://h/a"), func(r *flow.Request) { r.Method = "POST" }, "POST http://h/a HTTP/1.1"},
		{parse("GET HTTP://h/a"), func(r *flow.Request) { r.Scheme = "https" }, "GET https://h/a HTTP/1.1"},
		{parse("GET HTTP://h/a"), func(r *flow.Request) { r.Version = flow.HTTP10 }, "GET http://h/a HTTP/1.0"},
		{parse("GET HTTP://h/a"), func(r *flow.Request) { r.Authority = "" }, "GET http://h/a HTTP/1.1"},
		{parse("OPTIONS http://h"), func(r *flow.Request) { r.Form = flow.OriginForm }, "OPTIONS * HTTP/1.1"},
		{parse("CONNECT [::1]:1"), func(r *flow.Request) { r.Authority = "" }, "CONNECT [::1]:1 HTTP/1.1"},
		{parse("GET /a"), func(r *flow.Request) { r.Path = "" }, "GET / HTTP/1.1"},
		{parse("GET /a"), func(r *flow.Request) { r.Version = flow.HTTP2 }, "GET /a HTTP/1.1"},
	} {
		c.change(c.r)
		got, _, _ := strings.Cut(string(AppendRequestHead(nil, c.r)), "\r\n")
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestHeadLimits(t *testing.T) {
	long := strings.Repeat("x", 100)
	lim := Limits{Line: 80, Head: 400, Fields: 5}
	for _, c := range []struct {
		name, head string
		request    int
	}{
		{"request line", "GET /" + long + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
		{"field line", "GET / HTTP/1.1\r\nHost: a\r\nX: " + long + "\r\n\r\n", 431},
		{"fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a: b\r\n", 5) + "\r\n", 431},
		{"folds count as lines", "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n" + strings.Repeat(" b\r\n", 5) + "\r\n", 431},
	} {
		if _, _, err := ParseRequestHead(c.head, Tolerant, lim); statusOf(err) != c.request {
			t.Errorf("%s: %v, want %d", c.name, err, c.request)
		}
		head := strings.Replace(c.head, " HTTP/1.1\r\n", "\r\n", 1)
		head = strings.Replace(head, "GET ", "HTTP/1.1 200 ", 1)
		if _, _, err := ParseResponseHead(head, Tolerant, lim); statusOf(err) != 502 {
			t.Errorf("%s in a response: %v, want 502", c.name, err)
		}
	}
	var scan headScan
	if _, err := scan.scan([]byte("GET / HTTP/1.1\r\n"+strings.Repeat("abcdefghi\r\n", 40)), flow.ToServer, lim); statusOf(err) != 431 {
		t.Errorf("a head that does not end: %v, want 431", err)
	}
	scan = headScan{}
	if _, err := scan.scan([]byte(strings.Repeat("\r\n", 9)), flow.ToServer, lim); statusOf(err) != 400 {
		t.Errorf("blank lines without end: %v, want 400", err)
	}
}

func TestHeadScanFindsTheEndAtEverySplit(t *testing.T) {
	const head = "\r\nGET / HTTP/1.1\r\nHost: a\nX: y\r\n\n"
	for cut := range len(head) {
		var scan headScan
		b := []byte(head + "rest")
		if n, err := scan.scan(b[:cut], flow.ToServer, Limits{}.withDefaults()); n != 0 || err != nil {
			t.Fatalf("cut at %d: %d, %v", cut, n, err)
		}
		if n, err := scan.scan(b, flow.ToServer, Limits{}.withDefaults()); n != len(head) || err != nil {
			t.Fatalf("cut at %d: %d, %v; want %d", cut, n, err, len(head))
		}
	}
}
