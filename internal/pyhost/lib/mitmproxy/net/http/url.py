"""URLs, their parts and their queries."""
from __future__ import annotations

import urllib.parse

_default_ports = {"http": 80, "https": 443}


def default_port(scheme):
    if isinstance(scheme, bytes):
        scheme = scheme.decode("latin-1")
    return _default_ports.get(scheme)


def parse(url):
    """(scheme, host, port, path) as bytes, the port a number. ValueError where it is no absolute URL."""
    if isinstance(url, bytes):
        url = url.decode("ascii")
    url.encode("ascii")
    parts = urllib.parse.urlsplit(url)
    if not parts.hostname:
        raise ValueError("No hostname given")
    host = parts.hostname.encode("idna") if not _is_address(parts.hostname) else parts.hostname.encode("ascii")
    if any(c in parts.netloc for c in " \t\r\n"):
        raise ValueError("Invalid hostname")
    port = parts.port
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    path = urllib.parse.urlunsplit(("", "", parts.path, parts.query, parts.fragment))
    if not path.startswith("/"):
        path = "/" + path
    return parts.scheme.encode("ascii"), host, port, path.encode("ascii")


def _is_address(host: str) -> bool:
    return ":" in host


def unparse(scheme: str, host: str, port: int, path: str = "") -> str:
    return "{}://{}{}".format(scheme, hostport(scheme, host, port), "" if path == "*" else path)


def encode(s, similar_to: str = None) -> str:
    """The query of a list of pairs; in the manner of another one: names without "=" keep none."""
    text = urllib.parse.urlencode([(k, v) for k, v in s], False, errors="surrogateescape")
    if text and similar_to and any("=" not in item for item in similar_to.split("&")):
        text = text.replace("=&", "&")
        if text.endswith("="):
            text = text[:-1]
    return text


def decode(s: str):
    """The pairs of a query, blank values included."""
    return urllib.parse.parse_qsl(s, keep_blank_values=True, errors="surrogateescape")


def quote(b: str, safe: str = "/") -> str:
    return urllib.parse.quote(b, safe=safe, errors="surrogateescape")


def unquote(s: str) -> str:
    return urllib.parse.unquote(s, errors="surrogateescape")


def hostport(scheme, host, port: int):
    """host:port, the port left out where the scheme implies it; IPv6 in brackets."""
    if default_port(scheme) == port:
        return _bracketed(host)
    if isinstance(host, bytes):
        return b"%s:%d" % (_bracketed(host), port)
    return "{}:{}".format(_bracketed(host), port)


def _bracketed(host):
    if isinstance(host, bytes):
        return b"[" + host + b"]" if b":" in host and not host.startswith(b"[") else host
    return "[" + host + "]" if ":" in host and not host.startswith("[") else host


def parse_authority(authority, check: bool = False):
    """(host, port or None). Without check what cannot be read is returned as the host."""
    text = authority.decode("utf-8", "surrogateescape") if isinstance(authority, bytes) else authority
    try:
        host, port = text, None
        if text.startswith("["):
            host, _, rest = text[1:].partition("]")
            if rest.startswith(":"):
                port = int(rest[1:])
            elif rest:
                raise ValueError("not a port: " + rest)
        elif text.count(":") == 1:
            host, _, p = text.partition(":")
            port = int(p)
        if isinstance(authority, bytes):
            host = host.encode("utf-8", "surrogateescape").decode("idna")
        if port is not None and not 0 <= port <= 65535 or not host:
            raise ValueError("not an authority: " + text)
        return host, port
    except ValueError:
        if check:
            raise
        return text, None
