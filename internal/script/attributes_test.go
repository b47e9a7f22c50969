package script

import (
	"context"
	"strings"
	"testing"

	"midstream/flow"
	"midstream/hook"
)

// evaluate runs statements in a request hook (in: the head and body of a POST)
// and returns what they return, as text.
func evaluate(t *testing.T, event, code string, change func(*hook.Exchange)) (x *hook.Exchange, got string) {
	t.Helper()
	r := newRig(t, "s.js", "function "+event+"(flow) { const req = flow.request, res = flow.response, h = req.headers; console.log((() => { "+code+" })()) }")
	r.host.SetTimeout(0) // a machine that is slow is no fault
	x, ctl := r.exchange()
	x.Number = 7
	x.Request.Trailers = flow.Fields{{Name: "X-T", Value: "1"}}
	if change != nil {
		change(x)
	}
	ctl.Settle(&x.Request.Body, hook.Editable, bodyBytes{[]byte("a=1&b=2&a=%C3%A9+x")}, 0, nil)
	var err error
	switch event {
	case "request":
		err = r.set.Request(context.Background(), x)
	case "response":
		answer(x, 200, "Content-Type", "text/plain", "Set-Cookie", `s="a b"; Path=/; Secure`, "Set-Cookie", "t=1")
		ctl.Settle(&x.Response.Body, hook.Editable, bodyBytes{[]byte(`{"a":[1,"é"]}`)}, 0, nil)
		err = r.set.Response(context.Background(), x)
	}
	if err != nil {
		t.Fatal(err)
	}
	if log := r.log.String(); strings.Contains(log, "addon failed") {
		return x, "FAILED " + log[strings.Index(log, "err="):]
	}
	return x, strings.TrimSuffix(r.out.String(), "\n")
}

