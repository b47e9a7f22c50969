package http2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2/hpack"

	"midstream/flow"
)

func blockOf(pairs ...string) *fieldBlock {
	var b fieldBlock
	b.init(Limits{}.withDefaults())
	b.begin(b.limits.Head)
	var sb strings.Builder
	enc := hpack.NewEncoder(&sb)
	for i := 0; i < len(pairs); i += 2 {
		enc.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]})
	}
	if err := b.add([]byte(sb.String())); err != nil {
		panic(err)
	}
	return &b
}

func TestRequestHeads(t *testing.T) {
	get := []string{":method", "GET", ":scheme", "https", ":authority", "a.test", ":path", "/p?q"}
	with := func(more ...string) []string { return append(append([]string(nil), get...), more...) }
	replace := func(name, value string) []string {
		c := with()
		for i := 0; i < len(c); i += 2 {
			if c[i] == name {
				c[i+1] = value
			}
		}
		return c
	}
	for _, c := range []struct {
		name    string
		fields  []string
		profile Profile
		fault   string // a part of it; "" is fine
		finding string
	}{
		{"plain", get, Strict, "", ""},
		{"line break in a value", with("a", "x\r\nX: y"), Tolerant, "line break", ""},
		{"NUL in a value", with("a", "x\x00y"), Tolerant, "line break or NUL", ""},
		{"space in a name", with("x y", "z"), Tolerant, "name", ""},
		{"empty name", with("", "z"), Tolerant, "name", ""},
		{"upper case", with("X-A", "z"), Tolerant, "upper-case", ""},
		{"line break in the path", replace(":path", "/a\r\nX: y"), Tolerant, "control character", ""},
		{"space in the path", replace(":path", "/a b"), Tolerant, "path", ""},
		{"empty path", replace(":path", ""), Tolerant, "path", ""},
		{"odd path", replace(":path", "/a#b"), Tolerant, "", TargetOdd},
		{"odd path, strict", replace(":path", "/a#b"), Strict, "percent-encoded", ""},
		{"space in the method", replace(":method", "GET /"), Tolerant, "method", ""},
		{"authority with a path", replace(":authority", "a.test/x"), Tolerant, "authority", ""},
		{"authority with user information", replace(":authority", "u@a.test"), Tolerant, "authority", ""},
		{"port that is none", replace(":authority", "a.test:x"), Tolerant, "authority", ""},
		{"a host of another name", with("host", "b.test"), Tolerant, "two places", ""},
		{"a host that says the same", with("host", "A.test:443"), Strict, "", ""},
		{"space around a value", with("a", " x "), Tolerant, "", FieldSpace},
		{"space around a value, strict", with("a", " x "), Strict, "white space", ""},
		{"Transfer-Encoding", with("transfer-encoding", "chunked"), Tolerant, "HTTP/1", ""},
		{"Connection", with("connection", "close"), Tolerant, "HTTP/1", ""},
		{"TE: trailers", with("te", "trailers"), Strict, "", ""},
		{"TE: gzip", with("te", "gzip"), Tolerant, "HTTP/1", ""},
		{"a pseudo-field twice", with(":path", "/"), Tolerant, "twice", ""},
		{"an unknown pseudo-field", with(":x", "/"), Tolerant, "no pseudo-field", ""},
		{"a pseudo-field behind a field", with("a", "b", ":path", "/"), Tolerant, "follows", ""},
		{"no path", []string{":method", "GET", ":scheme", "https"}, Tolerant, ":scheme and :path", ""},
		{"another scheme", replace(":scheme", "ftp"), Tolerant, "scheme", ""},
		{":protocol that was not agreed upon", with(":protocol", "websocket"), Tolerant, ":protocol", ""},
		{"CONNECT", []string{":method", "CONNECT", ":authority", "a.test:443"}, Strict, "", ""},
		{"CONNECT without a port, which gets an answer", []string{":method", "CONNECT", ":authority", "a.test"}, Strict, "", ""},
		{"CONNECT with a path", []string{":method", "CONNECT", ":authority", "a.test:443", ":path", "/"}, Tolerant, "neither", ""},
		{"two lengths", with("content-length", "1", "content-length", "2"), Tolerant, "lengths", ""},
		{"a length that is none", with("content-length", "+1"), Tolerant, "not a number", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r flow.Request
			_, found, fault := parseRequest(&r, blockOf(c.fields...), c.profile, false)
			if (fault != "") != (c.fault != "") || !strings.Contains(fault, c.fault) {
				t.Errorf("fault %q, want %q", fault, c.fault)
			}
			if c.finding != "" && (len(found) != 1 || found[0].Code != c.finding) {
				t.Errorf("findings %v, want %s", found, c.finding)
			}
			if c.finding == "" && len(found) > 0 {
				t.Errorf("findings %v", found)
			}
		})
	}
}

func TestRequestHeadIsKeptInItsOrder(t *testing.T) {
	var r flow.Request
	_, _, fault := parseRequest(&r, blockOf(":method", "GET", ":authority", "[::1]:8443", ":scheme", "https", ":path", "/p?q",
		"cookie", "a=1", "x-b", "2", "cookie", "b=2", "x-a", "1"), Strict, false)
	if fault != "" {
		t.Fatal(fault)
	}
	if r.Host != "::1" || r.Port != 8443 || r.Path != "/p?q" || r.Scheme != "https" || r.Version != flow.HTTP2 || r.Authority != "[::1]:8443" {
		t.Errorf("%+v", r)
	}
	var names []string
	for _, f := range r.Fields {
		names = append(names, f.Name+"="+f.Value)
	}
	if got := strings.Join(names, " "); got != "cookie=a=1 x-b=2 cookie=b=2 x-a=1" {
		t.Errorf("fields %s", got)
	}
}

