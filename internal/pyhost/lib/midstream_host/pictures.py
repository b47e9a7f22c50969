"""Flows on this side of the socket: one object for each, kept up to date by what
the proxy sends with an event, and compared afterwards with what it was."""
from __future__ import annotations

from mitmproxy import connection, flow as flows, http, tcp, websocket
from mitmproxy._headers import Headers
from mitmproxy._message import Lazy

OPEN = connection.ConnectionState.OPEN
CLOSED = connection.ConnectionState.CLOSED


def fields_of(raw: bytes) -> tuple:
    if not raw:
        return ()
    parts = raw.split(b"\n")
    return tuple(zip(parts[0::2], parts[1::2]))


def octets_of(headers) -> bytes:
    out = []
    for pair in headers:
        name, value = pair
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise TypeError("a header field is a pair of bytes, not {!r}".format(pair))
        if b"\n" in name or b"\r" in name or b"\0" in name or b"\n" in value or b"\r" in value or b"\0" in value:
            raise ValueError("the header field {!r} has a line end or NUL in it, which would break the message".format(pair))
        out.append(name)
        out.append(value)
    return b"\n".join(out)


def request_parts(r):
    d = r.data
    return (d.method, d.scheme, d.host, d.port, d.authority, d.path, d.http_version, d.headers.fields,
            None if d.trailers is None else d.trailers.fields)


def response_parts(r):
    d = r.data
    return (d.status_code, d.reason, d.http_version, d.headers.fields,
            None if d.trailers is None else d.trailers.fields)


def _latin(x) -> str:
    return x.decode("latin-1") if isinstance(x, bytes) else str(x).encode("utf-8", "surrogateescape").decode("latin-1")


def text_of(octets: str) -> str:
    """Text from a string in which each character is an octet."""
    return octets.encode("latin-1").decode("utf-8", "surrogateescape")


def name_of(sni) -> str:
    """The name of a server in its form for the wire."""
    if not isinstance(sni, (str, bytes)):
        raise TypeError("server.sni is a str, not {!r}".format(sni))
    text = sni.decode("ascii") if isinstance(sni, bytes) else sni
    return text if text.isascii() else text.encode("idna").decode("ascii")


def connect(conns, kind, state, chain):
    """The object of a connection, made or brought up to date."""
    conn = conns.get(state["id"])
    if conn is None:
        conn = kind.__new__(kind)
        conn.id = state["id"]
        conns[conn.id] = conn
        if len(conns) > 4096:
            del conns[next(iter(conns))]
    values = conn.__dict__
    for name in ("tls", "tls_version", "cipher", "sni", "timestamp_start", "timestamp_end", "timestamp_tls_setup",
                 "timestamp_tcp_setup"):
        if name in state:
            values[name] = state[name]
    for name in ("peername", "sockname"):
        if name in state:
            values[name] = tuple(state[name])
    if state.get("alpn") is not None:
        values["alpn"] = state["alpn"].encode()
    if "offers" in state:
        values["alpn_offers"] = tuple(o.encode() for o in state["offers"])
    if kind is connection.Client:
        values["proxy_mode"] = connection._Mode(state.get("mode") or "regular")
    else:
        values["_address"] = tuple(state["address"]) if "address" in state else None
        values["_via"] = None
        if "via" in state:
            values["_via"] = connection.server_spec.ServerSpec(state["via"][0], tuple(state["via"][1]))
    values["state"] = CLOSED if state.get("timestamp_end") or state.get("planned") else OPEN
    if state.get("certs"):
        values["_shown" if kind is connection.Client else "_chain"] = lambda: chain(conn)
    return conn


