"""Modes of the proxy."""
from mitmproxy.connection import _Mode


class ProxyMode(_Mode):
    @classmethod
    def parse(cls, spec: str):
        return cls(spec)
