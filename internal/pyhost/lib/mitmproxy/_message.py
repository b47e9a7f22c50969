"""What requests and responses have in common."""
from __future__ import annotations

import json as _json

from midstream_host import bridge
from mitmproxy._headers import Headers, headers_of
from mitmproxy.coretypes import multidict
from mitmproxy.net import encoding
from mitmproxy.net.http.headers import (assemble_content_type, infer_content_encoding, parse_content_type)


def always_bytes(x) -> bytes:
    return x.encode("utf-8", "surrogateescape") if isinstance(x, str) else x


def always_str(x) -> str:
    return x.decode("utf-8", "surrogateescape") if isinstance(x, bytes) else x


class Lazy:
    """A body that the proxy keeps until somebody asks for it."""

    __slots__ = ("flow", "side", "value", "size")

    def __init__(self, flow, side: str, size: int = 0):
        self.size = size
        self.flow = flow
        self.side = side
        self.value = self

    def fetch(self):
        if self.value is self:
            self.value = bridge.body(self.flow, self.side)
        return self.value

    def __deepcopy__(self, memo):
        return self.fetch()


class MessageData:
    """The parts of a message, as bytes."""

    def __init__(self, http_version=b"HTTP/1.1", headers=None, content=b"", trailers=None,
                 timestamp_start=0.0, timestamp_end=None):
        self.http_version = http_version
        self.headers = headers if headers is not None else Headers()
        self.content = content
        self.trailers = trailers
        self.timestamp_start = timestamp_start
        self.timestamp_end = timestamp_end

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None


