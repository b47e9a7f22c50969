"""DNS messages: made, read, written (RFC 1035 section 4)."""
from __future__ import annotations

import ipaddress
import struct
import time
import typing

from mitmproxy import flow
from mitmproxy.net.dns import classes, domain_names, op_codes, response_codes, types

_header = struct.Struct("!6H")


class _State:
    """What has a state of its attributes."""

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None

    def get_state(self):
        return {k: [i.get_state() for i in v] if isinstance(v, list) else v for k, v in vars(self).items()}

    @classmethod
    def from_state(cls, state):
        new = cls.__new__(cls)
        new.__dict__.update(state)
        return new


class Question(_State):
    """What is asked for."""

    def __init__(self, name: str, type: int = types.A, class_: int = classes.IN):
        self.name, self.type, self.class_ = name, type, class_

    def __str__(self):
        return self.name

    def __repr__(self):
        return "Question({!r}, {}, {})".format(self.name, types.to_str(self.type), classes.to_str(self.class_))

    def to_json(self):
        return {"name": self.name, "type": types.to_str(self.type), "class": classes.to_str(self.class_)}


class ResourceRecord(_State):
    """One record of an answer."""

    DEFAULT_TTL = 60

    def __init__(self, name: str, type: int, class_: int, ttl: int, data: bytes):
        self.name, self.type, self.class_, self.ttl, self.data = name, type, class_, ttl, data

    @classmethod
    def A(cls, name, ip, *, ttl=DEFAULT_TTL):
        return cls(name, types.A, classes.IN, ttl, ipaddress.IPv4Address(str(ip)).packed)

    @classmethod
    def AAAA(cls, name, ip, *, ttl=DEFAULT_TTL):
        return cls(name, types.AAAA, classes.IN, ttl, ipaddress.IPv6Address(str(ip)).packed)

    @classmethod
    def CNAME(cls, alias, canonical, *, ttl=DEFAULT_TTL):
        return cls(alias, types.CNAME, classes.IN, ttl, domain_names.pack(canonical))

    @classmethod
    def PTR(cls, inaddr, ptr, *, ttl=DEFAULT_TTL):
        return cls(inaddr, types.PTR, classes.IN, ttl, domain_names.pack(ptr))

    @classmethod
    def TXT(cls, name, text, *, ttl=DEFAULT_TTL):
        octets = text.encode("utf-8")
        parts = [octets[i:i + 255] for i in range(0, len(octets), 255)] or [b""]
        return cls(name, types.TXT, classes.IN, ttl, b"".join(bytes([len(p)]) + p for p in parts))

    @property
    def text(self) -> str:
        out, at = b"", 0
        while at < len(self.data):
            out += self.data[at + 1:at + 1 + self.data[at]]
            at += 1 + self.data[at]
        return out.decode("utf-8", "surrogateescape")

    @text.setter
    def text(self, value: str):
        self.data = self.TXT("", value).data

    @property
    def ipv4_address(self):
        return ipaddress.IPv4Address(self.data)

    @ipv4_address.setter
    def ipv4_address(self, ip):
        self.data = ipaddress.IPv4Address(str(ip)).packed

    @property
    def ipv6_address(self):
        return ipaddress.IPv6Address(self.data)

    @ipv6_address.setter
    def ipv6_address(self, ip):
        self.data = ipaddress.IPv6Address(str(ip)).packed

    @property
    def domain_name(self) -> str:
        return domain_names.unpack(self.data)

    @domain_name.setter
    def domain_name(self, name: str):
        self.data = domain_names.pack(name)

    def __str__(self):
        try:
            if self.type == types.A:
                return str(self.ipv4_address)
            if self.type == types.AAAA:
                return str(self.ipv6_address)
            if self.type in (types.NS, types.CNAME, types.PTR):
                return self.domain_name
            if self.type == types.TXT:
                return self.text
        except (ValueError, struct.error, IndexError):
            pass
        return "0x" + self.data.hex()

    def to_json(self):
        return {"name": self.name, "type": types.to_str(self.type), "class": classes.to_str(self.class_), "ttl": self.ttl,
                "data": str(self)}


_SECTIONS = ("questions", "answers", "authorities", "additionals")


