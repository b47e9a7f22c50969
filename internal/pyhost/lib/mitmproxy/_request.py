"""Requests."""
from __future__ import annotations

import time
import urllib.parse

from mitmproxy._headers import Headers, headers_of
from mitmproxy._message import Message, MessageData, always_bytes, always_str, view
from mitmproxy.net.http import cookies, multipart, url


class RequestData(MessageData):
    def __init__(self, host="", port=0, method=b"GET", scheme=b"http", authority=b"", path=b"/", **rest):
        super().__init__(**rest)
        self.host = host
        self.port = port
        self.method = method
        self.scheme = scheme
        self.authority = authority
        self.path = path


class Request(Message):
    """A request."""

    _data = RequestData

    def __init__(self, host, port, method, scheme, authority, path, http_version, headers, content, trailers,
                 timestamp_start, timestamp_end):
        if isinstance(content, str):
            raise ValueError("Content must be bytes, not str")
        self.data = RequestData(
            always_str(host), port, always_bytes(method), always_bytes(scheme), always_bytes(authority),
            always_bytes(path), http_version=always_bytes(http_version), headers=headers_of(headers),
            content=content, trailers=None if trailers is None else headers_of(trailers),
            timestamp_start=timestamp_start, timestamp_end=timestamp_end)

    def __repr__(self):
        where = "{}:{}".format(self.host, self.port) if self.host and self.port else ""
        path = self.path if self.first_line_format != "authority" else ""
        return "Request({} {}{})".format(self.method, where, path)

    @classmethod
    def make(cls, method: str, url: str, content="", headers=()) -> "Request":
        """A request from its method, an absolute URL, and perhaps a body and fields."""
        if isinstance(headers, dict) or isinstance(headers, Headers):
            headers = headers_of(headers)
        else:
            headers = Headers(headers)
        req = cls("", 0, method.encode("utf-8", "surrogateescape"), b"", b"", b"", b"HTTP/1.1", headers, b"", None,
                  time.time(), time.time())
        req.url = url
        if isinstance(content, bytes):
            req.content = content
        elif isinstance(content, str):
            req.text = content
        else:
            raise TypeError("Expected content to be str or bytes, but is {}.".format(type(content).__name__))
        return req

    @property
    def first_line_format(self) -> str:
        if self.data.method.upper() == b"CONNECT":
            return "authority"
        return "absolute" if self.data.authority else "relative"

    @property
    def method(self) -> str:
        return self.data.method.decode("utf-8", "surrogateescape").upper()

    @method.setter
    def method(self, value):
        self.data.method = always_bytes(value)

    @property
    def scheme(self) -> str:
        return self.data.scheme.decode("utf-8", "surrogateescape")

    @scheme.setter
    def scheme(self, value):
        self.data.scheme = always_bytes(value)

    @property
    def authority(self) -> str:
        try:
            return self.data.authority.decode("idna")
        except UnicodeError:
            return self.data.authority.decode("utf8", "surrogateescape")

    @authority.setter
    def authority(self, value):
        if isinstance(value, str):
            try:
                value = value.encode("idna", "strict")
            except UnicodeError:
                value = value.encode("utf8", "surrogateescape")
        self.data.authority = value

    @property
    def host(self) -> str:
        """Where the request is sent; writing changes Host and authority, too, where there is one."""
        return self.data.host

    @host.setter
    def host(self, value):
        self.data.host = value.decode("idna") if isinstance(value, bytes) else str(value)
        self._follow()

    @property
    def port(self) -> int:
        return self.data.port

    @port.setter
    def port(self, value):
        if not isinstance(value, int):
            raise ValueError("Port must be an integer, not {}".format(repr(value)))
        self.data.port = value
        self._follow()

    def _follow(self):
        at = url.hostport(self.scheme, self.host, self.port)
        if "Host" in self.data.headers:
            self.data.headers["Host"] = at
        if self.data.authority:
            self.authority = at

    @property
    def host_header(self):
        if self.is_http2 or self.is_http3:
            return self.authority or self.data.headers.get("Host", None)
        return self.data.headers.get("Host", None)

    @host_header.setter
    def host_header(self, value):
        if value is None:
            if self.is_http2 or self.is_http3:
                self.data.authority = b""
            self.headers.pop("Host", None)
            return
        if self.is_http2 or self.is_http3:
            self.authority = value
        if not (self.is_http2 or self.is_http3) or "Host" in self.headers:
            self.headers["Host"] = value

    @property
    def path(self) -> str:
        return self.data.path.decode("utf-8", "surrogateescape")

    @path.setter
    def path(self, value):
        self.data.path = always_bytes(value)

    @property
    def url(self) -> str:
        if self.first_line_format == "authority":
            return "{}:{}".format(self.host, self.port)
        return url.unparse(self.scheme, self.host, self.port, self.path)

    @url.setter
    def url(self, value):
        scheme, host, port, path = url.parse(always_str(value))
        self.data.scheme, self.data.path = scheme, path
        self.data.host, self.data.port = host.decode("idna"), port
        self._follow()

    @property
    def pretty_host(self) -> str:
        authority = self.host_header
        if authority:
            return url.parse_authority(authority, check=False)[0]
        return self.host

    @property
    def pretty_url(self) -> str:
        if self.first_line_format == "authority":
            return self.authority
        authority = self.host_header
        if not authority:
            return self.url
        host, port = url.parse_authority(authority, check=False)
        port = port or url.default_port(self.scheme) or 443
        return url.unparse(self.scheme, host, port, self.path)

    def _get_query(self):
        return tuple(url.decode(urllib.parse.urlparse(self.url).query))

    def _set_query(self, pairs):
        parts = urllib.parse.urlparse(self.url)
        query = url.encode(pairs, similar_to=parts.query)
        self.path = urllib.parse.urlunparse(["", "", parts.path, parts.params, query, parts.fragment])

    query = view(_get_query, _set_query)

    def _get_cookies(self):
        return tuple(cookies.parse_cookie_headers(self.headers.get_all("Cookie")))

    def _set_cookies(self, pairs):
        self.headers["cookie"] = cookies.format_cookie_header(pairs)

    cookies = view(_get_cookies, _set_cookies)

    @property
    def path_components(self):
        path = urllib.parse.urlparse(self.url).path
        return tuple(url.unquote(part) for part in path.split("/") if part)

    @path_components.setter
    def path_components(self, components):
        path = "/" + "/".join(url.quote(c, safe="") for c in components)
        _, _, _, params, query, fragment = urllib.parse.urlparse(self.url)
        self.path = urllib.parse.urlunparse(["", "", path, params, query, fragment])

    def _get_form(self):
        if "application/x-www-form-urlencoded" in self.headers.get("content-type", "").lower():
            return tuple(url.decode(self.get_text(strict=False) or ""))
        return ()

    def _set_form(self, pairs):
        self.headers["content-type"] = "application/x-www-form-urlencoded"
        self.content = url.encode(pairs, self.get_text(strict=False)).encode()

    urlencoded_form = view(_get_form, _set_form)

    def _get_multipart(self):
        kind = self.headers.get("content-type", "")
        if "multipart/form-data" in kind.lower() and self.content is not None:
            try:
                return tuple(multipart.decode_multipart(kind, self.content))
            except ValueError:
                pass
        return ()

    def _set_multipart(self, pairs):
        kind = self.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/form-data"):
            kind = "multipart/form-data; boundary=" + multipart.fresh_boundary()
            self.headers["content-type"] = kind
        self.content = multipart.encode_multipart(kind, pairs)

    multipart_form = view(_get_multipart, _set_multipart)

    def anticache(self):
        """Takes away what lets a server answer that nothing has changed."""
        for name in ("if-modified-since", "if-none-match"):
            self.headers.pop(name, None)

    def anticomp(self):
        self.headers["accept-encoding"] = "identity"

    def constrain_encoding(self):
        offered = self.headers.get("accept-encoding")
        if offered:
            self.headers["accept-encoding"] = ", ".join(
                c for c in ("gzip", "identity", "deflate", "br", "zstd") if c in offered)