class Message:
    """A request or a response: see there."""

    data: MessageData
    stream = False

    @property
    def http_version(self) -> str:
        return self.data.http_version.decode("utf-8", "surrogateescape")

    @http_version.setter
    def http_version(self, value):
        self.data.http_version = always_bytes(value)

    is_http10 = property(lambda self: self.data.http_version == b"HTTP/1.0")
    is_http11 = property(lambda self: self.data.http_version == b"HTTP/1.1")
    is_http2 = property(lambda self: self.data.http_version == b"HTTP/2.0")
    is_http3 = property(lambda self: self.data.http_version == b"HTTP/3")

    @property
    def headers(self) -> Headers:
        return self.data.headers

    @headers.setter
    def headers(self, value):
        self.data.headers = headers_of(value)

    @property
    def trailers(self):
        return self.data.trailers

    @trailers.setter
    def trailers(self, value):
        self.data.trailers = None if value is None else headers_of(value)

    @property
    def raw_content(self):
        content = self.data.content
        if type(content) is Lazy:
            content = self.data.content = content.fetch()
        return content

    @raw_content.setter
    def raw_content(self, content):
        if isinstance(content, str):
            raise TypeError("Message content must be bytes, not str. (.text = ... takes text)")
        self.data.content = bytes(content) if isinstance(content, (bytearray, memoryview)) else content

    @property
    def content(self):
        return self.get_content()

    @content.setter
    def content(self, value):
        self.set_content(value)

    def get_content(self, strict: bool = True):
        """The body without its content coding; None where it is missing."""
        raw = self.raw_content
        if raw is None:
            return None
        coding = self.headers.get("content-encoding")
        if not coding:
            return raw
        try:
            content = encoding.decode(raw, coding)
            if isinstance(content, str):
                raise ValueError("Invalid Content-Encoding: " + coding)
            return content
        except ValueError:
            if strict:
                raise
            return raw

    def set_content(self, value):
        """Replaces the body by value, encoded as Content-Encoding says."""
        if value is None:
            self.data.content = None
            return
        if isinstance(value, (bytearray, memoryview)):
            value = bytes(value)
        if not isinstance(value, bytes):
            raise TypeError("Message content must be bytes, not {}. Please use .text if you want to assign a str."
                            .format(type(value).__name__))
        coding = self.headers.get("content-encoding")
        try:
            raw = encoding.encode(value, coding or "identity")
            if isinstance(raw, str):
                raise ValueError
        except ValueError:
            del self.headers["content-encoding"]
            raw = value
        self.data.content = raw
        if "transfer-encoding" not in self.headers:
            self.headers["content-length"] = str(len(raw))

    def _charset(self, content: bytes = b"") -> str:
        return infer_content_encoding(self.headers.get("content-type", ""), content)

    @property
    def text(self):
        return self.get_text()

    @text.setter
    def text(self, value):
        self.set_text(value)

    def get_text(self, strict: bool = True):
        """The body as text, in the charset that its type says."""
        content = self.get_content(strict)
        if content is None:
            return None
        try:
            return encoding.decode(content, self._charset(content)) if content else ""
        except ValueError:
            if strict:
                raise
            return content.decode("utf8", "surrogateescape")

    def set_text(self, text):
        if text is None:
            self.data.content = None
            return
        if not isinstance(text, str):
            raise TypeError("text takes a str, not " + type(text).__name__)
        try:
            self.content = text.encode(self._charset())
        except (LookupError, UnicodeError):
            kind = parse_content_type(self.headers.get("content-type", "")) or ("text", "plain", {})
            kind[2]["charset"] = "utf-8"
            self.headers["content-type"] = assemble_content_type(*kind)
            self.content = text.encode("utf8", "surrogateescape")

    def json(self, **kwargs):
        """The body read as JSON."""
        content = self.get_content(strict=False)
        if content is None:
            raise TypeError("Message content is not available.")
        return _json.loads(content, **kwargs)

    def decode(self, strict: bool = True):
        """Takes the content coding off, for good."""
        content = self.get_content(strict)
        self.headers.pop("content-encoding", None)
        if content:
            self.content = content

    def encode(self, encoding: str):
        """Encodes the body, which must have no coding, and says so in the head."""
        self.headers["content-encoding"] = encoding
        self.content = self.raw_content
        if "content-encoding" not in self.headers:
            raise ValueError("Invalid content encoding {}".format(repr(encoding)))

    @property
    def timestamp_start(self):
        return self.data.timestamp_start

    @timestamp_start.setter
    def timestamp_start(self, value):
        self.data.timestamp_start = value

    @property
    def timestamp_end(self):
        return self.data.timestamp_end

    @timestamp_end.setter
    def timestamp_end(self, value):
        self.data.timestamp_end = value

    def copy(self):
        new = type(self).__new__(type(self))
        new.data = type(self.data)(**vars(self.data))
        new.data.headers = self.headers.copy()
        new.data.content = self.raw_content
        if self.trailers is not None:
            new.data.trailers = self.trailers.copy()
        return new

    def __eq__(self, other):
        return isinstance(other, Message) and self.data == other.data

    __hash__ = None

    def get_state(self):
        state = dict(vars(self.data))
        state["headers"] = self.headers.get_state()
        state["content"] = self.raw_content
        state["trailers"] = None if self.trailers is None else self.trailers.get_state()
        return state

    def set_state(self, state):
        for key, value in dict(state).items():
            if key in ("headers", "trailers"):
                value = None if value is None else Headers((bytes(k), bytes(v)) for k, v in value)
            setattr(self.data, key, value)

    @classmethod
    def from_state(cls, state):
        new = cls.__new__(cls)
        new.data = cls._data()
        new.set_state(state)
        return new

    def __getattr__(self, name):
        if name in ("replace", "decoded"):
            raise AttributeError("{0}.{1} was removed in mitmproxy 4; change {0}.content or {0}.text"
                                 .format(type(self).__name__.lower(), name))
        raise AttributeError("{!r} object has no attribute {!r}".format(type(self).__name__, name))


def view(getter, setter):
    """A property that is read as a view and written from pairs or a mapping."""
    def assign(self, value):
        if hasattr(value, "items"):
            value = value.items(multi=True) if isinstance(value, multidict._MultiDict) else value.items()
        setter(self, value)
    return property(lambda self: multidict.MultiDictView(lambda: getter(self), lambda v: setter(self, v)), assign)
