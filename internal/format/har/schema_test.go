package har

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"midstream/flow"
	"midstream/internal/format"
)

// A shape is what an object of HAR 1.2 has: a name that ends in "?" may be left
// out. Names that begin with "_" are anybody's.
type shape map[string]func(any) string

func aString(v any) string {
	if _, ok := v.(string); !ok {
		return "is no string"
	}
	return ""
}

func aBool(v any) string {
	if _, ok := v.(bool); !ok {
		return "is no boolean"
	}
	return ""
}

// aNumber wants a number from least up; whole ones where whole is 1.
func aNumber(least, whole float64) func(any) string {
	return func(v any) string {
		n, ok := v.(float64)
		if !ok || n < least || whole > 0 && n != math.Trunc(n) {
			return fmt.Sprintf("is %v", v)
		}
		return ""
	}
}

func aTime(v any) string {
	s, _ := v.(string)
	if _, err := time.Parse(time.RFC3339Nano, s); err != nil {
		return "is no time: " + err.Error()
	}
	return ""
}

func anAddress(v any) string {
	s, _ := v.(string)
	if _, err := netip.ParseAddr(s); err != nil {
		return "is no address: " + err.Error()
	}
	return ""
}

func aURL(v any) string {
	s, _ := v.(string)
	if scheme, rest, ok := strings.Cut(s, "://"); !ok || scheme != "http" && scheme != "https" || rest == "" {
		return fmt.Sprintf("%q is no absolute URL", s)
	}
	return ""
}

func oneOf(list ...string) func(any) string {
	return func(v any) string {
		for _, s := range list {
			if v == s {
				return ""
			}
		}
		return fmt.Sprintf("is %v", v)
	}
}

func listOf(each func(any) string) func(any) string {
	return func(v any) string {
		list, ok := v.([]any)
		if !ok {
			return "is no array"
		}
		for i, x := range list {
			if why := each(x); why != "" {
				return fmt.Sprintf("[%d] %s", i, why)
			}
		}
		return ""
	}
}

func (s shape) check(v any) string {
	object, ok := v.(map[string]any)
	if !ok {
		return "is no object"
	}
	for name, check := range s {
		name, optional := strings.CutSuffix(name, "?")
		x, there := object[name]
		if !there && !optional {
			return "has no " + name
		}
		if there {
			if why := check(x); why != "" {
				return "." + name + " " + why
			}
		}
	}
	for name := range object {
		_, known := s[name]
		_, optional := s[name+"?"]
		if !known && !optional && !strings.HasPrefix(name, "_") {
			return "has a " + name + ", which is in no HAR"
		}
	}
	return ""
}

// archiveShape is HAR 1.2.
func archiveShape() shape {
	comment := func(s shape) func(any) string {
		s["comment?"] = aString
		return s.check
	}
	pair := comment(shape{"name": aString, "value": aString})
	cookie := comment(shape{"name": aString, "value": aString, "path?": aString, "domain?": aString, "expires?": aTime, "httpOnly?": aBool, "secure?": aBool})
	program := comment(shape{"name": aString, "version": aString})
	size := aNumber(-1, 1)
	request := comment(shape{"method": aString, "url": aURL, "httpVersion": aString, "cookies": listOf(cookie), "headers": listOf(pair), "queryString": listOf(pair),
		"headersSize": size, "bodySize": size,
		"postData?": comment(shape{"mimeType": aString, "text?": aString,
			"params?": listOf(comment(shape{"name": aString, "value?": aString, "fileName?": aString, "contentType?": aString}))})})
	response := comment(shape{"status": aNumber(0, 1), "statusText": aString, "httpVersion": aString, "cookies": listOf(cookie), "headers": listOf(pair),
		"redirectURL": aString, "headersSize": size, "bodySize": size,
		"content": comment(shape{"size": aNumber(0, 1), "compression?": aNumber(math.Inf(-1), 1), "mimeType": aString, "text?": aString, "encoding?": oneOf("base64")})})
	took := aNumber(0, 0)
	perhaps := func(v any) string {
		if v == -1.0 {
			return ""
		}
		return took(v)
	}
	timings := comment(shape{"blocked?": perhaps, "dns?": perhaps, "connect?": perhaps, "ssl?": perhaps, "send": took, "wait": took, "receive": took})
	entry := comment(shape{"pageref?": aString, "startedDateTime": aTime, "time": took, "request": request, "response": response,
		"cache": shape{"beforeRequest?": nothing, "afterRequest?": nothing, "comment?": aString}.check, "timings": timings, "serverIPAddress?": anAddress, "connection?": aString})
	return shape{"log": comment(shape{"version": oneOf("1.2"), "creator": program, "browser?": program, "entries": listOf(entry), "pages?": listOf(func(any) string { return "is there" })})}
}

