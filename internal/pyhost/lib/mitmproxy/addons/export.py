"""Flows as what sends them again: the functions behind the command export."""
from __future__ import annotations

from mitmproxy import _flow_commands, exceptions
from mitmproxy.net.http.http1 import assemble

__all__ = ["curl_command", "httpie_command", "python_requests_command", "raw", "raw_request", "raw_response", "formats"]


def _request(f):
    if getattr(f, "request", None) is None:
        raise exceptions.CommandError("Can't export flow with no request.")
    request = f.request.copy()
    request.decode(strict=False)
    return request


def _written(format: str, f) -> str:
    _request(f)
    if f.request.raw_content is None:  # it has not come, or passed unrecorded: what is known is written
        f = f.copy()
        f.request.raw_content = b""
    _, octets = _flow_commands.ask("convert", raw=_flow_commands.file_of([f]), name=format)
    return octets.decode("utf-8", "surrogateescape").rstrip("\n")


def curl_command(f) -> str:
    return _written("curl", f)


def httpie_command(f) -> str:
    return _written("httpie", f)


def python_requests_command(f) -> str:
    return _written("python", f)


def raw_request(f) -> bytes:
    request = _request(f)
    if request.raw_content is None:
        raise exceptions.CommandError("Request content missing.")
    return assemble.assemble_request(request)


def raw_response(f) -> bytes:
    if getattr(f, "response", None) is None:
        raise exceptions.CommandError("Can't export flow with no response.")
    response = f.response.copy()
    response.decode(strict=False)
    if response.raw_content is None:
        raise exceptions.CommandError("Response content missing.")
    return assemble.assemble_response(response)


def raw(f, separator: bytes = b"\r\n\r\n") -> bytes:
    """Both messages, or the one that is there."""
    there = []
    if getattr(f, "request", None) is not None and f.request.raw_content is not None:
        there.append(raw_request(f))
    if getattr(f, "response", None) is not None and f.response.raw_content is not None:
        there.append(raw_response(f))
    if not there:
        raise exceptions.CommandError("Can't export flow with no request or response.")
    return separator.join(there)


formats = dict(curl=curl_command, httpie=httpie_command, raw=raw, raw_request=raw_request, raw_response=raw_response)
