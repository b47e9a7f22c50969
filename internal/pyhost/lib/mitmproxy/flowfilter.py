"""The filter language of mitmproxy, with Python's regular expressions."""
from __future__ import annotations

import os
import re
import typing

from mitmproxy import dns, http, tcp, udp
from mitmproxy.flow import Flow


def _flags():
    return re.DOTALL if os.environ.get("MITMPROXY_CASE_SENSITIVE_FILTERS") == "1" else re.DOTALL | re.IGNORECASE


def _messages(flow, from_client=None):
    if isinstance(flow, http.HTTPFlow):
        messages = flow.websocket.messages if flow.websocket else ()
    else:
        messages = getattr(flow, "messages", ())
    return [m.content for m in messages if from_client is None or m.from_client is from_client]


def _content(message):
    return message.get_content(strict=False) if message is not None else None


def _bodies(flow, request=True, response=True):
    if isinstance(flow, http.HTTPFlow):
        if request:
            yield _content(flow.request)
        if response:
            yield _content(flow.response)
    yield from _messages(flow, None if request and response else request)


def _heads(flow, request=True, response=True):
    if isinstance(flow, http.HTTPFlow):
        if request:
            yield bytes(flow.request.headers)
        if response and flow.response:
            yield bytes(flow.response.headers)


def _types(flow, request=True, response=True):
    if isinstance(flow, http.HTTPFlow):
        for wanted, message in ((request, flow.request), (response, flow.response)):
            if wanted and message is not None:
                for value in message.headers.get_all("content-type"):
                    yield value.encode("utf-8", "surrogateescape")


def _hosts(flow):
    if isinstance(flow, http.HTTPFlow) and flow.request:
        yield flow.request.host.encode()
        yield flow.request.pretty_host.encode("utf-8", "surrogateescape")


def _urls(flow):
    if isinstance(flow, http.HTTPFlow) and flow.request:
        yield flow.request.pretty_url.encode("utf-8", "surrogateescape")
    elif isinstance(flow, dns.DNSFlow) and flow.request and flow.request.questions:
        yield flow.request.questions[0].name.encode()


def _address(where):
    def get(flow):
        conn = getattr(flow, where[0], None)
        address = getattr(conn, where[1], None)
        if address:
            yield "{}:{}".format(address[0], address[1]).encode()
    return get


def _methods(flow):
    if isinstance(flow, http.HTTPFlow) and flow.request:
        yield flow.request.data.method


def _texts(get):
    return lambda flow: [str(get(flow)).encode("utf-8", "surrogateescape")]


_assets = [re.compile(p) for p in (
    rb"text/javascript", rb"application/x-javascript", rb"application/javascript", rb"text/css", rb"image/.*",
    rb"font/.*", rb"application/font.*")]


def _asset(flow):
    return isinstance(flow, http.HTTPFlow) and flow.response is not None and any(
        p.search(t) for p in _assets for t in _types(flow, request=False))


def _answered(flow):
    return getattr(flow, "response", None) is not None


_plain = {
    "a": _asset, "all": lambda f: True, "e": lambda f: bool(f.error),
    "http": lambda f: isinstance(f, http.HTTPFlow), "tcp": lambda f: isinstance(f, tcp.TCPFlow),
    "udp": lambda f: isinstance(f, udp.UDPFlow), "dns": lambda f: isinstance(f, dns.DNSFlow),
    "websocket": lambda f: isinstance(f, http.HTTPFlow) and f.websocket is not None,
    "marked": lambda f: bool(f.marked), "q": lambda f: not _answered(f) and hasattr(f, "request"), "s": _answered,
    "replay": lambda f: f.is_replay is not None, "replayq": lambda f: f.is_replay == "request",
    "replays": lambda f: f.is_replay == "response",
}
_search = {
    "b": _bodies, "bq": lambda f: _bodies(f, response=False), "bs": lambda f: _bodies(f, request=False),
    "h": _heads, "hq": lambda f: _heads(f, response=False), "hs": lambda f: _heads(f, request=False),
    "t": _types, "tq": lambda f: _types(f, response=False), "ts": lambda f: _types(f, request=False),
    "d": _hosts, "u": _urls, "m": _methods, "src": _address(("client_conn", "peername")),
    "dst": _address(("server_conn", "address")), "comment": _texts(lambda f: f.comment),
    "marker": _texts(lambda f: f.marked), "meta": _texts(lambda f: "\n".join("{}: {}".format(k, v) for k, v in f.metadata.items())),
}
_multiline = ("h", "hq", "hs", "meta")