func nothing(any) string { return "" }

func TestAnExportIsAHAROfVersion12(t *testing.T) {
	at := time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.FixedZone("", 3600))
	failed := exchange("", "", nil)
	failed.Flow.Response, failed.Flow.Outcome = nil, flow.Outcome{Kind: flow.Failed, Text: "dial server: refused"}
	odd := exchange("a\x01\xffb", "", []byte("x\xff"))
	odd.Flow.Request.Fields = append(odd.Flow.Request.Fields, flow.Field{Name: "Cookie", Value: `bad "cookie; =; a; b=c=d`}, flow.Field{Name: "x\xff", Value: "\x00"})
	odd.Flow.Response.Fields.Add("Set-Cookie", "a=b; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; Secure; Path=/; Domain=x")
	odd.Flow.Response.Fields.Add("Set-Cookie", "c; Expires=never; Max-Age=x")
	odd.Flow.Response.Fields.Add("Location", "\xff")
	odd.Flow.Request.Path = "/%zz?%zz=\xff&&=&a"
	backwards := exchange("text/plain", "br", []byte("not brotli"))
	backwards.Flow.Start, backwards.Flow.End = at, at.Add(-time.Hour)
	backwards.Flow.Request.Start, backwards.Flow.Request.End = at, at.Add(-time.Minute)
	backwards.Flow.Response.Start, backwards.Flow.Response.End = at.Add(-time.Hour), at.Add(-2*time.Hour)
	backwards.Flow.Server = &flow.Conn{Peer: "no address", Start: at, Connected: at.Add(-time.Second), Secured: at.Add(-time.Minute)}
	posted := exchange("text/html", "", []byte("<p>"))
	posted.Flow.Start, posted.Flow.End, posted.Flow.Comment = at, at.Add(time.Second), "look"
	posted.Flow.Request.Method, posted.Bodies[flow.ToServer] = "POST", format.Octets("a=b\xff")
	posted.Flow.Server = &flow.Conn{Peer: "[2001:db8::1]:443", Start: at, Connected: at.Add(time.Millisecond), TLS: &flow.TLS{}, Secured: at.Add(2 * time.Millisecond)}
	format.Kept(&posted.Flow.RequestBody, 4)
	missing := exchange("text/plain", "", nil)
	missing.Bodies = [2]format.Body{}
	asterisk := exchange("", "", nil)
	asterisk.Flow.Request.Method, asterisk.Flow.Request.Path, asterisk.Flow.Request.Form = "OPTIONS", "*", flow.AsteriskForm
	later := exchange("", "", nil)
	later.Flow.Request.Version, later.Flow.Response.Version, later.Flow.Request.Authority = flow.HTTP2, flow.HTTP2, "a.test"
	socket := exchange("", "", nil)
	socket.Flow.Response.Status, socket.Closing = 101, &format.Closing{Known: true, Code: 1000}
	socket.Messages = func(yield func(format.Message, error) bool) {
		_ = yield(format.Message{FromClient: true, Text: true, Content: format.Octets("hi"), Time: at}, nil) && yield(format.Message{Content: format.Octets("\xff"), Time: at}, nil)
	}
	for name, it := range map[string]*format.Item{"plain": exchange("text/plain", "", []byte("x")), "failed": failed, "odd": odd, "backwards": backwards, "posted": posted,
		"missing": missing, "asterisk": asterisk, "later": later, "socket": socket} {
		file, _ := write(t, it)
		var v any
		if err := json.Unmarshal([]byte(file), &v); err != nil {
			t.Errorf("%s: %v\n%s", name, err, file)
			continue
		}
		if why := archiveShape().check(v); why != "" {
			t.Errorf("%s: %s\n%s", name, why, file)
		}
	}
	for _, bad := range []string{`{}`, `{"log":{"version":"1.2","creator":{"name":"x","version":1},"entries":[]}}`, `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[{}]}}`} {
		var v any
		if err := json.Unmarshal([]byte(bad), &v); err != nil || archiveShape().check(v) == "" {
			t.Errorf("%s is taken for a HAR: %v", bad, err)
		}
	}
}

