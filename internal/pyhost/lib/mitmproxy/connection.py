"""Connections to clients and servers."""
from __future__ import annotations

import enum
import typing
import uuid
import warnings

from mitmproxy import certs
from mitmproxy.net import server_spec


class ConnectionState(enum.Flag):
    CLOSED = 0
    CAN_READ = 1
    CAN_WRITE = 2
    OPEN = CAN_READ | CAN_WRITE


Address = typing.Tuple[str, int]


class Connection:
    """One end of a flow. Two of the same id are equal."""

    transport_protocol = "tcp"
    error = None
    tls = False
    tls_version = None
    cipher = None
    cipher_list = ()
    sni = None
    alpn = None
    alpn_offers = ()
    peername = None
    sockname = None
    timestamp_start = None
    timestamp_end = None
    timestamp_tls_setup = None
    mitmcert = None
    state = ConnectionState.CLOSED
    _chain = None

    def __init__(self, **values):
        self.id = str(uuid.uuid4())
        for name, value in values.items():
            setattr(self, name, value)

    @property
    def certificate_list(self):
        if callable(self._chain):
            self._chain = [certs.Cert(c) for c in self._chain()]
        return self._chain or []

    @certificate_list.setter
    def certificate_list(self, value):
        self._chain = list(value)

    @property
    def tls_established(self) -> bool:
        return self.timestamp_tls_setup is not None

    @property
    def connected(self) -> bool:
        return self.state is ConnectionState.OPEN

    @property
    def alpn_proto_negotiated(self):
        return self.alpn

    @property
    def cipher_name(self):
        return self.cipher

    def __eq__(self, other):
        return isinstance(other, Connection) and self.id == other.id

    def __hash__(self):
        return hash(self.id)

    def copy(self):
        new = type(self).__new__(type(self))
        new.__dict__.update(self.__dict__)
        return new

    _kept = ("id", "transport_protocol", "error", "tls", "tls_version", "cipher", "cipher_list", "sni", "alpn",
             "alpn_offers", "peername", "sockname", "timestamp_start", "timestamp_end", "timestamp_tls_setup")

    def get_state(self):
        state = {name: getattr(self, name) for name in self._kept}
        state["state"] = self.state.value
        state["certificate_list"] = [c.get_state() for c in self.certificate_list]
        for name in ("peername", "sockname"):
            state[name] = state[name] and tuple(state[name])
        state["alpn_offers"], state["cipher_list"] = list(self.alpn_offers), list(self.cipher_list)
        return state

    def set_state(self, state):
        for name in self._kept:
            if name in state:
                value = state[name]
                if name in ("peername", "sockname", "address") and value is not None:
                    value = tuple(value)
                self.__dict__[name] = value
        self.state = ConnectionState(state.get("state", 0))
        self.certificate_list = [certs.Cert.from_state(c) for c in state.get("certificate_list") or []]

    @classmethod
    def from_state(cls, state):
        new = cls()
        new.set_state(state)
        return new


class _Mode:
    """How a client has come in."""

    def __init__(self, full_spec: str = "regular"):
        self.full_spec = full_spec
        self.type_name = full_spec.partition(":")[0].partition("@")[0]
        self.data = full_spec.partition(":")[2]

    def __str__(self):
        return self.full_spec

    def __eq__(self, other):
        return str(self) == str(other)

    def __hash__(self):
        return hash(self.full_spec)


class Client(Connection):
    """The connection of a client."""

    proxy_mode = _Mode()
    _shown = None

    @property
    def mitmcert(self):
        """The certificate that the client was shown."""
        if callable(self._shown):
            chain = self._shown()
            self._shown = certs.Cert(chain[0]) if chain else None
        return self._shown

    @mitmcert.setter
    def mitmcert(self, value):
        self._shown = value

    @property
    def address(self):
        return self.peername

    @address.setter
    def address(self, value):
        self.peername = value

    @property
    def clientcert(self):
        return self.certificate_list[0] if self.certificate_list else None

    def __repr__(self):
        return "Client({}, state={})".format(_where(self.peername), (self.state.name or "closed").lower())

    def __str__(self):
        return "Client({}, state={})".format(_where(self.peername), (self.state.name or "closed").lower())

    def get_state(self):
        state = super().get_state()
        state["mitmcert"] = self.mitmcert.get_state() if self.mitmcert else None
        state["proxy_mode"] = str(self.proxy_mode)
        return state

    def set_state(self, state):
        super().set_state(state)
        self.proxy_mode = _Mode(state.get("proxy_mode") or "regular")


class Server(Connection):
    """The connection to a server: address is where it leads, via a parent proxy."""

    timestamp_tcp_setup = None
    _address = None
    _via = None
    _kept = Connection._kept + ("address", "timestamp_tcp_setup")

    def __init__(self, address=None, **values):
        super().__init__(**values)
        self._address = address

    def _change(self, what, value, old):
        if self.state is ConnectionState.OPEN and value != old:
            raise RuntimeError("Cannot change server.{} on open connection.".format(what))

    @property
    def address(self):
        return self._address

    @address.setter
    def address(self, value):
        self._change("address", value, self._address)
        self._address = value

    @property
    def via(self):
        return self._via

    @via.setter
    def via(self, value):
        if isinstance(value, str):
            value = server_spec.parse(value, "http")
        elif value is not None:
            value = server_spec.ServerSpec(value[0], tuple(value[1]))
        self._change("via", value, self._via)
        self._via = value

    @property
    def ip_address(self):
        return self.peername

    @property
    def cert(self):
        return self.certificate_list[0] if self.certificate_list else None

    def __repr__(self):
        port = ", src_port={}".format(self.sockname[1]) if self.sockname else ""
        return "Server({}, state={}{})".format(_where(self.address), (self.state.name or "closed").lower(), port)

    __str__ = __repr__

    def get_state(self):
        state = super().get_state()
        state["via"] = [self.via.scheme, list(self.via.address)] if self.via else None
        state["address"] = state["address"] and tuple(state["address"])
        return state

    def set_state(self, state):
        address = state.get("address")
        super().set_state({k: v for k, v in state.items() if k != "address"})
        self._address = tuple(address) if address else None
        via = state.get("via")
        self._via = server_spec.ServerSpec(via[0], tuple(via[1])) if via else None


def _where(address):
    return "{}:{}".format(*address[:2]) if address else "<no address>"


def __getattr__(name):
    old = {"ClientConnection": Client, "ServerConnection": Server}
    if name in old:
        warnings.warn("{} is {} since mitmproxy 7".format(name, old[name].__name__), DeprecationWarning, stacklevel=2)
        return old[name]
    raise AttributeError("module 'mitmproxy.connection' has no attribute " + repr(name))
