"""multipart/form-data, names and values only."""
from __future__ import annotations

import re
import secrets

from mitmproxy.net.http import headers


def _boundary(content_type):
    parsed = headers.parse_content_type(content_type or "")
    if not parsed or "boundary" not in parsed[2]:
        return None
    return parsed[2]["boundary"].strip('"').encode("ascii", "replace")


def decode_multipart(content_type, content: bytes):
    """(name, value) of each part, as bytes; line ends inside values are lost."""
    boundary = _boundary(content_type)
    if boundary is None or not content:
        return []
    found = []
    name = re.compile(br'\bname="([^"]+)"')
    for part in content.split(b"--" + boundary):
        lines = part.splitlines()
        if len(lines) > 1 and lines[0][0:2] != b"--":
            m = name.search(lines[1])
            if m:
                value = b"".join(lines[3 + lines[2:].index(b""):] if b"" in lines[2:] else [])
                found.append((m.group(1), value))
    return found


def encode_multipart(content_type: str, parts) -> bytes:
    """The body of a form; each part becomes text/plain."""
    boundary = _boundary(content_type)
    if boundary is None:
        raise ValueError("content type has no boundary: " + repr(content_type))
    out = []
    for key, value in parts:
        if not key:
            continue
        out += [b"--" + boundary, b'Content-Disposition: form-data; name="' + key + b'"',
                b"Content-Type: text/plain; charset=utf-8", b"", value]
        if boundary in value:
            raise ValueError("boundary found in encoded string")
    out += [b"--" + boundary + b"--", b""]
    return b"\r\n".join(out)


def fresh_boundary() -> str:
    return "-" * 20 + secrets.token_hex(16)