// What other programs leave out, write twice, or write otherwise.
func TestEntriesOfManyProgramsAreRead(t *testing.T) {
	for name, c := range map[string]struct{ entry, content string }{
		"Safari, without timings and sizes": {`{"startedDateTime":"2024-05-06T07:08:09.1Z","time":1,"request":{"method":"GET","url":"https://site.test/a","httpVersion":"HTTP/2","cookies":[],"headers":[],"queryString":[],"headersSize":-1,"bodySize":-1},
			"response":{"status":200,"statusText":"","httpVersion":"HTTP/2","headers":[],"content":{"size":-1,"mimeType":"text/plain","text":"hello"},"_transferSize":5},"cache":{},"timings":{"blocked":-1,"dns":-1,"connect":-1,"ssl":-1,"send":-1,"wait":-1,"receive":-1}}`, "hello"},
		"Firefox, with null and a page": {`{"pageref":"page_1","startedDateTime":"2024-05-06T07:08:09.123+02:00","request":{"bodySize":0,"method":"GET","url":"https://site.test/a","httpVersion":"HTTP/3","headers":[{"name":"Host","value":"site.test"}],"postData":null},
			"response":{"status":200,"statusText":"OK","httpVersion":"HTTP/3","headers":null,"cookies":null,"content":{"mimeType":"text/plain; charset=utf-8","size":5,"text":"hello"},"redirectURL":"","headersSize":1,"bodySize":5},"cache":null,"timings":null,"time":null,"_securityState":"secure","serverIPAddress":null,"connection":null}`, "hello"},
		"Insomnia, numbers as strings": {`{"startedDateTime":"2024-05-06T07:08:09Z","time":12.5,"request":{"method":"GET","url":"https://site.test/a","httpVersion":"HTTP/1.1","cookies":[],"headers":[],"queryString":[],"postData":{"mimeType":""},"headersSize":-1,"bodySize":-1},
			"response":{"status":200,"statusText":"OK","httpVersion":"HTTP/1.1","cookies":[],"headers":[],"content":{"size":5,"mimeType":"","text":"hello"},"redirectURL":"","headersSize":-1,"bodySize":-1},"cache":{},"timings":{"blocked":-1,"dns":-1,"connect":-1,"send":0,"wait":12.5,"receive":0,"ssl":-1},"comment":"Request"}`, "hello"},
		"content without a type":  {`{"request":{"method":"GET","url":"https://site.test/a"},"response":{"status":200,"content":{"text":"hello"}}}`, "hello"},
		"a key that stands twice": {`{"request":{"method":"PUT","method":"GET","url":"https://site.test/x","url":"https://site.test/a"},"response":{"status":500,"status":200,"content":{"text":"no","text":"hello"}}}`, "hello"},
		"an encoding in capitals": {`{"request":{"method":"GET","url":"https://site.test/a"},"response":{"status":200,"content":{"text":"aGVsbG8=","encoding":"BASE64"}}}`, "hello"},
		"the encoding first":      {`{"request":{"method":"GET","url":"https://site.test/a"},"response":{"status":200,"content":{"encoding":"base64","text":"aGVs\r\nbG8="}}}`, "hello"},
	} {
		all, errs := readAll(archive(c.entry))
		if len(errs) > 0 || len(all) != 1 {
			t.Errorf("%s: %v", name, errs)
			continue
		}
		f := all[0].Flow
		if f.Request.Method != "GET" || f.Request.URL() != "https://site.test/a" || f.Response == nil || f.Response.Status != 200 || f.End.Before(f.Start) {
			t.Errorf("%s: %+v %+v", name, f.Request, f.Response)
		}
		if b := all[0].Bodies[flow.ToClient]; b == nil || octetsOf(t, b) != c.content {
			t.Errorf("%s: body %v", name, b)
		}
	}
}