class DNSMessage(_State):
    """A question or an answer."""

    def __init__(self, timestamp=None, id: int = 0, query: bool = True, op_code: int = op_codes.QUERY,
                 authoritative_answer: bool = False, truncation: bool = False, recursion_desired: bool = False,
                 recursion_available: bool = False, reserved: int = 0, response_code: int = response_codes.NOERROR,
                 questions: typing.Iterable[Question] = (), answers: typing.Iterable[ResourceRecord] = (),
                 authorities: typing.Iterable[ResourceRecord] = (), additionals: typing.Iterable[ResourceRecord] = ()):
        self.timestamp = time.time() if timestamp is None else timestamp
        self.id, self.query, self.op_code, self.response_code = id, query, op_code, response_code
        self.authoritative_answer, self.truncation, self.reserved = authoritative_answer, truncation, reserved
        self.recursion_desired, self.recursion_available = recursion_desired, recursion_available
        self.questions, self.answers = list(questions), list(answers)
        self.authorities, self.additionals = list(authorities), list(additionals)

    @property
    def question(self) -> typing.Optional[Question]:
        return self.questions[0] if len(self.questions) == 1 else None

    def fail(self, response_code: int) -> DNSMessage:
        """An answer that says why there is none."""
        if response_code == response_codes.NOERROR:
            raise ValueError("response_code must be an error code.")
        return DNSMessage(None, self.id, False, self.op_code, recursion_desired=self.recursion_desired,
                          response_code=response_code, questions=self.questions)

    def succeed(self, answers) -> DNSMessage:
        """An answer with these records."""
        return DNSMessage(None, self.id, False, self.op_code, recursion_desired=self.recursion_desired, recursion_available=True,
                          questions=self.questions, answers=answers)

    @property
    def content(self) -> bytes:
        return str(self).encode()

    @property
    def size(self) -> int:
        return sum(len(r.data) for r in self.answers + self.authorities + self.additionals)

    def __str__(self):
        return "\r\n".join(str(x) for x in self.questions + self.answers + self.authorities + self.additionals)

    def copy(self) -> DNSMessage:
        return DNSMessage.from_state(self.get_state())

    def to_json(self):
        out = {k: v for k, v in vars(self).items() if k not in _SECTIONS}
        out["op_code"], out["response_code"] = op_codes.to_str(self.op_code), response_codes.to_str(self.response_code)
        out.update((k, [x.to_json() for x in getattr(self, k)]) for k in _SECTIONS)
        return out

    @classmethod
    def from_state(cls, state):
        new = cls()
        for name, value in state.items():
            kind = Question if name == "questions" else ResourceRecord
            setattr(new, name, [kind.from_state(i) for i in value] if name in _SECTIONS else value)
        return new

    @classmethod
    def unpack(cls, buffer: bytes, timestamp=None) -> DNSMessage:
        """Reads a message; struct.error where it is none."""
        id, flags, *counts = _header.unpack_from(buffer, 0)
        m = cls(timestamp, id, not flags & 0x8000, flags >> 11 & 15, bool(flags & 0x400), bool(flags & 0x200), bool(flags & 0x100),
                bool(flags & 0x80), flags >> 4 & 7, flags & 15)
        at = _header.size
        for section, count in zip(_SECTIONS, counts):
            for _ in range(count):
                name, size = domain_names.unpack_at(buffer, at)
                at += size
                if section == "questions":
                    m.questions.append(Question(name, *struct.unpack_from("!HH", buffer, at)))
                    at += 4
                    continue
                kind, class_, ttl, length = struct.unpack_from("!HHIH", buffer, at)
                at += 10
                data = buffer[at:at + length]
                if len(data) < length:
                    raise struct.error("the record of {} goes over the end".format(name))
                if kind in (types.NS, types.CNAME, types.PTR):
                    data = domain_names.pack(domain_names.unpack_at(buffer, at)[0])
                getattr(m, section).append(ResourceRecord(name, kind, class_, ttl, bytes(data)))
                at += length
        if at != len(buffer):
            raise struct.error("there are {} octets behind the message".format(len(buffer) - at))
        return m

    @property
    def packed(self) -> bytes:
        """The message as it is sent, without compression."""
        flags = (not self.query) << 15 | self.op_code << 11 | bool(self.authoritative_answer) << 10 | bool(self.truncation) << 9
        flags |= bool(self.recursion_desired) << 8 | bool(self.recursion_available) << 7 | self.reserved << 4 | self.response_code
        out = [_header.pack(self.id, flags, *(len(getattr(self, s)) for s in _SECTIONS))]
        for q in self.questions:
            out.append(domain_names.pack(q.name) + struct.pack("!HH", q.type, q.class_))
        for r in self.answers + self.authorities + self.additionals:
            out.append(domain_names.pack(r.name) + struct.pack("!HHIH", r.type, r.class_, r.ttl, len(r.data)) + r.data)
        return b"".join(out)


Message = DNSMessage


class DNSFlow(flow.Flow):
    """A question and its answer."""

    type = "dns"

    def __init__(self, client_conn, server_conn, live: bool = False):
        super().__init__(client_conn, server_conn, live)
        self.request: DNSMessage = None
        self.response = None

    @property
    def timestamp_start(self) -> float:
        return self.request.timestamp

    def __repr__(self):
        return "<DNSFlow\r\n  request={!r}\r\n  response={!r}\r\n>".format(self.request, self.response)

    def copy(self):
        new = super().copy()
        new.request = self.request and self.request.copy()
        new.response = self.response and self.response.copy()
        return new

    def get_state(self):
        state = super().get_state()
        state["request"] = self.request.get_state()
        state["response"] = self.response.get_state() if self.response else None
        return state

    def set_state(self, state):
        super().set_state(state)
        self.request = DNSMessage.from_state(state["request"])
        self.response = DNSMessage.from_state(state["response"]) if state.get("response") else None