func TestRequestAttributes(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		// flow
		{"return flow.id.length", "36"},
		{"return flow.number", "7"},
		{"return flow.type", "http"},
		{"return flow.response", "null"},
		{"return flow.error", "null"},
		{"return flow.is_replay", "null"},
		{"return flow.live && flow.killable", "true"},
		{"return flow.timestamp_start", "100.5"},
		{"return flow.request === flow.request", "true"},
		{"flow.mine = {a: 1}; return flow.mine.a", "1"},
		{"return 'mine' in flow || 'request' in flow", "true"},
		{"return String(flow)", "<HTTPFlow Request(GET http://example.test/path?q=1)>"},
		{"flow.marked = true; return flow.marked", ":red_circle:"},
		{"flow.marked = 'X'; return flow.marked", "X"},
		{"flow.comment = 'c'; return flow.comment", "c"},
		{"flow.metadata.a = {b: 1}; return flow.metadata.a.b + Object.keys(flow.metadata)", "1a"},
		{"flow.kill(); return flow.killable", "false"},
		{"flow.kill(); try { flow.kill() } catch (e) { return e.message }", "ControlException: flow is not killable"},
		{"return flow.server_conn.address", "[\"example.test\", 80]"},
		{"return flow.server_conn.via", "null"},
		{"return flow.server_conn === flow.server_conn && flow.server_conn.peername", "null"},
		{"flow.server_conn.via = 'https://u:p@[::1]:81'; return flow.server_conn.via", "[\"https\", [\"::1\", 81]]"},
		{"flow.server_conn.via = ['http', ['p.test', 3128]]; return flow.server_conn.via", "[\"http\", [\"p.test\", 3128]]"},
		{"flow.server_conn.via = 'p'; flow.server_conn.via = null; return flow.server_conn.via", "null"},
		{"try { flow.server_conn.via = 'ftp://u:hunter2@p' } catch (e) { return e.message }", "ValueError: scheme \"ftp\" of the parent proxy is not http or https"},
		{"try { flow.server_conn.via = ['ftp', ['p', 1]] } catch (e) { return e.message }", "the scheme of via is http or https"},
		{"try { flow.client_conn.via = 'p' } catch (e) { return e.message.slice(0, 12) }", "RuntimeError"},
		{"return flow.client_conn.peername.join(':')", "192.0.2.1:4000"},
		{"return flow.client_conn.address[1] + flow.client_conn.sockname[1]", "12080"},
		{"return flow.client_conn === flow.client_conn && flow.client_conn.tls", "false"},
		{"return flow.client_conn.sni", "null"},
		{"try { flow.client_conn.address = ['a', 1] } catch (e) { return e.message.slice(0, 12) }", "RuntimeError"},
		// head
		{"return req.method", "GET"},
		{"req.method = 'post'; return req.method", "POST"},
		{"return req.url", "http://example.test/path?q=1"},
		{"return req.pretty_url", "http://example.test/path?q=1"},
		{"h.host = 'shown.test:99'; return req.pretty_url + ' ' + req.pretty_host", "http://shown.test:99/path?q=1 shown.test"},
		{"return [req.scheme, req.host, req.port, req.path]", "[\"http\", \"example.test\", 80, \"/path?q=1\"]"},
		{"return req.host_header", "example.test"},
		{"req.host_header = null; return req.host_header", "null"},
		{"return req.authority === '' && req.first_line_format", "relative"},
		{"return req.http_version + req.is_http11 + req.is_http2", "HTTP/1.1truefalse"},
		{"return req.timestamp_start + ' ' + req.timestamp_end", "100.5 null"},
		{"req.host = 'b.test'; return req.url + ' ' + h.host", "http://b.test/path?q=1 b.test"},
		{"req.port = 8080; return h.host", "example.test:8080"},
		{"req.scheme = 'https'; return h.host + ' ' + req.url", "example.test https://example.test:80/path?q=1"},
		{"req.url = 'https://Other.test/x?y=1'; return [req.scheme, req.host, req.port, req.path, h.host].join()", "https,other.test,443,/x?y=1,other.test"},
		{"try { req.url = '/x' } catch (e) { return e.message }", `ValueError: no host in URL "/x"`},
		{"try { req.url = 'http://é.test/' } catch (e) { return e.message.slice(0, 10) }", "ValueError"},
		{"try { req.port = '80' } catch (e) { return e.name }", "TypeError"},
		{"try { req.port = 70000 } catch (e) { return e.name }", "RangeError"},
		{"try { req.path = '/a\\r\\nX: y' } catch (e) { return e.name }", "TypeError"},
		{"try { req.pretty_url = 'x' } catch (e) { return e.message }", "request.pretty_url cannot be set"},
		{"req.headers = {'A': '1', 'B': ['2', '3']}; return h.items(true).join(';')", "A,1;B,2;B,3"},
		{"req.anticomp(); return h['accept-encoding']", "identity"},
		{"h['If-None-Match'] = 'x'; req.anticache(); return 'if-none-match' in h", "false"},
		{"h['Accept-Encoding'] = 'gzip, sdch, br'; req.constrain_encoding(); return h['Accept-Encoding']", "gzip, br"},
		{"return req.trailers['x-t']", "1"},
		{"req.trailers = null; return req.trailers", "null"},
		// query, cookies, path
		{"return req.query.q + req.query.get('none')", "1null"},
		{"req.query.q = 'é b'; return req.path", "/path?q=%C3%A9+b"},
		{"req.query.add('q', 2); return req.path + ' ' + req.query.q + req.query.get_all('q')", "/path?q=1&q=2 11,2"},
		{"req.query = {a: 1, b: '2'}; return req.path", "/path?a=1&b=2"},
		{"req.query = [['a', '1'], ['a', '2']]; return req.path", "/path?a=1&a=2"},
		{"delete req.query.q; return req.path", "/path"},
		{"req.query.clear(); return req.path", "/path"},
		{"return 'Q' in req.query", "false"},
		{"h.cookie = 'a=1; b=\"x y\"'; return req.cookies.a + req.cookies.b", "1x y"},
		{"h.cookie = 'a=1; b=2'; req.cookies.c = 'x;y'; return h.cookie", `a=1; b=2; c="x;y"`},
		{"req.cookies = {a: '1', b: '2'}; return h.Cookie", "a=1; b=2"},
		{"req.path = '/a/b%20c//d?x'; return req.path_components.join('|')", "a|b c|d"},
		{"req.path_components = ['x y', 'a/b']; return req.path", "/x%20y/a%2Fb?q=1"},
		// body
		{"return bytes.text(req.content)", "a=1&b=2&a=%C3%A9+x"},
		{"return req.content instanceof Uint8Array", "true"},
		{"return req.text.length + req.get_text().length + req.raw_content.length", "54"},
		{"req.text = 'héé'; return bytes.text(req.content).length + ' ' + h['content-length']", "3 3"},
		{"req.text = '€'; return h['content-type'] + ' ' + h['content-length']", "text/plain; charset=utf-8 3"},
		{"req.content = new Uint8Array([65]); return req.text", "A"},
		{"try { req.content = 'text' } catch (e) { return e.message }", "content takes a Uint8Array, not a string; use text for that"},
		{"req.content = null; return req.content.length", "0"},
		{"h['Content-Encoding'] = 'gzip'; req.text = 'abc'; return req.raw_content[0] + ' ' + req.text", "31 abc"},
		{"h['Content-Encoding'] = 'nope'; req.text = 'abc'; return ('content-encoding' in h) + req.text", "falseabc"},
		{"h['Content-Encoding'] = 'nope'; return req.get_content(false).length", "18"},
		{"h['Content-Encoding'] = 'nope'; try { return req.content } catch (e) { return 'thrown' }", "thrown"},
		{"req.encode('gzip'); return h['content-encoding'] + req.raw_content[0]", "gzip31"},
		{"req.encode('gzip'); req.decode(); return ('content-encoding' in h) + req.text", "falsea=1&b=2&a=%C3%A9+x"},
		{"try { req.encode('nope') } catch (e) { return e.message.slice(0, 10) + ('content-encoding' in h) }", "ValueErrorfalse"},
		{"try { req.json() } catch (e) { return e.name }", "SyntaxError"},
		{"h['content-type'] = 'application/x-www-form-urlencoded'; return req.urlencoded_form.items(true).join(';')", "a,1;b,2;a,é x"},
		{"return req.urlencoded_form.items().length", "0"},
		{"req.urlencoded_form = {x: '1 2'}; return req.text + ' ' + h['content-type']", "x=1+2 application/x-www-form-urlencoded"},
		{"req.multipart_form = [['f', 'v']]; return bytes.text(req.multipart_form.f) + h['content-type'].slice(0, 19)", "vmultipart/form-data"},
		{"return req.stream", "false"},
	} {
		if _, got := evaluate(t, "request", c.code, nil); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.code, got, c.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"return h['ACCEPT']", "a, b"},
		{"return h['none']", "undefined"},
		{"return h.get('none') + h.get('none', 'd')", "nulld"},
		{"return h.get_all('accept').join('|')", "a|b"},
		{"return 'hOST' in h && !('x' in h)", "true"},
		{"return h.keys().join()", "Host,User-Agent,Accept"},
		{"return Object.keys(h).join()", "Host,User-Agent,Accept"},
		{"return h.keys().includes('host')", "false"},
		{"return h.items().map(p => p[1]).join()", `example.test,t,a, b`},
		{"return h.items({multi: true}).length + h.items(true).length", "8"},
		{"return h.values().length + h.values(true).length", "7"},
		{"let n = 0; for (const [k, v] of h) n += k.length + v.length; return n", "37"},
		{"h['accept'] = 'z'; return h.items(true).join(';')", "Host,example.test;User-Agent,t;Accept,z"},
		{"h['X-New'] = 'é'; return h['x-new']", "é"},
		{"h['X-N'] = 1; return h['x-n']", "1"},
		{"try { h['X'] = null } catch (e) { return e.name }", "TypeError"},
		{"try { h['X'] = 'a\\nb' } catch (e) { return e.name }", "TypeError"},
		{"try { h['a b'] = 'x' } catch (e) { return e.name }", "TypeError"},
		{"delete h.accept; return [h.items(true).length, 'accept' in h]", "[2, false]"},
		{"return delete h.none", "true"},
		{"h.set_all('Accept', ['1', '2', '3']); return h.items(true).map(p => p.join('=')).join()", "Host=example.test,User-Agent=t,Accept=1,accept=2,Accept=3"},
		{"h.add('Accept', 'c'); return h.get_all('accept').join()", "a,b,c"},
		{"h.insert(0, 'First', '1'); return h.keys()[0]", "First"},
		{"h.insert(-1, 'L', '1'); return h.items(true)[3][0]", "L"},
		{"return h.pop('accept') + h.pop('accept', 'd')", "a, bd"},
		{"h.update({A: '1', host: 'x'}); return h.A + h.Host", "1x"},
		{"return h.setdefault('Host', 'n') + h.setdefault('N', 'n')", "example.testn"},
		{"const c = h.copy(); c.Host = 'x'; return h.Host + c.Host", "example.testx"},
		{"h.clear(); return h.keys().length", "0"},
		{"return String(h)", "Host: example.test\r\nUser-Agent: t\r\nAccept: a\r\naccept: b\r\n"},
		{"return 'constructor' in h", "false"},
		{"h.set_all('get', ['x']); return typeof h.get + h.get('get')", "functionx"},
		{"try { h.get = 'x' } catch (e) { return e.name }", "TypeError"},
		{"return JSON.stringify(new Headers({a: '1'})) + new http.Headers([['b', '2']]).b", `{"a":"1"}2`},
	} {
		if _, got := evaluate(t, "request", c.code, nil); got != c.want {
			t.Errorf("%s\n got  %q\n want %q", c.code, got, c.want)
		}
	}
}

