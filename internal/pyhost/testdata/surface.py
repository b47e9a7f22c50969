"""What addons rely on, asserted while the script loads."""
import io as stdio
import typing

from mitmproxy import (addonmanager, certs, command, connection, contentviews, coretypes, ctx, dns, exceptions, flow,
                       flowfilter, hooks, http, io, log, master, net, options, optmanager, script, tcp, tls, types, udp,
                       utils, version, websocket)
from mitmproxy.addons import asgiapp, export, tlsconfig
from mitmproxy.connection import Client, Server
from mitmproxy.contentviews import grpc
from mitmproxy.coretypes import multidict
from mitmproxy.log import ALERT
from mitmproxy.net import encoding
from mitmproxy.net.http import Headers as OldHeaders
from mitmproxy.net.http import status_codes
from mitmproxy.net.server_spec import ServerSpec
from mitmproxy.proxy import layer, layers, server_hooks
from mitmproxy.proxy.layers import TLSLayer
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.tools.dump import DumpMaster
from mitmproxy.tools.main import mitmdump
from mitmproxy.tools.web.master import WebMaster
from mitmproxy.utils import human, spec, strutils


def raises(kind, fn, *args, **kw):
    try:
        fn(*args, **kw)
    except kind as e:
        return str(e)
    raise AssertionError("no {} came".format(kind.__name__))


def raised(kind, fn, *args):
    try:
        fn(*args)
    except kind as e:
        return e
    raise AssertionError("no {} came".format(kind.__name__))


def headers():
    h = http.Headers([(b"Host", b"example.com"), (b"accept", b"a"), (b"Accept", b"b")])
    assert h["ACCEPT"] == "a, b" and h[b"accept"] == "a, b" and h.get("x", 1) == 1
    assert h.get_all("Accept") == ["a", "b"] and "host" in h and "host" not in list(h.keys())
    assert list(h) == ["Host", "accept"] and len(h) == 2 and dict(h) == {"Host": "example.com", "accept": "a, b"}
    assert list(h.items(multi=True))[2] == ("Accept", "b")
    h["Accept"] = "c"
    assert h.fields == ((b"Host", b"example.com"), (b"accept", b"c"))
    h.add("X", "1"), h.insert(0, "First", "0")
    assert bytes(h) == b"First: 0\r\nHost: example.com\r\naccept: c\r\nX: 1\r\n" and bytes(http.Headers()) == b""
    assert h.pop("x") == "1" and h.pop("x", None) is None
    raises(KeyError, lambda: h["x"])
    raises(KeyError, h.__delitem__, "x")
    raises(TypeError, http.Headers, [("a", "b")])
    raises(ValueError, http.Headers, {"content": "b"})
    raises(TypeError, h.__setitem__, "a", 1)
    raises(TypeError, h.__setitem__, "a", None)
    raises(AttributeError, lambda: h.get_first)
    assert http.Headers(host="a", content_type="b")["content-type"] == "b"
    h.set_all("Set-Cookie", ["a=1", "b=2"])
    h.update({"New": "1"})
    assert h.setdefault("New", "2") == "1" and h.copy() == h and h != http.Headers()
    h["bin"] = b"\xff"
    assert h["bin"] == "\udcff" and h.fields[-1] == (b"bin", b"\xff") and OldHeaders is http.Headers


