"""Messages for tests."""
from __future__ import annotations

from mitmproxy import dns, http


def treq(**kwargs) -> http.Request:
    """A request with a body; keywords change parts of it."""
    given = dict(host="address", port=22, method=b"GET", scheme=b"http", authority=b"", path=b"/path", http_version=b"HTTP/1.1",
                 headers=http.Headers(((b"header", b"qvalue"), (b"content-length", b"7"))), content=b"content", trailers=None,
                 timestamp_start=946681200, timestamp_end=946681201)
    given.update(kwargs)
    given["headers"] = _fields(given["headers"])
    return http.Request(**given)


def tresp(**kwargs) -> http.Response:
    """A response with a body; keywords change parts of it."""
    given = dict(http_version=b"HTTP/1.1", status_code=200, reason=b"OK",
                 headers=http.Headers(((b"header-response", b"svalue"), (b"content-length", b"7"))), content=b"message",
                 trailers=None, timestamp_start=946681202, timestamp_end=946681203)
    given.update(kwargs)
    given["headers"] = _fields(given["headers"])
    return http.Response(**given)


def _fields(headers):
    return headers if isinstance(headers, http.Headers) else http.Headers(headers)


def tdnsreq(**kwargs) -> dns.DNSMessage:
    """A question."""
    given = dict(timestamp=946681200, id=42, query=True, recursion_desired=True, questions=[dns.Question("dns.google", 1, 1)])
    given.update(kwargs)
    return dns.DNSMessage(**given)


def tdnsresp(**kwargs) -> dns.DNSMessage:
    """Its answer."""
    given = dict(timestamp=946681201, id=42, query=False, recursion_desired=True, recursion_available=True,
                 questions=[dns.Question("dns.google", 1, 1)],
                 answers=[dns.ResourceRecord("dns.google", 1, 1, 32, b"\x08\x08\x08\x08"),
                          dns.ResourceRecord("dns.google", 1, 1, 32, b"\x08\x08\x04\x04")])
    given.update(kwargs)
    return dns.DNSMessage(**given)
