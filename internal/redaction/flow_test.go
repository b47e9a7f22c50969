package redaction

import (
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/internal/engine"
)

// fill puts a text into every string that v has, with the path to it.
func fill(v reflect.Value, path, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), path, text)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), path+"."+v.Type().Field(i).Name, text)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(text))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), path+"[]", text)
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		m.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf(text).Convert(v.Type().Elem()))
		v.Set(m)
	case reflect.String:
		v.SetString(text)
	}
}

// strings that v has, by their paths.
func texts(v reflect.Value, path string, to map[string]string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			texts(v.Elem(), path, to)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			texts(v.Field(i), path+"."+v.Type().Field(i).Name, to)
		}
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if v.Kind() == reflect.Slice {
				to[path] = string(v.Bytes())
			}
			return
		}
		for i := range v.Len() {
			texts(v.Index(i), path+"[]", to)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			to[path+"[]"] += it.Value().String() + it.Key().String()
		}
	case reflect.String:
		to[path] = v.String()
	}
}

// unlooked are texts of a flow that cannot be a credential: names and numbers of
// protocols, addresses of sockets, certificates.
var unlooked = []string{".Client.Peer", ".Client.Local", ".Client.TLS", ".Server.Peer", ".Server.Local", ".Server.TLS", ".Client.HTTP2", ".Server.HTTP2",
	".Request.Scheme", ".Request.Pseudos", ".Request.Via.Scheme", ".Request.Via.Host", ".Findings[].Code", ".Outcome.Phase", ".RPC.Protocol"}

// Every text of a picture is looked at: one that is added to flow.Flow and is not
// fails here.
func TestNoTextOfAFlowIsForgotten(t *testing.T) {
	r := newTest(t, "regex:CANARY-[a-z]+")
	for _, text := range []string{"see CANARY-secret here", "http://h/?a=1&api_key=CANARY-secret", "http://me:CANARY-secret@h/"} {
		f := new(flow.Flow)
		fill(reflect.ValueOf(f).Elem(), "", text)
		found := make(map[string]string)
		texts(reflect.ValueOf(r.Begin().Picture(f)).Elem(), "", found)
		for path, got := range found {
			skip := false
			for _, u := range unlooked {
				skip = skip || strings.HasPrefix(strings.TrimPrefix(path, ".Before"), u)
			}
			if !skip && strings.Contains(got, "CANARY") {
				t.Errorf("%s is %q", path, got)
			}
		}
	}
}

func head(fields ...string) flow.Fields {
	var fs flow.Fields
	for i := 0; i < len(fields); i += 2 {
		fs = append(fs, flow.Field{Name: fields[i], Value: fields[i+1], Wire: fields[i] + ":  " + fields[i+1]})
	}
	return fs
}

func TestHeads(t *testing.T) {
	r := newTest(t)
	f := &flow.Flow{
		Request: &flow.Request{Method: "GET", Path: "/a;jsessionid=sess-123?x=1&API%5fKEY=k%20ey-1&y#access_token=frag-12", Authority: "me:pass-word@h",
			Message: flow.Message{Wire: "GET http://me:pass-word@h/a?api_key=1 HTTP/1.1", Fields: head("Host", "h", "AUTHORIZATION", "Basic dXNlcjpwYXNz", "Referer", "http://u:pw-12345@x/?token=t-123456&z=1",
				"X-Copy", "dXNlcjpwYXNz", "Accept", "*/*", "Sec-WebSocket-Protocol", "realtime, openai-insecure-api-key.sk-12345678")},
			Via: &flow.Via{Scheme: "http", Host: "parent", Port: 1, User: "u", Password: "via-password"}},
		Response: &flow.Response{Status: 302, Reason: "see ?token=abcdefg", Message: flow.Message{Wire: "HTTP/1.1 302 see ?token=abcdefg", Trailers: head("X-Api-Key", "trailer-key"),
			Fields: head("Location", "/cb?code=1&id_token=idt-1234", "Set-Cookie", "s=cookie-value; Path=/", "X-Same", "ok", "Content-Length", "5")}},
		Findings: []flow.Finding{{Code: "x", Text: "the cookie was cookie-value, sent with via-password"}},
		Tries:    []flow.Try{{Error: "proxy http://u:p-123456@h said Authorization: Basic zzz"}},
		Outcome:  flow.Outcome{Kind: flow.Completed},
		Metadata: map[string]string{"token": "short", "a": "cookie-value"},
	}
	before := f.Request.Fields.Clone()
	got := r.Begin().Picture(f)
	for want, has := range map[string]string{
		"/a;jsessionid=«sess-123»?x=1&API%5fKEY=«k ey-1»&y#access_token=«frag-12»": got.Request.Path,
		"«me:pass-word»@h":                                        got.Request.Authority,
		"«Basic dXNlcjpwYXNz»":                                    got.Request.Fields.Get("authorization"),
		"http://«u:pw-12345»@x/?token=«t-123456»&z=1":             got.Request.Fields.Get("referer"),
		"«dXNlcjpwYXNz»":                                          got.Request.Fields.Get("x-copy"),
		"realtime, openai-insecure-api-key.«sk-12345678»":         got.Request.Fields.Get("sec-websocket-protocol"),
		"see ?token=«abcdefg»":                                    got.Response.Reason,
		"/cb?code=1&id_token=«idt-1234»":                          got.Response.Fields.Get("location"),
		"«s=cookie-value; Path=/»":                                got.Response.Fields.Get("set-cookie"),
		"«trailer-key»":                                           got.Response.Trailers.Get("x-api-key"),
		"the cookie was «cookie-value», sent with «via-password»": got.Findings[0].Text,
		"«short»":        got.Metadata["token"],
		"«cookie-value»": got.Metadata["a"],
		"*/*":            got.Request.Fields.Get("accept"),
	} {
		if has != tagged(want) {
			t.Errorf("got %q, want %q", has, tagged(want))
		}
	}
	if e := got.Tries[0].Error; strings.Contains(e, "p-123456") || strings.Contains(e, "zzz") {
		t.Errorf("%q", e)
	}
	if got.Request.Wire != "" || got.Response.Wire != "" || got.Request.Via.Password != "" {
		t.Errorf("%+v %+v", got.Request, got.Response)
	}
	for _, g := range append(got.Request.Fields, got.Response.Fields...) {
		if strings.Contains(g.Value, tagBegin) && g.Wire != "" {
			t.Errorf("%+v", g)
		}
	}
	if g := got.Request.Fields[4]; g.Wire != "Accept:  */*" {
		t.Errorf("what is not changed is not as it came: %+v", g)
	}
	if !f.Request.Fields.Equal(before) || f.Request.Via.Password == "" {
		t.Error("the flow itself was changed")
	}
	last := got.Findings[len(got.Findings)-1]
	if last.Code != Finding || !strings.Contains(last.Text, "the request head") || !strings.Contains(last.Text, "the response head") {
		t.Errorf("%+v", got.Findings)
	}
	if got := newTest(t, "regex:literal").Begin().Picture(&flow.Flow{Request: &flow.Request{Path: "/"}}); len(got.Findings) > 0 {
		t.Errorf("%+v", got.Findings)
	}
	// Nothing is to be said of a flow that has none.
	if got := r.Begin().Picture(&flow.Flow{Request: &flow.Request{Path: "/"}}); len(got.Findings) > 0 {
		t.Errorf("%+v", got.Findings)
	}
}