def bodies():
    r = http.Response.make(200, "é", {"Content-Type": "text/plain"})
    assert r.raw_content == b"\xe9" and r.headers["content-length"] == "1"
    r.text = "€"
    assert r.raw_content == "€".encode() and r.headers["content-type"] == "text/plain; charset=utf-8"
    r = http.Response.make(200, b"abc", {"content-encoding": "gzip"})
    assert r.raw_content[:2] == b"\x1f\x8b" and r.content == b"abc" and r.text == "abc"
    r.content = b"longer"
    assert r.headers["content-length"] == str(len(r.raw_content)) and r.get_content() == b"longer"
    r.headers["content-encoding"] = "gzip, identity"
    raises(ValueError, lambda: r.content)
    assert r.get_content(strict=False) == r.raw_content
    r.headers["content-encoding"] = "nope"
    r.content = b"plain"
    assert "content-encoding" not in r.headers and r.raw_content == b"plain"
    for coding in ("gzip", "deflate", "br", "zstd", "deflateraw", "identity"):
        assert encoding.decode(encoding.encode(b"hello" * 100, coding), coding) == b"hello" * 100
        m = http.Response.make(200, b"x" * 500, {"Content-Encoding": coding})
        assert m.content == b"x" * 500, coding
    raises(ValueError, encoding.decode, b"not gzip", "gzip")
    raises(ValueError, encoding.decode, b"not br at all", "br")
    m.encode("gzip")
    m.decode()
    assert "content-encoding" not in m.headers and m.headers["content-length"] == "500"
    raises(ValueError, m.encode, "what")
    raises(TypeError, setattr, m, "content", "text")
    m.content = None
    assert m.content is None and m.text is None
    raises(TypeError, m.json)
    m.text = '{"a": [1]}'
    assert m.json() == {"a": [1]}
    for kind, body, want in (("application/json", b"\xc3\xa9", "é"), ("text/html", b'<meta charset="latin1">\xe9', '<meta charset="latin1">é'),
                             ("text/plain", b"\xc3\xa9", "Ã©"), ("text/css", b"\xc3\xa9", "é"),
                             ("text/plain", b"\xef\xbb\xbfa", "a"), ("text/plain; charset=nope", b"a", None)):
        m = http.Response.make(200, body, {"content-type": kind})
        if want is None:
            raises(ValueError, lambda: m.text)
        else:
            assert m.text == want, (kind, m.text)
    raises(TypeError, http.Response.make, 200, None)
    raises(TypeError, http.Response.make, "200")
    raises(TypeError, http.Response.make, 200, b"", [("a", "b")])
    r = http.Response.make(599)
    assert r.reason == "" and r.status_code == 599 and bool(r)
    r.status_code = 404
    assert r.reason == "" and status_codes.RESPONSES[404] == "Not Found"
    r.refresh(now=0)
    assert "Response(404" in repr(r) and r.http_version == "HTTP/1.1" and r.is_http11 and not r.is_http2
    assert http.HTTPResponse is http.Response


def requests():
    q = http.Request.make("get", "http://Example.com:8080/a/b%20c?x=1&x=2&y=", "body", {"Host": "old"})
    assert q.method == "GET" and q.data.method == b"get" and q.host == "example.com" and q.port == 8080
    assert q.headers["Host"] == "example.com:8080" and q.url == "http://example.com:8080/a/b%20c?x=1&x=2&y="
    assert q.path_components == ("a", "b c") and q.query["x"] == "1" and q.query.get_all("x") == ["1", "2"]
    assert list(q.query.items(multi=True))[2] == ("y", "")
    q.query["x"] = "new one"
    assert q.path == "/a/b%20c?x=new+one&y=", q.path
    q.query = {"a": 1}
    assert q.path == "/a/b%20c?a=1" and q.query.copy().fields == (("a", "1"),)
    q.path_components = ["p q", "r/s"]
    assert q.path == "/p%20q/r%2Fs?a=1", q.path
    q.headers["Host"] = "other.example"
    assert q.pretty_host == "other.example" and q.pretty_url == "http://other.example/p%20q/r%2Fs?a=1"
    q.host = "new.example"
    assert q.headers["Host"] == "new.example:8080"
    q.scheme = "https"
    assert q.headers["Host"] == "new.example:8080"
    q.port = 443
    assert q.headers["Host"] == "new.example" and q.host_header == "new.example"
    raises(ValueError, setattr, q, "port", "x")
    raises(ValueError, setattr, q, "url", "/x")
    q.headers["cookie"] = "a=1; b=\"2 3\""
    assert q.cookies["b"] == "2 3" and list(q.cookies.fields) == [["a", "1"], ["b", "2 3"]] or q.cookies["a"] == "1"
    q.cookies["a"] = "9"
    assert q.headers["cookie"] == 'a=9; b="2 3"', q.headers["cookie"]
    q.cookies = {"k": "v"}
    assert q.headers["cookie"] == "k=v"
    assert not q.urlencoded_form
    q.urlencoded_form = [("a", "b c"), ("d", "é")]
    assert q.content == b"a=b+c&d=%C3%A9" and q.headers["content-type"] == "application/x-www-form-urlencoded"
    q.urlencoded_form["a"] = "z"
    assert q.get_text() == "a=z&d=%C3%A9"
    q.multipart_form = [(b"name", b"value")]
    assert q.multipart_form[b"name"] == b"value", q.content
    q.headers["if-none-match"] = "x"
    q.anticache(), q.anticomp()
    assert "if-none-match" not in q.headers and q.headers["accept-encoding"] == "identity"
    q.constrain_encoding()
    assert q.first_line_format == "relative" and repr(q).startswith("Request(GET new.example:443/")
    r = http.Response.make(200, b"", {"set-cookie": "a=b; Path=/; HttpOnly"})
    value, attrs = r.cookies["a"]
    assert value == "b" and attrs["path"] == "/" and attrs["HTTPONLY"] is None
    r.cookies["c"] = ("d", attrs)
    assert r.headers.get_all("set-cookie")[1] == "c=d; Path=/; HttpOnly"
    c = q.copy()
    c.headers["x"] = "y"
    assert "x" not in q.headers and c != q


