"""Where a server or a parent proxy is."""
from __future__ import annotations

from typing import NamedTuple, Tuple

from mitmproxy.net.http import url


class ServerSpec(NamedTuple):
    scheme: str
    address: Tuple[str, int]


def parse(server_spec: str, default_scheme: str = "https") -> ServerSpec:
    """Reads scheme://host:port, scheme and port being optional."""
    scheme, sep, rest = server_spec.partition("://")
    if not sep:
        scheme, rest = default_scheme, server_spec
    if scheme not in ("http", "https", "http3", "tls", "tcp", "udp", "dns", "quic"):
        raise ValueError("Invalid server scheme: " + scheme)
    host, port = url.parse_authority(rest.rstrip("/"), check=True)
    if port is None:
        port = {"http": 80, "https": 443, "quic": 443, "http3": 443, "dns": 53}.get(scheme)
    if port is None:
        raise ValueError("Port specification missing.")
    return ServerSpec(scheme, (host, port))


def parse_with_mode(mode: str):
    name, _, spec = mode.partition(":")
    return name, parse(spec, "https")