// Equal credentials have equal tags in one session, whatever their place, and others
// in another session; who has no key cannot make one.
func TestTags(t *testing.T) {
	dir := t.TempDir()
	master, err := Master(filepath.Join(dir, "conf"))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Master(filepath.Join(dir, "conf")); err != nil || string(again) != string(master) {
		t.Fatal("the master key does not stay", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "conf", KeyFile)); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Error(info.Mode(), err)
	}
	tag := func(k Key, secret string) string {
		h := hand{r: New(Default(), k)}
		return string(h.replace([]byte(secret)))
	}
	a, b := master.Session("a"), master.Session("b")
	first, again := tag(a, "secret"), tag(a, "secret")
	one, other := tag(NewKey(), "x"), tag(NewKey(), "x")
	if first != again || first == tag(b, "secret") || first == tag(a, "other") || one == other {
		t.Error("tags")
	}
	r := New(Default(), a)
	f := &flow.Flow{Request: &flow.Request{Path: "/?token=same-one", Message: flow.Message{Fields: head("X-Api-Key", "same-one")}}}
	got := r.Begin().Picture(f)
	content, _ := through(t, r, bodyOf("application/json"), true, `{"password":"same-one"}`)
	if v := got.Request.Fields.Get("x-api-key"); !isTag(v) || got.Request.Path != "/?token="+v || content != `{"password":"`+v+`"}` {
		t.Errorf("%q %q %q", v, got.Request.Path, content)
	}
	for _, text := range []string{"", "zz", strings.Repeat("0", 63)} {
		if err := os.WriteFile(filepath.Join(dir, KeyFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Master(dir); err == nil || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhatCannotBeLookedIntoIsNotKept(t *testing.T) {
	r := newTest(t)
	for name, c := range map[string]struct {
		coding, in, want, err string
	}{
		"an unknown coding": {"dcb", "octets", "", `content coding "dcb", which is not known`},
		"damaged octets":    {"gzip", "these are no octets of gzip", "", "cannot be decoded"},
	} {
		in := bodyOf("application/json")
		in.Fields.Add("Content-Encoding", c.coding)
		got, err := through(t, r, in, true, c.in)
		if got != c.want || err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	long := newTest(t, `regex:begin[^\n]*end`)
	got, err := through(t, long, bodyOf("text/html"), true, "x begin "+strings.Repeat("y", window+10), "y end")
	if err == nil || strings.Contains(got, "y end") || len(got) > window+100 {
		t.Errorf("%d octets, %v", len(got), err)
	}
}

// A body that is broken off does not show the beginning of a credential.
func TestBodiesThatAreBrokenOff(t *testing.T) {
	r := newTest(t, `regex:CANARY-[0-9]{8}`)
	for _, c := range []struct{ contentType, in, want string }{
		{"application/json", `{"password":"se`, `{"password":"«se»"`},
		{"application/json", `{"password":12`, `{"password":"«12»"`},
		{"application/x-www-form-urlencoded", `a=b&password=se`, `a=b&password=«se»`},
		{"text/html", `x CANARY-1234`, `x «CANARY-1234»`},
		{"text/plain", "Cookie: abc", "Cookie: «abc»"},
	} {
		if got, err := through(t, r, bodyOf(c.contentType), false, c.in); got != tagged(c.want) || err != nil {
			t.Errorf("%q became %q, want %q, %v", c.in, got, tagged(c.want), err)
		}
	}
}

func TestLog(t *testing.T) {
	r := newTest(t)
	r.Begin().Picture(&flow.Flow{Request: &flow.Request{Path: "/", Message: flow.Message{Fields: head("Authorization", "Bearer seen-before-1")}}})
	var out strings.Builder
	by := (*Redactor)(nil)
	log := slog.New(Handler(slog.NewTextHandler(&out, nil), func() *Redactor { return by }))
	log.Info("before there is one: ?token=abcdef")
	by = r
	log.With("url", "http://h/?token=abcdef").WithGroup("g").Info("it said seen-before-1", "err", os.ErrNotExist, "field", "Cookie: a=b", slog.Group("n", "x", "?api_key=ghijkl"), "n", 5)
	text := out.String()
	if !strings.Contains(text, "one: ?token=abcdef") || strings.Count(text, "abcdef") != 1 || strings.Contains(text, "seen-before") || strings.Contains(text, "a=b") || strings.Contains(text, "ghijkl") || !strings.Contains(text, "n=5") {
		t.Error(text)
	}
	out.Reset()
	w := Writer(&out, func() *Redactor { return r })
	if n, err := w.Write([]byte("printed seen-before-1\n")); n != 22 || err != nil || out.String() != tagged("printed «seen-before-1»\n") {
		t.Errorf("%d %v %q", n, err, out.String())
	}
	if Writer(nil, nil) != nil {
		t.Error("a writer to nowhere")
	}
}

// A person who changes a flow that is held sends on what was shown as it was.
func TestTheWayBack(t *testing.T) {
	r := newTest(t)
	f := &flow.Flow{Request: &flow.Request{Path: "/?token=to%20ken1", Message: flow.Message{Fields: head("Authorization", "Bearer abc", "X", "y")}}}
	l, seen := r.Live(f)
	shown := seen.Request.Fields
	edited := flow.Fields{{Name: "Authorization", Value: shown[0].Value}, {Name: "X-New", Value: "copy of " + shown[0].Value}}
	back := l.Fields(edited, f.Request.Fields, shown)
	if back[0] != f.Request.Fields[0] || back[1].Value != "copy of Bearer abc" {
		t.Errorf("%+v", back)
	}
	if got := l.Back(seen.Request.Path+"&more=1", InURL); got != "/?token=to+ken1&more=1" {
		t.Error(got)
	}
	content := l.Content(flow.ToServer, flow.Fields{{Name: "Content-Type", Value: "application/json"}}, []byte(`{"password":"a\"b-quoted","x":1}`))
	if strings.Contains(string(content), "quoted") {
		t.Errorf("%s", content)
	}
	if got := l.Back(strings.Replace(string(content), `"x":1`, `"x":2`, 1), Guessed); !strings.Contains(got, `"password":"a\"b-quoted"`) {
		t.Error(got)
	}
	if got := l.Back("[redacted:000000000000]", AsItIs); got != "[redacted:000000000000]" {
		t.Error(got)
	}
}

// Bodies have the lengths in their heads that were recorded.
func TestLengths(t *testing.T) {
	r := newTest(t)
	by := r.Begin()
	f := &flow.Flow{Response: &flow.Response{Message: flow.Message{Fields: head("Content-Type", "application/json", "Content-Length", "18")}}, Outcome: flow.Outcome{Kind: flow.Completed}}
	b := by.Body(engine.Content{Side: flow.ToClient, Fields: f.Response.Fields, Response: f.Response})
	var out string
	keep := func(p []byte) { out += string(p) }
	b.Write([]byte(`{"password":"abc"}`), keep)
	b.End(true, keep)
	f.ResponseBody = flow.Body{Disposition: flow.Tee, Ended: true, Sent: int64(len(out)), Received: 18}
	if got := by.Picture(f).Response.Fields.Get("Content-Length"); got != strconv.Itoa(len(out)) || len(out) == 18 {
		t.Errorf("%s of %q", got, out)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	var m memory
	for i := range 2 * mostKept {
		m.add(strings.Repeat("x", 6)+string(rune('a'+i%26))+strings.Repeat("y", i/26), "t")
	}
	if len(m.order) > mostKept || len(m.tags) != len(m.order) || m.octets > mostOctets {
		t.Errorf("%d in %d octets", len(m.order), m.octets)
	}
	fresh, n := m.since(0)
	if len(fresh) == 0 || n != m.count() {
		t.Error(len(fresh), n)
	}
	if fresh, _ := m.since(n); len(fresh) != 0 {
		t.Error(fresh)
	}
}