def flows():
    f = http.HTTPFlow(Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2)), Server(address=("example.com", 80)))
    f.request, f.response = http.Request.make("GET", "http://example.com/a"), http.Response.make(200, b"hello")
    f.anything = 1
    f.backup()
    assert not f.modified()
    f.request.path, f.comment = "/b", "c"
    assert f.modified()
    f.revert()
    assert f.request.path == "/a" and f.comment == "" and not f.modified()
    n = f.copy()
    assert n.id != f.id and not n.live and n.client_conn == f.client_conn and n.request == f.request and n.request is not f.request
    assert not f.killable
    raises(exceptions.ControlException, f.kill)
    raises(AttributeError, lambda: f.reply)
    raises(AttributeError, lambda: f.handshake_flow)
    f.server_conn.via = ("http", ("127.0.0.1", 8080))
    assert f.server_conn.via == ServerSpec("http", ("127.0.0.1", 8080)) and Server(("h", 1)).address == ("h", 1)
    f.server_conn.state = connection.ConnectionState.OPEN
    raises(RuntimeError, setattr, f.server_conn, "address", ("x", 1))
    f.metadata["k"] = "v"
    f.marked = ":red_circle:"
    s = f.get_state()
    assert s["type"] == "http" and s["request"]["headers"] == f.request.headers.fields and s["version"] == 21
    out = stdio.BytesIO()
    w = io.FlowWriter(out)
    w.add(f), w.add(n)
    t = tcp.TCPFlow(Client(), Server(address=("h", 1)))
    t.messages.append(tcp.TCPMessage(True, b"\0\xff"))
    w.add(t)
    out.seek(0)
    back = list(io.FlowReader(out).stream())
    assert [type(b) for b in back] == [http.HTTPFlow, http.HTTPFlow, tcp.TCPFlow]
    assert back[0].id == f.id and back[0].response.content == b"hello" and back[0].metadata == {"k": "v"}
    assert back[2].messages[0].content == b"\0\xff" and back[0].client_conn.peername == ("127.0.0.1", 1)
    raises(exceptions.FlowReadException, lambda: list(io.FlowReader(stdio.BytesIO(out.getvalue()[:-9])).stream()))
    m = websocket.WebSocketMessage(1, True, b"text")
    assert m.is_text and m.text == "text" and m.type == websocket.Opcode.TEXT
    raises(TypeError, setattr, m, "content", "str")
    m.kill()
    assert m.dropped


def filters():
    f = http.HTTPFlow(Client(peername=("127.0.0.1", 1)), Server(address=("example.com", 80)))
    f.request = http.Request.make("POST", "http://example.com/path?q=1", b"request body", {"X-A": "b", "content-type": "text/css"})
    for text, want in (("~m post", True), ("~u PATH", True), ("path", True), ("~q", True), ("~s", False), ("!~s", True),
                       ("~d example & ~m GET", False), ("~d example ~m POST", True), ("~m GET | ~bq body", True),
                       ("(~m GET | ~m POST) & ~hq 'X-A: b'", True), ("~h ^x-a:", True), ("~t css", True), ("~a", False),
                       ("~c 200", False), ("~dst example.com:80", True), ("~src 127", True), ("~http", True), ("~tcp", False),
                       ("a|path", True), ('"path?q"', False), (r"path\?q", True), ("~e", False), ("~all", True)):
        assert flowfilter.parse(text)(f) is want, text
        assert flowfilter.match(text, f) is want
    for bad in ("", "~", "~nope", "(~q", "~c x", "~u [", "~q)"):
        raises(ValueError, flowfilter.parse, bad)
    assert flowfilter.match(None, f) and flowfilter.parse("~q").pattern == "~q"


