package addons

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"midstream/flow"
	"midstream/hook"
	"midstream/internal/query"
	"midstream/internal/rule"
)

// built makes the hooks of options, written NAME=VALUE.
func built(t *testing.T, options ...string) (*hook.Set, []*rule.Rule) {
	t.Helper()
	set, list, err := build(options...)
	if err != nil {
		t.Fatal(err)
	}
	return set, list
}

func build(options ...string) (*hook.Set, []*rule.Rule, error) {
	made, err := FromOptions(func(name string) (values []string) {
		for _, o := range options {
			if n, v, _ := strings.Cut(o, "="); n == name {
				values = append(values, v)
			}
		}
		return values
	})
	if err != nil {
		return nil, nil, err
	}
	var list []*rule.Rule
	for _, r := range made {
		ready, err := rule.New(r, Kinds(), query.Folded)
		if err != nil {
			return nil, nil, err
		}
		list = append(list, ready)
	}
	b, err := Build(list, rule.Env{})
	if err != nil {
		return nil, nil, err
	}
	set, err := hook.NewSet(nil, slices.Concat(b.Before, b.After)...)
	return set, list, err
}

// exchange is a GET of a URL with lines of fields.
func exchange(t *testing.T, url string, lines ...string) *hook.Exchange {
	t.Helper()
	head := flow.Request{Message: flow.Message{Version: flow.HTTP11}, Method: "GET"}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		head.Fields.Add(name, value)
	}
	x, _ := hook.NewExchange(head, nil, nil, func() {})
	if err := x.Request.SetURL(url); err != nil {
		t.Fatal(err)
	}
	return x
}

// ask runs the hooks of a request head.
func ask(t *testing.T, set *hook.Set, x *hook.Exchange) *hook.Exchange {
	t.Helper()
	if err := set.RequestHeaders(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	return x
}

// respond gives x a response and runs the hooks of its head.
func respond(t *testing.T, set *hook.Set, x *hook.Exchange, lines ...string) *hook.Exchange {
	t.Helper()
	head := flow.Response{Message: flow.Message{Version: flow.HTTP11}, Status: 200}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		head.Fields.Add(name, value)
	}
	x.Response = hook.NewResponse(head)
	if err := set.ResponseHeaders(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	return x
}

func fields(fs flow.Fields) string {
	var b strings.Builder
	for _, f := range fs {
		b.WriteString(f.Name + ": " + f.Value + "|")
	}
	return b.String()
}

// through runs the rewritings of a body over pieces.
func through(t *testing.T, b *hook.Body, pieces ...string) string {
	t.Helper()
	var in [][]byte
	for _, p := range pieces {
		in = append(in, []byte(p))
	}
	for _, r := range b.Rewritings() {
		var out [][]byte
		tr := r.New()
		emit := func(p []byte) error { out = append(out, bytes.Clone(p)); return nil }
		for _, p := range in {
			if err := tr.Chunk(context.Background(), p, emit); err != nil {
				t.Fatal(err)
			}
		}
		if err := tr.End(context.Background(), emit); err != nil {
			t.Fatal(err)
		}
		in = out
	}
	return string(bytes.Join(in, nil))
}

func codes(x *hook.Exchange) (list []string) {
	for _, f := range x.Findings() {
		list = append(list, f.Code)
	}
	return list
}

func TestSpecsThatAreWrongSayWhy(t *testing.T) {
	for _, c := range []struct{ option, want string }{
		{"modify_body=/a", `option modify_body: "/a": it has 1 parts between its separators /, and 2 or 3 are wanted`},
		{"modify_body=/(/x", `option modify_body: rule "modify_body option 1": pattern "(": `},
		{"modify_body=/a/\\9", `there is no group 9`},
		{"modify_body=|a|@/nowhere", `replace: read the replacement`},
		{"modify_headers=/a b/c", `"a b" is no name of a field`},
		{"modify_headers=/a/x\\ny", `it has a line end or NUL in it`},
		{"block_list=/404", `/FILTER/STATUS`},
		{"block_list=/~q/99", `status "99" is none`},
		{"fault=/~b x/status:code=503", `the filter asks for bodies, and fault decides when a head has come`},
		{"stickyauth=~bq x", `the filter asks for bodies, and stickyauth decides when a head has come`},
		{"map_remote=/~/x/y", `filter: column 1`},
		{"map_local=|x|/nowhere/at/all", `path: stat`},
		{"fault=/~q/melt", `there is no fault "melt"`},
		{"stickycookie=~zz", `filter: column 1`},
	} {
		if _, _, err := build(c.option); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want %s", c.option, err, c.want)
		}
	}
}

