"""DNS messages, as far as addons make and read them."""
from __future__ import annotations

import ipaddress
import time

from mitmproxy import flow


class Question:
    def __init__(self, name: str, type: int = 1, class_: int = 1):
        self.name, self.type, self.class_ = name, type, class_

    def __repr__(self):
        return "{} {}".format(self.name, self.type)


class ResourceRecord:
    """One record of an answer."""

    DEFAULT_TTL = 60

    def __init__(self, name: str, type: int, class_: int, ttl: int, data: bytes):
        self.name, self.type, self.class_, self.ttl, self.data = name, type, class_, ttl, data

    @classmethod
    def A(cls, name, ip, ttl=DEFAULT_TTL):
        return cls(name, 1, 1, ttl, ipaddress.IPv4Address(ip).packed)

    @classmethod
    def AAAA(cls, name, ip, ttl=DEFAULT_TTL):
        return cls(name, 28, 1, ttl, ipaddress.IPv6Address(ip).packed)

    @classmethod
    def CNAME(cls, alias, canonical, ttl=DEFAULT_TTL):
        return cls(alias, 5, 1, ttl, _packed(canonical))

    @classmethod
    def TXT(cls, name, text, ttl=DEFAULT_TTL):
        return cls(name, 16, 1, ttl, bytes([len(text)]) + text.encode())

    @property
    def ipv4_address(self):
        return ipaddress.IPv4Address(self.data)

    @property
    def ipv6_address(self):
        return ipaddress.IPv6Address(self.data)

    @property
    def text(self):
        return self.data[1:].decode("utf-8", "surrogateescape")


def _packed(name: str) -> bytes:
    return b"".join(bytes([len(p)]) + p.encode("idna") for p in name.split(".") if p) + b"\0"


class DNSMessage:
    """A query or an answer."""

    def __init__(self, id=0, query=True, questions=(), answers=(), response_code=0, timestamp=None):
        self.id, self.query, self.response_code = id, query, response_code
        self.questions, self.answers = list(questions), list(answers)
        self.timestamp = time.time() if timestamp is None else timestamp

    @property
    def question(self):
        return self.questions[0] if len(self.questions) == 1 else None

    def succeed(self, answers):
        return DNSMessage(self.id, False, self.questions, answers)

    def fail(self, response_code: int):
        return DNSMessage(self.id, False, self.questions, (), response_code)


class DNSFlow(flow.Flow):
    """A query and its answer."""

    type = "dns"

    def __init__(self, client_conn, server_conn, live: bool = False):
        super().__init__(client_conn, server_conn, live)
        self.request: DNSMessage = None
        self.response = None
