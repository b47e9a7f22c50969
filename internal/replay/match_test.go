package replay

import (
	"strings"
	"testing"
	"time"

	"midstream/flow"
)

func TestWhatMustBeTheSame(t *testing.T) {
	base := func() *flow.Request {
		return &flow.Request{Message: flow.Message{Version: flow.HTTP11, Fields: flow.Fields{{Name: "Host", Value: "site.test"}, {Name: "X-Key", Value: "1"}}},
			Method: "GET", Scheme: "http", Host: "192.0.2.1", Port: 80, Path: "/a?x=1&y=2"}
	}
	for name, c := range map[string]struct {
		matching Matching
		change   func(r *flow.Request)
		same     bool
	}{
		"nothing":          {Matching{}, func(*flow.Request) {}, true},
		"method":           {Matching{}, func(r *flow.Request) { r.Method = "POST" }, false},
		"path":             {Matching{}, func(r *flow.Request) { r.Path = "/b?x=1&y=2" }, false},
		"param":            {Matching{}, func(r *flow.Request) { r.Path = "/a?x=1&y=3" }, false},
		"ignored param":    {Matching{IgnoreParams: []string{"y"}}, func(r *flow.Request) { r.Path = "/a?x=1&%79=3" }, true},
		"split param":      {Matching{}, func(r *flow.Request) { r.Path = "/a?x=1%26y=2" }, false},
		"address":          {Matching{}, func(r *flow.Request) { r.Host = "192.0.2.9" }, true},
		"host":             {Matching{}, func(r *flow.Request) { r.Fields.Set("Host", "other.test") }, false},
		"ignored host":     {Matching{IgnoreHost: true}, func(r *flow.Request) { r.Fields.Set("Host", "other.test") }, true},
		"port":             {Matching{}, func(r *flow.Request) { r.Port = 81 }, false},
		"ignored port":     {Matching{IgnorePort: true}, func(r *flow.Request) { r.Port = 81 }, true},
		"scheme":           {Matching{}, func(r *flow.Request) { r.Scheme = "https" }, false},
		"field":            {Matching{}, func(r *flow.Request) { r.Fields.Set("X-Key", "2") }, true},
		"used field":       {Matching{UseFields: []string{"x-key"}}, func(r *flow.Request) { r.Fields.Set("X-Key", "2") }, false},
		"version":          {Matching{}, func(r *flow.Request) { r.Version = flow.HTTP2 }, true},
		"extended CONNECT": {Matching{}, func(r *flow.Request) { r.Method, r.Protocol = "CONNECT", "websocket" }, true},
	} {
		r := base()
		c.change(r)
		if same := c.matching.head(base()) == c.matching.head(r); same != c.same {
			t.Errorf("%s: same %v", name, same)
		}
	}
}

func TestWhichBodiesAreTheSame(t *testing.T) {
	const form, multi = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	part := func(name, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n"
	}
	ignore := Matching{IgnorePayloadParams: []string{"time"}}
	for name, c := range map[string]struct {
		matching Matching
		media    string
		a, b     string
		same     bool
	}{
		"octets":         {Matching{}, "text/plain", "abc", "abc", true},
		"others":         {Matching{}, "text/plain", "abc", "abd", false},
		"form":           {Matching{}, form, "a=1&time=1", "a=1&time=2", false},
		"ignored":        {ignore, form, "a=1&time=1", "a=1&time=2", true},
		"not ignored":    {ignore, form, "a=1&time=1", "a=2&time=1", false},
		"no form":        {ignore, "text/plain", "a=1&time=1", "a=1&time=2", false},
		"parts":          {ignore, multi, part("a", "1") + part("time", "1") + "--b--", part("a", "1") + part("time", "22") + "--b--", true},
		"other parts":    {ignore, multi, part("a", "1") + "--b--", part("a", "2") + "--b--", false},
		"broken parts":   {ignore, multi, "--b\r\nhello", "--b\r\nhallo", false},
		"same but torn":  {ignore, multi, "nothing", "nothing", true},
		"empty and none": {ignore, form, "", "", true},
	} {
		fields := flow.Fields{{Name: "Content-Type", Value: c.media}}
		of := func(s string) sum {
			x := c.matching.newContent(fields)
			for i := range len(s) { // in pieces
				x.Write([]byte{s[i]})
			}
			return x.sum()
		}
		if same := of(c.a) == of(c.b); same != c.same {
			t.Errorf("%s: same %v", name, same)
		}
	}
}

// Clients make up the boundary of a multipart body anew for each request.
func TestABoundaryDoesNotCount(t *testing.T) {
	of := func(m Matching, boundary, body string, step int) sum {
		x := m.newContent(flow.Fields{{Name: "Content-Type", Value: "multipart/form-data; boundary=" + boundary}})
		for body = strings.ReplaceAll(body, "B", boundary); len(body) > step; body = body[step:] {
			x.Write([]byte(body[:step]))
		}
		x.Write([]byte(body))
		return x.sum()
	}
	const body = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1-- --\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n-\r\n--B--\r\n"
	large := strings.Replace(body, "1--", strings.Repeat("x", 2<<20), 1)
	for _, m := range []Matching{{}, {IgnorePayloadParams: []string{"t"}}} {
		for _, text := range []string{body, large, "", "no parts"} {
			want := of(m, "----one", text, 1<<20)
			for _, step := range []int{1, 7, 4096} {
				if got := of(m, "two-", text, step); got != want {
					t.Errorf("%.20q in pieces of %d is another body", text, step)
				}
				if got := of(m, "two-", strings.Replace(text, "1--", "2--", 1)+"z", step); got == want {
					t.Errorf("%.20q in pieces of %d: what is in it does not count", text, step)
				}
			}
		}
	}
}

func TestDatesMoveOn(t *testing.T) {
	fields := flow.Fields{
		{Name: "Date", Value: "Mon, 06 May 2024 12:00:00 GMT"},
		{Name: "expires", Value: "0"},
		{Name: "Last-Modified", Value: "Monday, 06-May-24 11:00:00 GMT"},
		{Name: "Set-Cookie", Value: "a=b; Path=/; Expires=Tue, 07-May-2024 12:00:00 GMT; Secure"},
		{Name: "Set-Cookie", Value: "expires=1; Max-Age=5"},
		{Name: "X-Date", Value: "Mon, 06 May 2024 12:00:00 GMT"},
	}
	refresh(fields, 24*time.Hour)
	for i, want := range []string{
		"Tue, 07 May 2024 12:00:00 GMT", "0", "Tue, 07 May 2024 11:00:00 GMT",
		"a=b; Path=/; Expires=Wed, 08 May 2024 12:00:00 GMT; Secure", "expires=1; Max-Age=5", "Mon, 06 May 2024 12:00:00 GMT",
	} {
		if fields[i].Value != want {
			t.Errorf("%s: %s, want %s", fields[i].Name, fields[i].Value, want)
		}
	}
}