class _Parser:
    """filter := not-terms joined by &, | and adjacency."""

    token = re.compile(r'\s*(?:(?P<op>[()&|!])|~(?P<code>\w+)|(?P<quoted>"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\')|(?P<word>[^\s()~\'"]+))')

    def __init__(self, text):
        self.text, self.at = text, 0

    def next(self):
        m = self.token.match(self.text, self.at)
        if m is None:
            if self.text[self.at:].strip():
                raise ValueError("Invalid filter expression: {!r} at {}".format(self.text, self.at))
            return None, None, self.at
        return m.lastgroup, m.group(m.lastgroup), m.end()

    def expression(self):
        left = self.conjunction()
        while True:
            kind, value, end = self.next()
            if kind != "op" or value != "|":
                return left
            self.at = end
            left = _either(left, self.conjunction())

    def conjunction(self):
        left = self.term()
        while True:
            kind, value, end = self.next()
            if kind == "op" and value == "&":
                self.at = end
            elif kind is None or kind == "op" and value in ")|":
                return left
            left = _both(left, self.term())

    def term(self):
        kind, value, end = self.next()
        if kind is None:
            raise ValueError("Invalid filter expression: {!r} ends too early".format(self.text))
        self.at = end
        if kind == "op" and value == "!":
            inner = self.term()
            return lambda f: not inner(f)
        if kind == "op" and value == "(":
            inner = self.expression()
            kind, value, end = self.next()
            if value != ")":
                raise ValueError("Invalid filter expression: {!r} lacks a closing parenthesis".format(self.text))
            self.at = end
            return inner
        if kind == "code":
            return self.coded(value)
        if kind == "op":
            raise ValueError("Invalid filter expression: {!r} has {} where a filter should be".format(self.text, value))
        return _regex("u", self.unquoted(kind, value))

    def coded(self, code):
        if code in _plain:
            return _plain[code]
        if code != "c" and code not in _search:
            raise ValueError("Invalid filter expression: there is no ~{}".format(code))
        kind, value, end = self.next()
        if kind not in ("quoted", "word") and value not in ("|", "&", "!"):
            raise ValueError("Invalid filter expression: ~{} wants something to look for".format(code))
        self.at = end
        value = self.unquoted(kind, value)
        if code == "c":
            try:
                number = int(value)
            except ValueError:
                raise ValueError("Invalid filter expression: ~c wants a number, not {!r}".format(value)) from None
            return lambda f: _answered(f) and getattr(f.response, "status_code", None) == number
        return _regex(code, value)

    @staticmethod
    def unquoted(kind, value):
        return re.sub(r"\\(['\"])", r"\1", value[1:-1]) if kind == "quoted" else value


def _both(a, b):
    return lambda f: a(f) and b(f)


def _either(a, b):
    return lambda f: a(f) or b(f)


def _regex(code, text):
    flags = _flags() | (re.MULTILINE if code in _multiline else 0)
    try:
        found = re.compile(text.encode("utf-8", "surrogateescape"), flags).search
    except re.error as e:
        raise ValueError("Cannot compile expression {!r}: {}".format(text, e)) from None
    get = _search[code]
    return lambda f: any(value and found(value) or value == b"" and found(b"") for value in get(f) if value is not None)


class TFilter:
    """A filter: call it with a flow."""

    def __init__(self, pattern: str, run):
        self.pattern = pattern
        self._run = run

    def __call__(self, flow: Flow) -> bool:
        return bool(self._run(flow))

    def __repr__(self):
        return "<filter {!r}>".format(self.pattern)


def parse(s: str) -> TFilter:
    """Reads a filter; ValueError where it is empty or none."""
    if not s or not s.strip():
        raise ValueError("Empty filter expression")
    p = _Parser(s)
    run = p.expression()
    kind, value, _ = p.next()
    if kind is not None:
        raise ValueError("Invalid filter expression: {!r} has {} too much".format(s, value))
    return TFilter(s, run)


def match(flt: typing.Union[str, TFilter, None], flow: Flow) -> bool:
    """Tells whether a flow passes a filter; no filter lets all pass."""
    if isinstance(flt, str):
        flt = parse(flt)
    return flt(flow) if flt else True


match_all = TFilter("~all", lambda f: True)
