"""Types of the TLS events, for annotations: midstream does TLS itself."""
from __future__ import annotations


class ClientHello:
    def __init__(self, *args, **kwargs):
        self.sni = None
        self.alpn_protocols = []
        self.cipher_suites = []
        self.extensions = []

    def raw_bytes(self, wrap_in_record: bool = True) -> bytes:
        return b""


class ClientHelloData:
    ignore_connection = False
    establish_server_tls_first = False
    context = None
    client_hello = None


class TlsData:
    conn = None
    context = None
    is_dtls = False
    _ssl = None

    @property
    def ssl_conn(self):
        return self._ssl

    @ssl_conn.setter
    def ssl_conn(self, value):
        raise NotImplementedError("midstream does TLS itself; ssl_conn cannot be replaced. Use the options "
                                  "tls_version_*, client_certs and certs.")


class QuicTlsData(TlsData):
    settings = None


TlsHook = TlsData
