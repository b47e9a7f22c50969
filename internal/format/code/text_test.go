package code

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/format"
)

// site is a request to https://site.test/ over a version.
func site(version flow.Version, change func(*flow.Flow)) *format.Item {
	it := exchange(443, "GET", "/a", "", "Accept", "*/*", "User-Agent", "x")
	r := it.Flow.Request
	r.Version, r.Scheme, r.Host = version, "https", "site.test"
	r.Fields.Set("Host", "site.test")
	if version >= flow.HTTP2 {
		r.Fields.Del("Host")
		r.Authority = "site.test"
	}
	if change != nil {
		change(it.Flow)
	}
	return it
}

func export(t *testing.T, kind Kind, it *format.Item, o Options) (text string, lost []string, err error) {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out, kind, o)
	lost, err = w.Write(it)
	if closing := w.Close(); closing != nil {
		t.Fatal(closing)
	}
	return out.String(), lost, err
}

func TestALineOfCurlSaysWhereTheRequestWent(t *testing.T) {
	for _, c := range []struct {
		name string
		it   *format.Item
		o    Options
		want string
	}{
		{"HTTP/2", site(flow.HTTP2, nil), Options{}, "curl -H 'Accept: */*' -H 'User-Agent: x' https://site.test/a\n"},
		{"HTTP/1.1 over TLS", site(flow.HTTP11, nil), Options{}, "curl --http1.1 -H 'Accept: */*' -H 'User-Agent: x' https://site.test/a\n"},
		{"HTTP/1.0", site(flow.HTTP10, nil), Options{}, "curl --http1.0 -H 'Accept: */*' -H 'User-Agent: x' https://site.test/a\n"},
		{"HTTP/2 without TLS", site(flow.HTTP2, func(f *flow.Flow) { f.Request.Scheme, f.Request.Port = "http", 80 }), Options{},
			"curl --http2-prior-knowledge -H 'Accept: */*' -H 'User-Agent: x' http://site.test/a\n"},
		{"another host", site(flow.HTTP2, func(f *flow.Flow) { f.Request.Host, f.Request.Port = "192.0.2.1", 8443 }), Options{},
			"curl --connect-to ::192.0.2.1:8443 -H 'Accept: */*' -H 'User-Agent: x' https://site.test/a\n"},
		{"transparent", site(flow.HTTP2, func(f *flow.Flow) {
			f.Request.Host, f.Client = "192.0.2.1", &flow.Conn{Mode: "transparent"}
		}), Options{}, "curl -H 'Accept: */*' -H 'User-Agent: x' https://site.test/a\n"},
		{"transparent, the same address", site(flow.HTTP2, func(f *flow.Flow) {
			f.Request.Host, f.Client = "192.0.2.1", &flow.Conn{Mode: "transparent"}
		}), Options{OriginalIP: true}, "curl --connect-to ::192.0.2.1:443 -H 'Accept: */*' -H 'User-Agent: x' https://site.test/a\n"},
		{"the address that answered", site(flow.HTTP2, func(f *flow.Flow) { f.Server = &flow.Conn{Peer: "[2001:db8::1]:443"} }), Options{OriginalIP: true},
			"curl --connect-to '::[2001:db8::1]:443' -H 'Accept: */*' -H 'User-Agent: x' https://site.test/a\n"},
		{"an address", site(flow.HTTP2, func(f *flow.Flow) { f.Request.Host, f.Request.Authority = "::1", "[::1]" }), Options{},
			"curl --globoff -H 'Accept: */*' -H 'User-Agent: x' 'https://[::1]/a'\n"},
		{"coded", site(flow.HTTP2, func(f *flow.Flow) { f.Request.Fields.Add("accept-encoding", "br") }), Options{},
			"curl -H 'Accept: */*' -H 'User-Agent: x' -H 'accept-encoding: br' --compressed https://site.test/a\n"},
		{"a WebSocket", site(flow.HTTP11, func(f *flow.Flow) {
			f.Request.Fields.Add("Connection", "Upgrade")
			f.Request.Fields.Add("Upgrade", "websocket")
			f.Response = &flow.Response{Status: 101}
		}), Options{}, "curl --http1.1 -H 'Accept: */*' -H 'User-Agent: x' -H 'Connection: Upgrade' -H 'Upgrade: websocket' https://site.test/a\n"},
	} {
		if got, lost, err := export(t, Curl, c.it, c.o); got != c.want || err != nil || lost != nil {
			t.Errorf("%s: %v %v\n%s\nnot\n%s", c.name, lost, err, got, c.want)
		}
	}
}