def applications():
    def app(environ, start_response):
        body = environ["wsgi.input"].read() + environ["QUERY_STRING"].encode() + environ["HTTP_X_ONE"].encode()
        start_response("201 Made", [("X-Path", environ["PATH_INFO"])])
        return [body]

    async def asgi(scope, receive, send):
        event = await receive()
        await send({"type": "http.response.start", "status": 202, "headers": [(b"x-path", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": event["body"] + scope["query_string"]})

    f = http.HTTPFlow(Client(peername=("192.0.2.7", 1)), Server(), live=True)
    f.request = http.Request.make("POST", "http://app.example/a%20b?q", b"in ", {"x-one": "1"})
    w, a = asgiapp.WSGIApp(app, "app.example", 80), asgiapp.ASGIApp(asgi, "app.example", None)
    assert w.name == "asgiapp:app.example:80" and w.should_serve(f) and a.should_serve(f)
    r = w.call(w.environ(f))
    assert (r.status_code, r.reason, r.headers["x-path"], r.content) == (201, "Made", "/a b", b"in q1"), r.content
    r = raised(StopIteration, a.answer(f).send, None).value
    assert (r.status_code, r.headers["x-path"], r.content, r.headers["content-length"]) == (202, "/a b", b"in q", "4")
    f.request.host = "other.example"
    assert not w.should_serve(f) and not a.should_serve(f)


def hello():
    raw = bytes.fromhex("0303") + bytes(32) + b"\0" + b"\x00\x04\x13\x01\xc0\x2f" + b"\x01\0"
    names = b"\x00\x00\x00\x0c\x00\x0a\x00\x00\x07a.b.com"
    protocols = b"\x00\x10\x00\x05\x00\x03\x02h2"
    h = tls.ClientHello(raw + len(names + protocols).to_bytes(2, "big") + names + protocols)
    assert h.cipher_suites == [0x1301, 0xc02f] and h.sni == "a.b.com" and h.alpn_protocols == [b"h2"], (h.sni, h.extensions)
    assert [k for k, _ in h.extensions] == [0, 16] and h.raw_bytes()[:3] == b"\x16\x03\x03"
    for cut in range(len(h.raw_bytes(False))):
        broken = tls.ClientHello(h.raw_bytes(False)[:cut])
        broken.sni, broken.alpn_protocols, broken.cipher_suites  # what is cut is not there
    data = tls.TlsData(Client(), None)
    assert data.ssl_conn is None and "midstream does TLS itself" in raises(NotImplementedError, setattr, data, "ssl_conn", 1)


def commands():
    run = ctx.master.commands.call
    f = http.HTTPFlow(Client(), Server())
    f.request = http.Request.make("GET", "http://a.example/x?y=1", b"q", {"Host": "a.example", "X-A": "1"})
    f.response = http.Response.make(200, b"body", {"X-B": "2"})
    run("flow.set", [f], "status_code", "404"), run("flow.set", f, "path", "/set"), run("flow.mark.toggle", f)
    assert f.response.reason == "Not Found" and f.request.path == "/set" and f.marked == ":default:"
    run("flow.encode", f, "response", "gzip")
    assert f.response.headers["content-encoding"] == "gzip" and f.response.content == b"body"
    run("flow.encode.toggle", f, "response")
    assert "content-encoding" not in f.response.headers
    assert run("cut", [f], "request.method,response.header[X-B],s.status_code,server_conn.address.host,request.content") == [
        ["GET", "2", "404", "", b"q"]]
    assert "curl" in run("export.formats") and run("view.flows.resolve", "@all") == []
    assert run("view.focus.next") is None and run("view.settings.getval", f, "k", "none") == "none"
    run("view.settings.setval", f, "k", "v")
    assert run("view.settings.getval", f, "k", "none") == "v"
    f.live = True
    assert "live" in raises(exceptions.CommandError, run, "replay.client", [f])
    f.live, f.request.raw_content = False, None
    assert "missing content" in raises(exceptions.CommandError, run, "replay.client", [f])
    raises(exceptions.CommandError, run, "nothing.like.this"), raises(exceptions.CommandError, run, "export.clip", "curl", f)
    raises(exceptions.CommandError, run, "flow.set", f, "id", "x"), raises(exceptions.CommandError, run, "cut", [f], "__class__")
    from mitmproxy.net.http import cookies
    (first, second) = cookies.group_cookies([("a", "b"), ("c", "d"), ("Path", "/")])
    assert first[:2] == ("a", "b") and second[2]["path"] == "/"


def rest():
    assert human.pretty_size(2048) == "2.0k" and human.format_address(("::1", 80)) == "[::1]:80"
    assert strutils.bytes_to_escaped_str(b"\n'a") == "\\n'a" and strutils.always_str(b"a") == "a"
    assert spec.parse_spec("/a/b")[1:] == ("a", "b") and spec.parse_spec("|~q|a|b")[2] == "b"
    assert ALERT == 21 and version.VERSION and ProxyMode.parse("reverse:http://x").type_name == "reverse"
    for fn in (mitmdump, DumpMaster, WebMaster, TLSLayer, layers.tls.ClientTLSLayer):
        assert "midstream" in raises(NotImplementedError, fn)
    raises(AttributeError, lambda: ctx.master.view.focus), raises(AttributeError, lambda: ctx.master.keymap)
    grpc_view = type("V", (grpc.ViewGrpcProtobuf,), {"name": "mine"})(config=grpc.ViewConfig())
    assert grpc_view.name == "mine" and grpc.ProtoParser.ParserRule(name="a", filter="b").name == "a"
    assert grpc.ProtoParser.DecodedTypes.double and contentviews.TViewResult
    assert ctx.master.addons.get("nope") is None and "view" not in ctx.master.addons
    assert issubclass(exceptions.OptionsError, exceptions.MitmproxyException)
    assert not issubclass(exceptions.CommandError, exceptions.MitmproxyException)
    assert dns.ResourceRecord.A("a", "192.0.2.1").ipv4_address
    contentviews.add(View())
    contentviews.remove(View())
    raises(NotImplementedError, script.concurrent, rest)


class View(contentviews.View):
    name = "mine"


class Commands:
    name = "commands"

    @command.command("my.add")
    def add(self, a: int, b: int = 2) -> int:
        return a + b

    @command.command()
    def my_flows(self, flows: typing.Sequence[flow.Flow], path: types.Path) -> str:
        return "{} {}".format(len(flows), path)

    @command.command("my.words")
    @command.argument("x", type=types.Cmd)
    def words(self, x: str, *more: str) -> typing.Sequence[str]:
        return [x, *more]


class Options:
    name = "options"

    def load(self, loader: addonmanager.Loader):
        for name, kind, default in (("o_str", str, "a"), ("o_int", int, 1), ("o_bool", bool, True), ("o_seq", typing.Sequence[str], ()),
                                    ("o_opt", typing.Optional[str], None), ("o_num", typing.Optional[int], None)):
            loader.add_option(name, kind, default, "Help for {}.".format(name))
        raises(TypeError, loader.add_option, "o_bad", int, "a", "Wrong.")

    def running(self):
        o = ctx.options
        assert o.o_str == "a" and list(o.o_seq) == [] and o.o_opt is None and "o_int" in o and o.mode == ["regular"]
        assert o.anticache is False and o.listen_port == 8080
        o.o_str, o.o_seq = "b", ["x"]
        o.update(o_int=5)
        o.set("o_bool=false", "o_num=7")
        assert (o.o_str, o.o_seq, o.o_int, o.o_bool, o.o_num) == ("b", ["x"], 5, False, 7)
        assert o.default("o_str") == "a" and o.has_changed("o_str")
        raises(TypeError, setattr, o, "o_int", "x")
        raises(KeyError, setattr, o, "o_none", "x")
        raises(AttributeError, lambda: o.o_none)
        raises(exceptions.OptionsError, o.set, "o_bool=perhaps")
        call = ctx.master.commands.call
        assert call("my.add", 1) == 3 and ctx.master.commands.call_strings("my.add", ["1", "5"]) == 6
        assert ctx.master.commands.execute("my.words a b 'c d'") == ["a", "b", "c d"]
        assert ctx.master.commands.execute("my.flows @all /x") == "0 /x"
        raises(exceptions.CommandError, call, "no.such")
        raises(exceptions.CommandError, call, "my.add")
        raises(exceptions.CommandError, ctx.master.commands.call_strings, "my.add", ["x"])
        print("all is well")


for check in (headers, bodies, requests, flows, filters, applications, hello, commands, rest):
    check()

addons = [Commands(), Options()]
