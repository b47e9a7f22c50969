"""Messages from the lines of their heads."""
from __future__ import annotations

import time
import typing


def _fields(lines):
    from mitmproxy.http import Headers
    fields = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and fields:
            name, value = fields[-1]
            fields[-1] = name, value + b"\r\n " + line.strip()
            continue
        name, colon, value = line.partition(b":")
        if not colon or not name:
            raise ValueError("Invalid header line: {!r}".format(line))
        fields.append((name, value.strip()))
    return Headers(fields)


def read_request_head(lines: typing.List[bytes]):
    """A request without its body from the lines of its head; ValueError where it is none."""
    from mitmproxy import http
    from mitmproxy.net.http import url
    try:
        method, target, version = lines[0].split()
    except ValueError:
        raise ValueError("Bad HTTP request line: {!r}".format(lines[0])) from None
    host, port, scheme, authority, path = "", 0, b"", b"", target
    if method == b"CONNECT":
        host, port = url.parse_authority(target, check=True)
        authority, path = target, b""
    elif target != b"*" and not target.startswith(b"/"):
        parsed, host, port, path = url.parse(target)
        scheme, authority = parsed, target.split(b"://", 1)[1].split(b"/", 1)[0]
    now = time.time()
    return http.Request(host=host if isinstance(host, str) else host.decode("idna"), port=port or 0, method=method, scheme=scheme, authority=authority,
                        path=path, http_version=version, headers=_fields(lines[1:]), content=None, trailers=None,
                        timestamp_start=now, timestamp_end=now)


def read_response_head(lines: typing.List[bytes]):
    """A response without its body from the lines of its head; ValueError where it is none."""
    from mitmproxy import http
    parts = lines[0].split(None, 2)
    if len(parts) < 2 or not parts[1].isdigit() or not parts[0].startswith(b"HTTP/"):
        raise ValueError("Bad HTTP response line: {!r}".format(lines[0]))
    return http.Response(http_version=parts[0], status_code=int(parts[1]), reason=parts[2] if len(parts) > 2 else b"",
                         headers=_fields(lines[1:]), content=None, trailers=None, timestamp_start=time.time(), timestamp_end=None)


def connection_close(http_version, headers) -> bool:
    """Whether the connection ends with the message."""
    tokens = [t.strip().lower() for t in headers.get("connection", "").split(",")]
    if "close" in tokens:
        return True
    if "keep-alive" in tokens:
        return False
    return http_version not in ("HTTP/1.1", b"HTTP/1.1", "HTTP/2.0", b"HTTP/2.0")


def expected_http_body_size(request, response=None) -> typing.Optional[int]:
    """The octets of the body: None where it is chunked, -1 where it ends with the connection
    (RFC 9112 section 6.3)."""
    headers = request.headers
    if response is not None:
        headers = response.headers
        if request.method == "HEAD" or 100 <= response.status_code < 200 or response.status_code in (204, 304):
            return 0
        if request.method == "CONNECT" and 200 <= response.status_code < 300:
            return 0
    elif headers.get("expect", "").lower() == "100-continue":
        return 0
    if "transfer-encoding" in headers:
        if "chunked" in headers["transfer-encoding"].lower():
            return None
        return -1
    if "content-length" in headers:
        size = headers["content-length"]
        if not size.isdigit():
            raise ValueError("invalid content-length header: {!r}".format(size))
        return int(size)
    return 0 if response is None else -1