func TestModifyHeaders(t *testing.T) {
	file := filepath.Join(t.TempDir(), "agent")
	if err := os.WriteFile(file, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	set, list := built(t, "modify_headers=/~q/X-One/1", "modify_headers=/~q/X-One/2", "modify_headers=/~q/X-Gone/", "modify_headers=|User-Agent|@"+file,
		"modify_headers=/~s & ~hs x-only/X-Seen/yes", "modify_headers=/~hq x-gone/X-Was-There/yes")
	x := ask(t, set, exchange(t, "http://a.test/", "x-one: 0", "X-Gone: x"))
	if got, want := fields(x.Request.Fields), "x-one: 1|X-One: 2|User-Agent: from a file|X-Was-There: yes|"; got != want {
		t.Errorf("request %s, want %s", got, want)
	}
	if err := os.WriteFile(file, []byte("two\nlines"), 0o600); err != nil {
		t.Fatal(err)
	}
	respond(t, set, x, "X-Only: 1", "X-One: 0")
	if got, want := fields(x.Response.Fields), "X-Only: 1|X-One: 0|X-Seen: yes|"; got != want || !slices.Contains(codes(x), "addon-error") {
		t.Errorf("response %s, want %s; %v", got, want, codes(x))
	}
	if list[0].Hits() != 1 || list[4].Hits() != 1 {
		t.Errorf("hits %d, %d", list[0].Hits(), list[4].Hits())
	}
}

func TestModifyBodyOnPieces(t *testing.T) {
	set, list := built(t, `modify_body=/~s/secret (\w+)/[\1]`, `modify_body=/~s & ~d other/x/y`, `modify_body=/~q/a/b`)
	x := ask(t, set, exchange(t, "http://a.test/"))
	respond(t, set, x, `ETag: "1"`)
	if got := through(t, &x.Response.Body, "a sec", "ret on", "e two"); got != "a [one] two" {
		t.Errorf("response %q", got)
	}
	if got := through(t, &x.Request.Body, "aab"); got != "bbb" {
		t.Errorf("request %q", got)
	}
	if list[0].Hits() != 1 || list[1].Hits() != 0 || list[2].Hits() != 1 {
		t.Errorf("hits %d %d %d", list[0].Hits(), list[1].Hits(), list[2].Hits())
	}
	if got := codes(x); !slices.Equal(got, []string{"body-modified", "stale-etag", "body-modified"}) {
		t.Errorf("findings %v", got)
	}
}

// What is in a file is put in as it is: JSON and scripts are full of backslashes.
func TestModifyBodyWithAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new")
	text := "{\"a\": \"\\u003c\\n\\1 \\q\"}\r\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, _ := built(t, "modify_body=|~s|(old)|@"+file)
	x := ask(t, set, exchange(t, "http://a.test/"))
	respond(t, set, x)
	if got := through(t, &x.Response.Body, "an ol", "d one"); got != "an "+text+" one" {
		t.Errorf("%q", got)
	}
}

