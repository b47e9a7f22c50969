"""Messages into octets."""
from __future__ import annotations


def assemble_request(request) -> bytes:
    """The whole request; ValueError where its content is missing."""
    return assemble_request_head(request) + _whole(request)


def assemble_request_head(request) -> bytes:
    d = request.data
    if request.first_line_format == "authority":
        target = d.authority
    elif request.first_line_format == "absolute":
        target = d.scheme + b"://" + d.authority + d.path
    else:
        target = d.path
    return b" ".join((d.method, target, d.http_version)) + b"\r\n" + bytes(d.headers) + b"\r\n"


def assemble_response(response) -> bytes:
    """The whole response; ValueError where its content is missing."""
    return assemble_response_head(response) + _whole(response)


def assemble_response_head(response) -> bytes:
    d = response.data
    return b"%s %d %s\r\n" % (d.http_version, d.status_code, d.reason) + bytes(d.headers) + b"\r\n"


def _whole(message) -> bytes:
    if message.raw_content is None:
        raise ValueError("Cannot assemble flow with missing content")
    return b"".join(assemble_body(message.headers, [message.raw_content], message.trailers))


def assemble_body(headers, body_chunks, trailers):
    """The body, chunked where Transfer-Encoding says so."""
    if "chunked" not in headers.get("transfer-encoding", "").lower():
        if trailers:
            raise ValueError("Sending HTTP/1.1 trailer headers requires transfer-encoding: chunked")
        yield from (c for c in body_chunks if c)
        return
    for chunk in body_chunks:
        if chunk:
            yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
    yield b"0\r\n" + (bytes(trailers) if trailers else b"") + b"\r\n"