func TestWhatCannotBeSentIsRefusedWithAReason(t *testing.T) {
	missing := site(flow.HTTP2, func(f *flow.Flow) { f.RequestBody.Reason = "larger than stream_large_bodies" })
	missing.Bodies[0] = nil
	part := site(flow.HTTP2, func(f *flow.Flow) { f.RequestBody.Sent = 9 })
	large := exchange(80, "POST", "/", strings.Repeat("x", maxLiteral+1))
	for _, c := range []struct {
		kind Kind
		it   *format.Item
		want string
	}{
		{Curl, missing, "its request body was not recorded: larger than stream_large_bodies"},
		{Raw, missing, "its request body was not recorded: larger than stream_large_bodies"},
		{Curl, part, "its request body is not whole: 0 of 9 bytes were recorded"},
		{Python, large, "its request body has 1048577 bytes, too many for a line or a program: give a folder for it (--bodies DIR)"},
		{Go, &format.Item{Flow: &flow.Flow{Kind: flow.TCP}}, "it has no request: it is tcp"},
		{Raw, &format.Item{Flow: &flow.Flow{Kind: flow.DNS}}, "it has no request: it is dns"},
		{RawResponse, site(flow.HTTP2, nil), "it has no response"},
		{Curl, exchange(80, "CONNECT", "", ""), "a CONNECT is sent by a tool when it is told of a proxy, and not by itself"},
		{Curl, exchange(80, "GET x", "/", ""), `its method "GET x" is no word`},
		{Curl, exchange(80, "GET", "/\nX: y", ""), "its target has a line end in it or a NUL"},
		{Curl, site(flow.HTTP11, func(f *flow.Flow) { f.Request.Scheme = "javascript" }), `its scheme "javascript" is neither http nor https`},
		{Curl, site(flow.HTTP2, func(f *flow.Flow) { f.Request.Host, f.Request.Authority = "-oProxy", "" }), `its host "-oProxy" cannot stand in a URL`},
		{HTTPie, exchange(80, "M-SEARCH", "/", ""), `its method "M-SEARCH" is none that HTTPie takes: it takes letters only`},
		{Fetch, exchange(80, "TRACE", "/", ""), "fetch sends no TRACE"},
	} {
		text, _, err := export(t, c.kind, c.it, Options{})
		if _, no := errors.AsType[*Unfit](err); !no || err.Error() != c.want || text != "" {
			t.Errorf("%s: %v %q, not %q", c.kind, err, text, c.want)
		}
	}
}

func TestFieldsThatNoToolSendsAreLeftOutAndTold(t *testing.T) {
	it := site(flow.HTTP2, func(f *flow.Flow) {
		f.Request.Fields = append(f.Request.Fields, flow.Field{Name: "X-Line", Value: "a\r\nX-Evil: 1"}, flow.Field{Name: "X Y", Value: "1"}, flow.Field{Name: "X-Nul", Value: "\x00"}, flow.Field{Name: ":path", Value: "/"})
	})
	for _, kind := range []Kind{Curl, HTTPie, Python, Fetch, Go} {
		text, lost, err := export(t, kind, it, Options{})
		if want := "the value of X-Line, which has control characters; a field whose name is no word; the value of X-Nul, which has control characters"; err != nil || strings.Join(lost, "; ") != want {
			t.Errorf("%s: %v %v", kind, lost, err)
		}
		if strings.Contains(text, "Evil") || strings.Contains(text, ":path") {
			t.Errorf("%s: %s", kind, text)
		}
	}
}

func TestALargeBodyIsReadFromAFile(t *testing.T) {
	port, next := origin(t)
	it := exchange(port, "POST", "/", strings.Repeat("0123456789abcdef", maxLiteral/16+1), "Content-Type", "text/plain")
	for _, kind := range []Kind{Curl, HTTPie, Python, Fetch, Go} {
		t.Run(string(kind), func(t *testing.T) { check(t, kind, it, next) })
	}
}