func TestModifyBodyThatNeedsTheWholeHolds(t *testing.T) {
	set, list := built(t, `modify_body=/~s/a(?=b)/x`, `modify_body=/~s/xb/done`)
	x := ask(t, set, exchange(t, "http://a.test/"))
	respond(t, set, x)
	if !strings.Contains(x.Response.Wanted(), "needs the whole body") || len(x.Response.Rewritings()) != 0 {
		t.Fatalf("held for %q", x.Response.Wanted())
	}
	x.Response = hook.MakeResponse(200, nil, []byte("ab ac"))
	if err := set.Response(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	if p, err := x.Response.Content(); string(p) != "done ac" || err != nil || list[0].Hits() != 1 || list[1].Hits() != 1 {
		t.Errorf("%q, %v", p, err)
	}
}

func TestMapRemote(t *testing.T) {
	set, list := built(t, `map_remote=|~m GET|//a\.test/(\w+)|//b.test:8080/\1/v2`, `map_remote=|^http:|https:`)
	x := ask(t, set, exchange(t, "http://a.test/x?q=1", "Host: a.test"))
	if r := x.Request; r.URL() != "https://b.test:8080/x/v2?q=1" || r.Fields.Get("Host") != "b.test:8080" || list[0].Hits() != 1 || list[1].Hits() != 1 {
		t.Errorf("%s %s", r.URL(), fields(r.Fields))
	}
	set, _ = built(t, `map_remote=|http://a.test/|nowhere`)
	if err := set.RequestHeaders(context.Background(), exchange(t, "http://a.test/")); err == nil {
		t.Error("a request went to the server that it was to be taken from")
	}
}

func TestBlockList(t *testing.T) {
	set, list := built(t, "block_list=/~d bad.test/403", "block_list=/~u close/444", `map_remote=|//a.test/|//bad.test/`)
	for _, c := range []struct {
		url    string
		status int
		killed bool
	}{
		{"http://bad.test/", 403, false}, {"http://x.test/close", 0, true}, {"http://ok.test/", 0, false},
		{"http://a.test/", 403, false}, // sent to a blocked one
	} {
		x := ask(t, set, exchange(t, c.url))
		status := 0
		if x.Response != nil {
			status = x.Response.Status
		}
		if status != c.status || x.Killed() != c.killed {
			t.Errorf("%s: %d, killed %v", c.url, status, x.Killed())
		}
	}
	if list[0].Hits() != 2 || list[1].Hits() != 1 {
		t.Errorf("hits %d %d", list[0].Hits(), list[1].Hits())
	}
	// A hook on the whole request sends it to a blocked one.
	x := ask(t, set, exchange(t, "http://ok.test/"))
	x.Request.SetHost("bad.test", 80)
	if err := set.Request(context.Background(), x); err != nil || x.Response == nil {
		t.Errorf("not blocked: %v", err)
	}
}

func TestBlockListClosesRawTunnels(t *testing.T) {
	set, list := built(t, "block_list=/~d ^blocked\\.test$/403", "block_list=/~dst :25$/444", "block_list=/~m POST/403", "block_list=/~d ^late & ~bq x/403", "block_list=/!~d test/403")
	for address, want := range map[string]int{"blocked.test:22": 1, "mail.test:25": 2, "other.test:22": 0, "late.test:22": 0, "[::1]:22": 5} {
		ended := false
		x, ctl := hook.NewExchange(flow.Request{}, nil, nil, func() { ended = true })
		x.Server = &flow.Conn{Address: address}
		ctl.OpenTCP(nil)
		before := make([]uint64, len(list))
		for i, r := range list {
			before[i] = uint64(r.Hits())
		}
		if err := set.TCPStart(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if got := slices.Equal(codes(x), []string{"blocked"}); got != (want > 0) || ended != (want > 0) || x.Killed() != (want > 0) {
			t.Errorf("%s: ended %v, findings %v", address, ended, codes(x))
		}
		for i, r := range list {
			if hit := uint64(r.Hits()) > before[i]; hit != (i == want-1) {
				t.Errorf("%s: rule %d hit %v", address, i+1, hit)
			}
		}
	}
}

func TestAnticacheAndAnticomp(t *testing.T) {
	set, _ := built(t, "anticache=", "anticomp=")
	x := ask(t, set, exchange(t, "http://a.test/", "If-None-Match: x", "if-modified-since: y", "Accept-Encoding: br"))
	if got := fields(x.Request.Fields); got != "Accept-Encoding: identity|" {
		t.Error(got)
	}
}

func TestStickyAuth(t *testing.T) {
	set, _ := built(t, "stickyauth=~u api")
	ask(t, set, exchange(t, "http://a.test/", "Authorization: Basic x"))
	for url, want := range map[string]string{"http://a.test/api": "Basic x", "http://a.test/": "", "http://b.test/api": "", "http://a.test:81/api": ""} {
		if got := ask(t, set, exchange(t, url)).Request.Fields.Get("Authorization"); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestStickyCookie(t *testing.T) {
	set, _ := built(t, "stickycookie=~all")
	respond(t, set, exchange(t, "http://a.b.test/"), "Set-Cookie: one=1; Path=/", "Set-Cookie: two=2; Path=/sub", "Set-Cookie: all=3; Domain=b.test", "Set-Cookie: evil=4; Domain=c.test", "Set-Cookie: old=5; Max-Age=0")
	for url, want := range map[string]string{
		"http://a.b.test/": "one=1; all=3", "http://a.b.test/sub/x": "one=1; two=2; all=3", "http://d.b.test/": "all=3", "http://c.test/": "", "http://a.b.test:81/": "",
	} {
		if got := ask(t, set, exchange(t, url)).Request.Fields.Get("Cookie"); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
	respond(t, set, exchange(t, "http://a.b.test/"), "Set-Cookie: one=; Path=/; Max-Age=0")
	if got := ask(t, set, exchange(t, "http://a.b.test/")).Request.Fields.Get("Cookie"); got != "all=3" {
		t.Errorf("removed: %q", got)
	}
}

func TestStickyCookieAsServersWriteThem(t *testing.T) {
	set, _ := built(t, "stickycookie=~all")
	respond(t, set, exchange(t, "http://a.test/"), `Set-Cookie: j={"x":1, "y":"z"}; Path=/`, `Set-Cookie: q="a b"; Path=/`, "Set-Cookie: flag; Path=/",
		"Set-Cookie: sub=1; Path=/sub", "Set-Cookie: kept=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=600", "Set-Cookie: gone=1; Expires=Fri, 24 Aug 2133 00:00:00 GMT; Max-Age=0")
	for url, want := range map[string]string{
		"http://a.test/": `j={"x":1, "y":"z"}; q="a b"; flag; kept=1`, "http://a.test/subx": `j={"x":1, "y":"z"}; q="a b"; flag; kept=1`,
		"http://a.test/sub?y": `j={"x":1, "y":"z"}; q="a b"; flag; sub=1; kept=1`,
	} {
		if got := ask(t, set, exchange(t, url)).Request.Fields.Get("Cookie"); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestMapLocal(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "site")
	for name, text := range map[string]string{"site/index.html": "<p>", "site/a b.js": "js", "site/sub/index.html": "sub", "site/q_x.txt": "odd", "outside": "no"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(top, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(top, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(top, "outside"), filepath.Join(dir, "link")); err != nil {
		t.Log(err)
	}
	set, _ := built(t, "map_local=|//a.test/static|"+dir, "map_local=|one.test/(.*)/end|"+dir, "map_local=|file.test|"+filepath.Join(top, "outside"))
	for _, c := range []struct {
		url, want, mediaType string
		status               int
		lines                []string
	}{
		{"http://a.test/static/a%20b.js?v=1", "js", "text/javascript; charset=utf-8", 200, nil},
		{"http://a.test/static/", "<p>", "text/html; charset=utf-8", 200, nil},
		{"http://a.test/static/sub", "sub", "text/html; charset=utf-8", 200, nil},
		{"http://a.test/static/q%3Ax.txt", "odd", "text/plain; charset=utf-8", 200, nil},
		{"http://one.test/sub/end", "sub", "text/html; charset=utf-8", 200, nil},
		{"http://file.test/x", "no", "application/octet-stream", 200, nil},
		{"http://a.test/static/none", "", "", 404, nil},
		{"http://a.test/static/..%2foutside", "", "", 404, nil},
		{"http://a.test/static/../outside", "", "", 404, nil},
		{"http://a.test/static/link", "", "", 404, nil},
		{"http://a.test/static/%00", "", "", 404, nil},
		{"http://file.test/", "o", "application/octet-stream", 206, []string{"Range: bytes=1-9"}},
		{"http://file.test/", "o", "application/octet-stream", 206, []string{"Range: bytes=-1"}},
		{"http://file.test/", "n", "application/octet-stream", 206, []string{"Range: bytes=0-0"}},
		{"http://file.test/", "", "", 416, []string{"Range: bytes=2-"}},
		{"http://file.test/", "no", "application/octet-stream", 200, []string{"Range: bytes=0-0,1-1"}},
	} {
		x := ask(t, set, exchange(t, c.url, c.lines...))
		if x.Response == nil {
			t.Errorf("%s: not answered", c.url)
			continue
		}
		r, err := x.Response.Open()
		if err != nil {
			t.Fatal(err)
		}
		p, err := io.ReadAll(r)
		r.Close()
		if string(p) != c.want || err != nil || x.Response.Status != c.status || x.Response.Fields.Get("Content-Type") != c.mediaType {
			t.Errorf("%s %v: %d %q %q %v", c.url, c.lines, x.Response.Status, p, x.Response.Fields.Get("Content-Type"), err)
		}
	}
	if x := ask(t, set, exchange(t, "http://other.test/")); x.Response != nil {
		t.Error("answered for another host")
	}
	head := exchange(t, "http://file.test/", "Range: bytes=0-0")
	head.Request.Method = "HEAD"
	if x := ask(t, set, head); x.Response == nil || x.Response.Status != 200 || x.Response.Fields.Get("Content-Length") != "2" {
		t.Errorf("HEAD: %+v", x.Response)
	}
}

// A rule sees what those before it have made of the request, also where most are
// left out at once.
func TestRulesSeeWhatOthersHaveMade(t *testing.T) {
	var options []string
	for i := range 100 {
		options = append(options, "map_remote=|~d host"+strconv.Itoa(i)+"[.]test|http://host"+strconv.Itoa(i)+"[.]|http://host"+strconv.Itoa(i+1)+".")
	}
	set, list := built(t, options...)
	if got := ask(t, set, exchange(t, "http://host90.test/")).Request.URL(); got != "http://host100.test/" {
		t.Error(got)
	}
	for i, r := range list {
		if want := i >= 90; (r.Hits() == 1) != want {
			t.Errorf("rule %d: %d hits", i, r.Hits())
		}
	}
}

// What sticky rules have seen outlives a reload.
func TestMemoryOutlivesAReload(t *testing.T) {
	memory := new(rule.Memory)
	load := func() *hook.Set {
		var list []*rule.Rule
		for _, kind := range []string{"stickyauth", "stickycookie"} {
			r, err := rule.New(rule.Rule{Name: kind, Do: kind}, Kinds(), query.Folded)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, r)
		}
		b, err := Build(list, rule.Env{Memory: memory})
		if err != nil {
			t.Fatal(err)
		}
		set, err := hook.NewSet(nil, b.After...)
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	first := load()
	ask(t, first, exchange(t, "http://a.test/", "Authorization: Basic x"))
	respond(t, first, exchange(t, "http://a.test/"), "Set-Cookie: a=1")
	if x := ask(t, load(), exchange(t, "http://a.test/")); x.Request.Fields.Get("Authorization") != "Basic x" || x.Request.Fields.Get("Cookie") != "a=1" {
		t.Errorf("%s", fields(x.Request.Fields))
	}
}

func TestStripH3(t *testing.T) {
	set, list := built(t, "strip_h3=")
	x := respond(t, set, exchange(t, "http://a.test/"), `Alt-Svc: h3=":443"`, `Alt-Svc: h3-29=":1", h2="b.test:443"`)
	if got := fields(x.Response.Fields); got != `Alt-Svc: h2="b.test:443"|` {
		t.Error(got)
	}
	if got := fields(respond(t, set, exchange(t, "http://a.test/"), `Alt-Svc: h3=":443"`).Response.Fields); got != "Alt-Svc: clear|" || list[0].Hits() != 2 {
		t.Error(got, list[0].Hits())
	}
}

// Answers of DNS over HTTPS are held and changed, and no others.
func TestStripsInAnswersOfDNS(t *testing.T) {
	var b dnsmessage.HTTPSResource
	b.Priority, b.Target = 1, dnsmessage.MustNewName(".")
	b.SetParam(dnsmessage.SVCParamALPN, []byte("\x02h3\x02h2"))
	b.SetParam(dnsmessage.SVCParamECH, []byte("key"))
	m := dnsmessage.Message{Answers: []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("a.test."), Class: dnsmessage.ClassINET}, Body: &b}}}
	p, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for option, code := range map[string]string{"strip_h3=": "h3-stripped", "strip_ech=": "ech-stripped"} {
		set, list := built(t, option)
		if x := respond(t, set, exchange(t, "http://a.test/"), "Content-Type: text/html"); x.Response.Wanted() != "" {
			t.Errorf("%s: a page is held: %s", option, x.Response.Wanted())
		}
		x := respond(t, set, exchange(t, "http://a.test/dns-query"), "Content-Type: application/dns-message")
		if !strings.Contains(x.Response.Wanted(), "changes answers of DNS") {
			t.Errorf("%s: held for %q", option, x.Response.Wanted())
		}
		x.Response = hook.MakeResponse(200, x.Response.Fields, p)
		if err := set.Response(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if now, err := x.Response.Content(); err != nil || len(now) >= len(p) || list[0].Hits() != 1 || !slices.Contains(codes(x), code) {
			t.Errorf("%s: %d octets of %d, %v, hits %d, %q", option, len(now), len(p), err, list[0].Hits(), codes(x))
		}
	}
}

// Every kind stands where mitmproxy has it, whatever the order of the options.
func TestTheOrderOfKinds(t *testing.T) {
	var names []string
	for i, k := range Kinds() {
		names = append(names, strconv.Itoa(i)+k.Name)
	}
	if got, want := strings.Join(names, " "), "0block_list 1anticache 2anticomp 3map_remote 4map_local 5mock 6modify_body 7modify_headers 8strip_h3 9strip_ech 10stickyauth 11stickycookie 12fault"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzSpecs(f *testing.F) {
	f.Add("modify_body", "/~s/a(b)?/\\1")
	f.Add("modify_headers", "/~q/X/y")
	f.Add("map_remote", "|a|b")
	f.Add("block_list", "/~all/444")
	f.Fuzz(func(t *testing.T, option, value string) {
		if strings.Contains(value, "@") || option == "map_local" || option == "mock" {
			return // no files
		}
		set, _, err := build(option + "=" + value)
		if err != nil {
			if strings.Contains(err.Error(), "\n") && !strings.Contains(value, "\n") {
				t.Fatalf("%q", err)
			}
			return
		}
		x, _ := hook.NewExchange(flow.Request{Scheme: "http", Host: "a.test", Port: 80, Path: "/", Method: "GET"}, nil, nil, func() {})
		set.RequestHeaders(context.Background(), x)
	})
}