func TestUndecodableOctetsComeBack(t *testing.T) {
	x, got := evaluate(t, "request", "const v = h['X-Raw']; h['X-Copy'] = v; return v.charCodeAt(1).toString(16)",
		func(x *hook.Exchange) { x.Request.Fields.Add("X-Raw", "a\xffb") })
	if got != "dcff" || x.Request.Fields.Get("X-Copy") != "a\xffb" {
		t.Errorf("got %s, copy %q", got, x.Request.Fields.Get("X-Copy"))
	}
}

func TestResponseAttributes(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"return res.status_code + res.reason + res.http_version", "200OKHTTP/1.1"},
		{"res.status_code = 404; return res.reason", "OK"},
		{"try { res.status_code = '404' } catch (e) { return e.name }", "TypeError"},
		{"try { res.status_code = 99 } catch (e) { return e.name }", "RangeError"},
		{"res.reason = 'Fine'; return String(res)", "Response(200 Fine)"},
		{"return JSON.stringify(res.json())", `{"a":[1,"é"]}`},
		{"return res.text", `{"a":[1,"Ã©"]}`},
		{"res.headers['content-type'] = 'application/json'; return res.text", `{"a":[1,"é"]}`},
		{"return res.cookies.s[0] + res.cookies.s[1].path + res.cookies.s[1].secure", "a b/null"},
		{"return res.cookies.keys().join()", "s,t"},
		{"res.cookies.n = ['v', {Path: '/x', HttpOnly: true}]; return res.headers.get_all('set-cookie')[2]", "n=v; Path=/x; HttpOnly"},
		{"res.cookies = {a: 'b'}; return res.headers.get_all('set-cookie').join()", "a=b"},
		{"res.trailers = {'X-T': 'v'}; return res.trailers['x-t']", "v"},
		{"return res.trailers", "null"},
		{"flow.response = Response.make(404); return flow.response.reason + flow.response.headers['content-length']", "Not Found0"},
		{"flow.response = Response.make(200, 'é'); return flow.response.raw_content.length", "1"},
		{"flow.response = Response.make(200, '€'); return flow.response.raw_content.length + flow.response.headers['content-type']", "3text/plain; charset=utf-8"},
		{"flow.response = http.Response.make(200, new Uint8Array([1, 2]), {A: 'b'}); return flow.response.headers.A + flow.response.content.length", "b2"},
		{"return Response.make(599).reason === ''", "true"},
		{"return Response.make(200, 'x', {'Content-Encoding': 'gzip'}).raw_content[0]", "31"},
		{"try { Response.make(200, null) } catch (e) { return e.name }", "TypeError"},
		{"try { Response.make('200') } catch (e) { return e.name }", "TypeError"},
		{"try { flow.response = 'x' } catch (e) { return e.name }", "TypeError"},
		{"try { flow.response = null } catch (e) { return e.name }", "TypeError"},
		{"const r = Response.make(200, 'a'); flow.response = r; r.text = 'b'; return flow.response.text + (flow.response === r)", "btrue"},
	} {
		if _, got := evaluate(t, "response", c.code, nil); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.code, got, c.want)
		}
	}
}