func TestWhatLetsOthersInIsNamed(t *testing.T) {
	it := site(flow.HTTP2, func(f *flow.Flow) {
		f.Request.Path = "/?q=1&token=x"
		f.Request.Fields = append(f.Request.Fields, flow.Field{Name: "authorization", Value: "Bearer x"}, flow.Field{Name: "Cookie", Value: "a=b"})
		f.Response = &flow.Response{Status: 200, Message: flow.Message{Fields: flow.Fields{{Name: "Set-Cookie", Value: "a=b"}}}}
	})
	for kind, want := range map[Kind]string{Curl: "authorization, cookie, token in the query", Raw: "authorization, cookie, token in the query, set-cookie", RawResponse: "set-cookie"} {
		w := NewWriter(io.Discard, kind, Options{})
		if _, err := w.Write(it); err != nil || strings.Join(w.Secrets(), ", ") != want {
			t.Errorf("%s: %q, %v", kind, w.Secrets(), err)
		}
	}
}

func TestRawIsWhatStandsOnTheWire(t *testing.T) {
	it := exchange(80, "POST", "/a", "abc", "x-Odd", "1")
	f := it.Flow
	f.Request.Fields[1].Wire = "x-Odd:1"
	f.Response = &flow.Response{Status: 200, Reason: "OK", Message: flow.Message{Version: flow.HTTP11,
		Fields: flow.Fields{{Name: "Transfer-Encoding", Value: "chunked"}}, Trailers: flow.Fields{{Name: "X-Sum", Value: "1"}}}}
	it.Bodies[1] = format.Octets("hello")
	format.Kept(&f.ResponseBody, 5)
	request := "POST /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\nx-Odd:1\r\nContent-Length: 3\r\n\r\nabc"
	response := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"
	later := site(flow.HTTP2, func(f *flow.Flow) { f.Request.Trailers = flow.Fields{{Name: "t", Value: "1"}} })
	later.Bodies[0] = format.Octets("abc")
	format.Kept(&later.Flow.RequestBody, 3)
	for _, c := range []struct {
		kind Kind
		it   *format.Item
		want string
	}{
		{RawRequest, it, request},
		{RawResponse, it, response},
		{Raw, it, request + "\r\n\r\n" + response},
		{Raw, later, "GET /a HTTP/1.1\r\nHost: site.test\r\nAccept: */*\r\nUser-Agent: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nt: 1\r\n\r\n"},
	} {
		if got, _, err := export(t, c.kind, c.it, Options{}); got != c.want || err != nil {
			t.Errorf("%s: %v\n%q\nnot\n%q", c.kind, err, got, c.want)
		}
	}
}

func TestAFileOfABodyIsNotMadeForOneThatFits(t *testing.T) {
	dir := t.TempDir()
	o := Options{Bodies: func(uint64) (string, io.WriteCloser, error) {
		f, err := os.Create(filepath.Join(dir, "body"))
		return "body", f, err
	}}
	if text, _, err := export(t, Curl, exchange(80, "POST", "/", strings.Repeat("\x00", maxLiteral)), o); err != nil || !strings.HasPrefix(text, `printf '\000`) {
		t.Errorf("%v %.20q", err, text)
	}
	if list, _ := os.ReadDir(dir); len(list) > 0 {
		t.Error("a file was made")
	}
}

func FuzzALineHasNothingThatCannotBeSeen(f *testing.F) {
	f.Add("GET", "/", "X-A", "1", "body")
	f.Add("POST", "/\x1b", "X-B", "'\x1b[201~", "\x00'\n")
	f.Fuzz(func(t *testing.T, method, target, name, value, body string) {
		for _, kind := range []Kind{Curl, HTTPie, Python, Fetch, Go} {
			text, _, err := export(t, kind, exchange(80, method, target, body, name, value), Options{})
			if err == nil && !visible(text, "\n\t") {
				t.Errorf("%s: %q", kind, text)
			}
		}
	})
}