func TestResponseHeads(t *testing.T) {
	for _, c := range []struct {
		name    string
		fields  []string
		profile Profile
		fault   string
		finding string
		want    string // the fields
	}{
		{"plain", []string{":status", "200", "a", "b"}, Strict, "", "", "a: b"},
		{"a trailing space", []string{":status", "200", "p3p", "1.mxp _dca "}, Tolerant, "", FieldSpace, "p3p: 1.mxp _dca"},
		{"a trailing space, strict", []string{":status", "200", "p3p", "1.mxp _dca "}, Strict, "white space", "", ""},
		{"an empty name", []string{":status", "200", "", "x", "a", "b"}, Tolerant, "", FieldLineDropped, "a: b"},
		{"an empty name, strict", []string{":status", "200", "", "x"}, Strict, "name", "", ""},
		{"upper case", []string{":status", "200", "X-A", "x"}, Tolerant, "", FieldNameOdd, "x-a: x"},
		{"a line break", []string{":status", "200", "a", "b\nc"}, Tolerant, "line break", "", ""},
		{"Connection", []string{":status", "200", "connection", "close"}, Tolerant, "", FieldConnection, ""},
		{"no status", []string{"a", "b"}, Tolerant, ":status", "", ""},
		{"two of them", []string{":status", "200", ":status", "200"}, Tolerant, ":status", "", ""},
		{"a status that is none", []string{":status", "20"}, Tolerant, "three digits", "", ""},
		{"101", []string{":status", "101"}, Tolerant, "101", "", ""},
		{"a pseudo-field of requests", []string{":status", "200", ":path", "/"}, Tolerant, ":path", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r flow.Response
			_, found, fault := parseResponse(&r, blockOf(c.fields...), c.profile)
			if (fault != "") != (c.fault != "") || !strings.Contains(fault, c.fault) {
				t.Fatalf("fault %q, want %q", fault, c.fault)
			}
			if c.finding != "" && (len(found) != 1 || found[0].Code != c.finding) {
				t.Errorf("findings %v, want %s", found, c.finding)
			}
			var lines []string
			for _, f := range r.Fields {
				lines = append(lines, f.Line())
			}
			if got := strings.Join(lines, "\n"); c.fault == "" && got != c.want {
				t.Errorf("fields %q, want %q", got, c.want)
			}
		})
	}
}

func encoded(e encoder) string {
	var sb strings.Builder
	enc := hpack.NewEncoder(&sb)
	e.encode(enc)
	list, err := hpack.NewDecoder(4096, nil).DecodeFull([]byte(sb.String()))
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, f := range list {
		lines = append(lines, f.Name+": "+f.Value)
	}
	return strings.Join(lines, "\n")
}

func TestRequestsOfHTTP1AreTranslated(t *testing.T) {
	r := &flow.Request{Method: "GET", Scheme: "https", Host: "10.0.0.1", Port: 8443, Path: "/x", Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{
		{Name: "Host", Value: "a.test:8443"}, {Name: "User-Agent", Value: "u"}, {Name: "Connection", Value: "TE"}, {Name: "TE", Value: "trailers, deflate;q=0.5"},
		{Name: "Cookie", Value: "a=1; b=2"}, {Name: "X-Odd-One", Value: "v"}, {Name: "Upgrade", Value: "h2c"}, {Name: "Keep-Alive", Value: "5"},
	}}}
	want := ":method: GET\n:authority: a.test:8443\n:scheme: https\n:path: /x\nuser-agent: u\nte: trailers\ncookie: a=1\ncookie: b=2\nx-odd-one: v"
	if got := encoded(requestEncoder{r: r}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	r = &flow.Request{Method: "CONNECT", Host: "b.test", Port: 443, Form: flow.AuthorityForm}
	if got := encoded(requestEncoder{r: r}); got != ":method: CONNECT\n:authority: b.test:443" {
		t.Errorf("CONNECT: %s", got)
	}
}

// What frames or routes a message does so in front of it only.
func TestFieldsThatAreNoTrailers(t *testing.T) {
	parse := func(profile Profile) (flow.Fields, notes, string) {
		return parseTrailers(&fieldBlock{fields: []hpack.HeaderField{
			{Name: "content-length", Value: "7"}, {Name: "x-sum", Value: "1"}, {Name: "host", Value: "other.test"}, {Name: "trailer", Value: "a"},
		}}, flow.ToServer, profile)
	}
	fs, found, fault := parse(Tolerant)
	if len(fs) != 1 || fs[0].Name != "x-sum" || len(found) != 1 || found[0].Code != TrailerDropped || fault != "" {
		t.Errorf("%v, %v, %q", fs, found, fault)
	}
	if fs, _, fault := parse(Strict); fs != nil || fault != "content-length in the trailer section" {
		t.Errorf("strict: %v, %q", fs, fault)
	}
}