class Picture:
    """One flow: the object that addons have, and what the proxy knows of it."""

    __slots__ = ("flow", "request", "response", "request_parts", "response_parts", "bodies", "noted", "calls",
                 "streams", "killed", "injected", "server", "via", "event", "message", "__weakref__")

    def __init__(self, flow):
        self.flow = flow
        self.request = self.response = None
        self.request_parts = self.response_parts = None
        self.bodies = {"q": None, "s": None}  # what content was given
        self.noted = ("", "", {})
        self.calls = []
        self.streams = {}
        self.killed = False
        self.injected = []
        self.server = self.via = None
        self.event = ""
        self.message = None

    def update(self, head, raw, host):
        """Takes up what the proxy says of the flow."""
        f = self.flow
        at = 0
        if "cl" in head:
            f.client_conn = connect(host.conns, connection.Client, head["cl"], host.chain)
        if "sv" in head:
            f.server_conn = self.server = connect(host.conns, connection.Server, head["sv"], host.chain)
            self.via = f.server_conn.via
        if "q" in head:
            method, scheme, name, port, authority, path, version, start, end, n, t = head["q"]
            if f.request is None:
                f.request = http.Request.__new__(http.Request)
                f.request.data = http.RequestData(content=None)
            d = f.request.data
            d.method, d.scheme, d.host, d.port = method.encode("latin-1"), scheme.encode(), name, port
            d.authority, d.path = authority.encode("latin-1"), path.encode("latin-1")
            d.http_version, d.timestamp_start, d.timestamp_end = version.encode(), start, end
            d.headers.fields = fields_of(raw[:n])
            at = n
            if t >= 0:
                d.trailers = Headers()
                d.trailers.fields = fields_of(raw[at:at + t])
                at += t
            if self.server is None and f.server_conn.address is None and (scheme == "https" or f.client_conn.proxy_mode.type_name != "regular"):
                f.server_conn._address = (name, port)  # where a tunnel leads is known before anything is dialled
            self.request = f.request
            self.request_parts = request_parts(f.request)
        if "s" in head:
            status, reason, version, start, end, n, t = head["s"]
            if f.response is None or "sn" in head:
                f.response = http.Response.__new__(http.Response)
                f.response.data = http.ResponseData(content=None)
                self.bodies["s"] = None
            d = f.response.data
            d.status_code, d.reason, d.http_version = status, reason.encode("latin-1"), version.encode()
            d.timestamp_start = start
            if end is not None:  # of a WebSocket it is that of the head, and stays
                d.timestamp_end = end
            d.headers.fields = fields_of(raw[at:at + n])
            at += n
            if t >= 0:
                d.trailers = Headers()
                d.trailers.fields = fields_of(raw[at:at + t])
                at += t
            self.response = f.response
            self.response_parts = response_parts(f.response)
        elif "s0" in head:
            f.response = self.response = self.response_parts = None
        if "qb" in head:
            self._body(f.request, "q", head["qb"], head.get("ql", 0))
        if "sb" in head and f.response is not None:
            self._body(f.response, "s", head["sb"], head.get("sl", 0))
        if "st" in head:
            for side, value in head["st"].items():
                message = f.request if side == "q" else f.response
                if message is not None:
                    message.stream = value
        if "m" in head:
            f._marked = head["m"]
        if "co" in head:
            f._comment = head["co"]
        if "md" in head:
            f.metadata.update(head["md"])
        if "er" in head and f.error is None:
            f.error = flows.Error(head["er"])
        if "rp" in head:
            f.is_replay = head["rp"]
        self.noted = (f._marked, f._comment, dict(f.metadata))
        self.message = None
        if head["e"] == "response" and f.response.status_code == 101 and f.websocket is None:
            if f.request.headers.get("upgrade", "").lower() == "websocket":
                f.websocket = websocket.WebSocketData()
        if "ws" in head:
            self._websocket(head["ws"], raw[at:])
        if "tm" in head:
            self.message = tcp.TCPMessage(head["tm"][0], raw[at:], head["tm"][1])
            _keep(f.messages, self.message)

    def _body(self, message, side, code, size):
        """code: 0 missing, 1 it is what it was, 2 it is another."""
        if code == 0:
            message.data.content = self.bodies[side] = None
        elif code == 2 or not isinstance(message.data.content, bytes):
            message.data.content = self.bodies[side] = Lazy(self.flow, side, size)
        else:
            self.bodies[side] = message.data.content

    def _websocket(self, state, raw):
        f = self.flow
        if f.websocket is None:
            f.websocket = websocket.WebSocketData()
        if "from" in state:
            kind = websocket.Opcode.TEXT if state["text"] else websocket.Opcode.BINARY
            self.message = websocket.WebSocketMessage(kind, state["from"], raw, state["time"])
            _keep(f.websocket.messages, self.message)
        if "code" in state:
            ws = f.websocket
            ws.close_code, ws.close_reason = state["code"], state["reason"]
            ws.closed_by_client, ws.timestamp_end = state["by_client"], state["end"]

    def changes(self, event):
        """What addons have changed, as the proxy takes it: (head, octets)."""
        f = self.flow
        out, blobs, tail = {}, [], []
        if isinstance(f, http.HTTPFlow):
            self._changed_messages(f, event, out, blobs, tail)
        marked, comment, meta = self.noted
        if f._marked != marked:
            out["mk"] = marker(f._marked)
        if f._comment != comment:
            out["co"] = str(f._comment)
        if f.metadata != meta:
            out["md"] = {str(k): v for k, v in f.metadata.items() if isinstance(v, (str, int, float, bool))}
        if self.killed:
            out["kill"] = 1
        server = f.server_conn
        if event in ("requestheaders", "request", "http_connect") and server is not None and server.via != self.via:
            self.via = server.via
            out["via"] = None if server.via is None else [server.via.scheme, server.via.address[0], server.via.address[1]]
        if self.message is not None:
            self._changed_message(out, tail)
        if self.injected:
            waiting, self.injected = self.injected, []
            out["inj"] = [[to, text, len(content)] for to, text, content in waiting]
            tail += [content for _, _, content in waiting]
        return out, b"".join(blobs + tail)

    def _changed_messages(self, f, event, out, blobs, tail):
        if f.request is not None:
            parts = request_parts(f.request)
            if parts != self.request_parts or f.request is not self.request:
                fields = octets_of(parts[7])
                trailers = None if parts[8] is None else octets_of(parts[8])
                out["q"] = [_latin(parts[0]), _latin(parts[1]), str(parts[2]), parts[3], _latin(parts[4]),
                            _latin(parts[5]), _latin(parts[6]), len(fields), -1 if trailers is None else len(trailers)]
                blobs += [fields, trailers or b""]
                self.request, self.request_parts = f.request, parts
            self._changed_body(f.request, "q", out, tail)
        r = f.response
        if r is None:
            if self.response is not None:
                out["s0"] = 1
                self.response = self.response_parts = None
        else:
            if not isinstance(r, http.Response):
                f.response = self.response
                raise TypeError("flow.response takes a Response, as http.Response.make(200, b\"...\") returns, not "
                                + type(r).__name__)
            parts = response_parts(r)
            fresh = r is not self.response
            if fresh or parts != self.response_parts:
                fields = octets_of(parts[3])
                trailers = None if parts[4] is None else octets_of(parts[4])
                if not isinstance(parts[0], int):
                    raise TypeError("response.status_code is a number, not {!r}".format(parts[0]))
                out["s"] = [int(parts[0]), _latin(parts[1]), _latin(parts[2]), len(fields),
                            -1 if trailers is None else len(trailers)]
                blobs += [fields, trailers or b""]
                self.response, self.response_parts = r, parts
            if fresh:
                out["sn"] = 1
                body = r.raw_content or b""
                self.bodies["s"] = r.data.content = body
                out["sb"] = len(body)
                tail.append(body)
            else:
                self._changed_body(r, "s", out, tail)
        if event == "requestheaders" or event == "http_connect":
            self._wish(f.request, "q", out)
        elif event == "responseheaders" and r is not None:
            self._wish(r, "s", out)

    def _changed_body(self, message, side, out, tail):
        content, given = message.data.content, self.bodies[side]
        if content is given or type(given) is Lazy and content is given.value:
            return
        if content is not None and not isinstance(content, bytes):
            raise TypeError("the content of a message is bytes, not " + type(content).__name__)
        self.bodies[side] = content
        content = content or b""
        out[side + "b"] = len(content)
        tail.append(content)

    def _wish(self, message, side, out):
        stream = message.stream
        if stream is True:
            out.setdefault("st", {})[side] = 1
        elif callable(stream):
            out.setdefault("st", {})[side] = 3
        elif stream is False and message.__dict__.get("stream") is False:
            out.setdefault("st", {})[side] = 2

    def _changed_message(self, out, tail):
        m = self.message
        if getattr(m, "dropped", False):
            out["drop"] = 1
            return
        if not isinstance(m.content, (bytes, bytearray, memoryview)):
            raise TypeError("the content of a message is bytes, not " + type(m.content).__name__)
        out["mb"] = len(m.content)
        tail.append(bytes(m.content))


def marker(value) -> str:
    if isinstance(value, bool):
        return ":default:" if value else ""
    return "" if value is None else str(value)


KEPT = 64 << 20  # octets of messages that a flow keeps; of older ones the content is forgotten


def _keep(messages, m):
    messages.append(m)
    if len(messages) % 256 == 0:
        left = KEPT
        for old in reversed(messages):
            left -= len(old.content)
            if left < 0:
                if isinstance(old, tcp.TCPMessage):
                    old.content = b""
                else:
                    old._content = b""


def new_flow(head, again=None):
    """The picture of a flow that begins; again is the object that a script has sent again."""
    if again is not None:
        again.id, again.live = head["f"], True
        return Picture(again)
    kind = tcp.TCPFlow if head.get("tcp") else http.HTTPFlow
    f = kind(None, connection.Server(), live=True)
    f.id = head["f"]
    return Picture(f)
