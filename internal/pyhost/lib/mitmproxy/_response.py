"""Responses."""
from __future__ import annotations

import time
from email.utils import formatdate, mktime_tz, parsedate_tz

from mitmproxy._headers import Headers, headers_of
from mitmproxy._message import Message, MessageData, always_bytes, always_str, view
from mitmproxy.utils import human
from mitmproxy.net.http import cookies, status_codes


class ResponseData(MessageData):
    def __init__(self, status_code=200, reason=b"", **rest):
        super().__init__(**rest)
        self.status_code = status_code
        self.reason = reason


class Response(Message):
    """A response."""

    _data = ResponseData

    def __init__(self, http_version, status_code, reason, headers, content, trailers, timestamp_start, timestamp_end):
        if isinstance(content, str):
            raise ValueError("Content must be bytes, not str")
        if isinstance(reason, str):
            reason = reason.encode("ascii", "strict")
        self.data = ResponseData(
            status_code, reason, http_version=always_bytes(http_version), headers=headers_of(headers),
            content=content, trailers=None if trailers is None else headers_of(trailers),
            timestamp_start=timestamp_start, timestamp_end=timestamp_end)

    def __repr__(self):
        if self.data.content is None:
            return "Response({}, no content)".format(self.status_code)
        kind = self.headers.get("content-type", "unknown content type")
        content = self.data.content
        size = len(content) if isinstance(content, bytes) else content.size
        return "Response({}, {}, {})".format(self.status_code, kind, human.pretty_size(size))

    @classmethod
    def make(cls, status_code: int = 200, content=b"", headers=()) -> "Response":
        """A response to answer with."""
        if isinstance(headers, dict) or isinstance(headers, Headers):
            headers = headers_of(headers)
        elif hasattr(headers, "__iter__") and not isinstance(headers, (str, bytes)):
            headers = Headers(headers)
        else:
            raise TypeError("Expected headers to be an iterable or dict, but is {}.".format(type(headers).__name__))
        if not isinstance(status_code, int):
            raise TypeError("status_code must be an int, not " + type(status_code).__name__)
        now = time.time()
        resp = cls(b"HTTP/1.1", int(status_code), status_codes.RESPONSES.get(status_code, "").encode(), headers, None,
                   None, now, now)
        if isinstance(content, (bytes, bytearray)):
            resp.content = bytes(content)
        elif isinstance(content, str):
            resp.text = content
        else:
            raise TypeError("Expected content to be str or bytes, but is {}.".format(type(content).__name__))
        return resp

    @property
    def status_code(self) -> int:
        return self.data.status_code

    @status_code.setter
    def status_code(self, value):
        self.data.status_code = value

    @property
    def reason(self) -> str:
        return self.data.reason.decode("ISO-8859-1")

    @reason.setter
    def reason(self, value):
        self.data.reason = value if isinstance(value, bytes) else always_str(value).encode("ISO-8859-1")

    def _get_cookies(self):
        return tuple(cookies.parse_set_cookie_headers(self.headers.get_all("set-cookie")))

    def _set_cookies(self, pairs):
        self.headers.set_all("set-cookie", [
            cookies.format_set_cookie_header([(name, value[0], value[1])]) for name, value in pairs])

    cookies = view(_get_cookies, _set_cookies)

    def refresh(self, now=None):
        """Moves dates as if the response had been sent now."""
        delta = (time.time() if now is None else now) - self.timestamp_start
        for name in ("date", "expires", "last-modified"):
            if name in self.headers:
                when = parsedate_tz(self.headers[name])
                if when:
                    self.headers[name] = formatdate(mktime_tz(when) + delta, usegmt=True)
        fresh = []
        for header in self.headers.get_all("set-cookie"):
            try:
                fresh.append(cookies.refresh_set_cookie_header(header, int(delta)))
            except ValueError:
                fresh.append(header)
        if fresh:
            self.headers.set_all("set-cookie", fresh)