func TestGlobals(t *testing.T) {
	for _, c := range []struct{ code, want string }{
		{"return new TextDecoder().decode(new TextEncoder().encode('é€'))", "é€"},
		{"const d = new TextDecoder(); return d.decode(new Uint8Array([0xe2, 0x82]), {stream: true}) + d.decode(new Uint8Array([0xac]))", "€"},
		{"return new TextDecoder('latin1').decode(new Uint8Array([0xe9]))", "é"},
		{"try { new TextDecoder('utf-8', {fatal: true}).decode(new Uint8Array([0xff])) } catch (e) { return e.name }", "TypeError"},
		{"try { new TextDecoder('nope') } catch (e) { return e.name }", "RangeError"},
		{"return atob(btoa('\\xff\\x00a')).charCodeAt(0)", "255"},
		{"try { btoa('€') } catch (e) { return 'no' }", "no"},
		{"const u = new URL('../b?x=1#h', 'https://User:p@Host.test:8443/a/c/'); return u.href + ' ' + u.host", "https://User:p@host.test:8443/a/b?x=1#h host.test:8443"},
		{"const u = new URL('http://h/'); u.searchParams.append('a', 'b c'); u.pathname = 'x'; u.port = '80'; return u.href + u.origin", "http://h/x?a=b+chttp://h"},
		{"try { new URL('/x') } catch (e) { return e.name }", "TypeError"},
		{"return new URLSearchParams({a: 1, b: 'é'}).toString()", "a=1&b=%C3%A9"},
		{"return [...new URLSearchParams('?a=1&a=2')].join(';')", "a,1;a,2"},
		{"const a = {d: new Date(5), m: new Map([[1, [2]]])}; a.self = a; const b = structuredClone(a); return b !== a && b.self === b && b.d.getTime() + b.m.get(1)[0]", "7"},
		{"try { structuredClone(() => 1) } catch (e) { return e.name }", "TypeError"},
		{"return bytes.index_of('abc', 'c') + bytes.text(bytes.concat('a', new Uint8Array([98]))) + bytes.equal('a', bytes.from('a'))", "2abtrue"},
		{"return bytes.text(bytes.replace('aXbX', /x/i, '-'))", "a-b-"},
		{"return bytes.text(bytes.decode(bytes.encode('hello', 'br'), 'br'))", "hello"},
		{"return typeof queueMicrotask + typeof setInterval + typeof clearTimeout", "functionfunctionfunction"},
		{"try { stream.replace(/(?<=a)b/, '') } catch (e) { return e.name }", "TypeError"},
		{"return {a: [1, 'x', null], f() {}}", `{a: [1, "x", null], f: [function f]}`},
	} {
		if _, got := evaluate(t, "request", c.code, nil); got != c.want {
			t.Errorf("%s\n got  %s\n want %s", c.code, got, c.want)
		}
	}
}
