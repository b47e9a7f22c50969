"""What the events of TLS handshakes get. midstream does TLS itself: there are no
OpenSSL objects."""
from __future__ import annotations

import typing

from mitmproxy import connection
from mitmproxy.proxy.context import Context


class ClientHello:
    """The ClientHello of a client (RFC 8446 section 4.1.2), from its octets behind the
    head of the handshake message. What is cut short in it reads as not there."""

    def __init__(self, raw_client_hello: bytes = b"", dtls: bool = False):
        self._raw = bytes(raw_client_hello)
        self._parsed = None

    def raw_bytes(self, wrap_in_record: bool = True) -> bytes:
        """The octets; by default in a record of their own."""
        if not wrap_in_record:
            return self._raw
        size = len(self._raw)
        return b"\x16\x03\x03" + (size + 4).to_bytes(2, "big") + b"\x01" + size.to_bytes(3, "big") + self._raw

    @property
    def _parts(self):
        if self._parsed is None:
            self._parsed = _parse(self._raw)
        return self._parsed

    @property
    def cipher_suites(self) -> typing.List[int]:
        """The suites offered, as numbers."""
        return list(self._parts[0])

    @property
    def extensions(self) -> typing.List[typing.Tuple[int, bytes]]:
        """Numbers and contents of the extensions."""
        return list(self._parts[1])

    @property
    def sni(self) -> typing.Optional[str]:
        """The name of the server, None where there is none or it is no name."""
        names = [data for kind, data in self.extensions if kind == 0]
        if not names or len(names[0]) < 5 or names[0][2] != 0:
            return None
        size = int.from_bytes(names[0][3:5], "big")
        name = names[0][5:5 + size]
        return name.decode("ascii") if size and len(name) == size and name.isascii() else None

    @property
    def alpn_protocols(self) -> typing.List[bytes]:
        """The protocols offered (RFC 7301)."""
        for kind, data in self.extensions:
            if kind == 16:
                return _short_vectors(data[2:])
        return []

    def __repr__(self):
        return "ClientHello(sni: {}, alpn_protocols: {})".format(self.sni, self.alpn_protocols)


def _parse(raw: bytes):
    suites, extensions = [], []
    try:
        at = 34  # version and random
        at += 1 + raw[at]  # session id
        size = int.from_bytes(raw[at:at + 2], "big")
        body = raw[at + 2:at + 2 + size]
        suites = [int.from_bytes(body[i:i + 2], "big") for i in range(0, len(body) - 1, 2)]
        at += 2 + size
        at += 1 + raw[at]  # compression methods
        end = at + 2 + int.from_bytes(raw[at:at + 2], "big")
        at += 2
        while at + 4 <= min(end, len(raw)):
            kind, size = int.from_bytes(raw[at:at + 2], "big"), int.from_bytes(raw[at + 2:at + 4], "big")
            extensions.append((kind, raw[at + 4:at + 4 + size]))
            at += 4 + size
    except IndexError:
        pass
    return suites, extensions


def _short_vectors(data: bytes):
    found, at = [], 0
    while at < len(data):
        size = data[at]
        found.append(data[at + 1:at + 1 + size])
        at += 1 + size
    return found


class ClientHelloData:
    """What tls_clienthello gets. Set ignore_connection to pass the connection on as it
    is; in which order handshakes are done is what the option connection_strategy says."""

    establish_server_tls_first = False

    def __init__(self, context: Context, client_hello: ClientHello):
        self.context = context
        self.client_hello = client_hello
        self.ignore_connection = False

    def __repr__(self):
        return "ClientHelloData({!r}, {!r})".format(self.context, self.client_hello)


class TlsData:
    """What the events of one side's handshake get: conn is that side."""

    is_dtls = False

    def __init__(self, conn: connection.Connection, context: Context):
        self.conn = conn
        self.context = context

    @property
    def ssl_conn(self):
        return None

    @ssl_conn.setter
    def ssl_conn(self, value):
        raise NotImplementedError("midstream does TLS itself; ssl_conn cannot be replaced. Use the options "
                                  "tls_version_*, client_certs and certs.")

    def __repr__(self):
        return "TlsData({!r})".format(self.conn)


class QuicTlsData(TlsData):
    settings = None


TlsHook = TlsData
