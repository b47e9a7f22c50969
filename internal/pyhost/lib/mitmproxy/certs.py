"""Certificates, as far as they can be read without a package: the proxy has read
them, their fields are here."""
from __future__ import annotations

import datetime
import sys
import types


class Cert:
    """One certificate. Attributes are set from what the proxy has read."""

    def __init__(self, fields=None):
        self._fields = dict(fields or {})

    cn = property(lambda self: self._fields.get("cn"))
    subject = property(lambda self: [tuple(p) for p in self._fields.get("subject", [])])
    issuer = property(lambda self: [tuple(p) for p in self._fields.get("issuer", [])])
    serial = property(lambda self: int(self._fields.get("serial", "0")))
    altnames = property(lambda self: list(self._fields.get("altnames", [])))
    organization = property(lambda self: self._fields.get("organization"))
    keyinfo = property(lambda self: tuple(self._fields.get("keyinfo", ("unknown", 0))))
    notbefore = property(lambda self: _when(self._fields.get("notbefore")))
    notafter = property(lambda self: _when(self._fields.get("notafter")))

    def has_expired(self) -> bool:
        return datetime.datetime.now(datetime.timezone.utc) > self.notafter

    def to_pem(self) -> bytes:
        return self._fields.get("pem", "").encode()

    def fingerprint(self) -> bytes:
        return bytes.fromhex(self._fields.get("fingerprint", ""))

    def to_cryptography(self):
        raise ImportError("midstream does not use the package cryptography; load cert.to_pem() with it yourself")

    def __eq__(self, other):
        return isinstance(other, Cert) and self.fingerprint() == other.fingerprint()

    def __hash__(self):
        return hash(self.fingerprint())

    def __repr__(self):
        return "<Cert(cn={!r}, altnames={!r})>".format(self.cn, self.altnames)

    def get_state(self):
        return self.to_pem()

    @classmethod
    def from_state(cls, state):
        pem = state.decode("ascii", "replace") if isinstance(state, bytes) else state
        return cls({"pem": pem})

    @classmethod
    def from_pem(cls, data: bytes):
        return cls.from_state(data)


def _when(seconds):
    return datetime.datetime.fromtimestamp(seconds or 0, datetime.timezone.utc)


class CertStore:
    def __init__(self, *args, **kwargs):
        raise NotImplementedError("midstream makes certificates itself: use the options certs and confdir")


def dummy_cert(*args, **kwargs):
    raise NotImplementedError("midstream makes certificates itself: use the options certs and confdir")


class _Own(types.ModuleType):
    """The module, whose functions nobody would call if they were replaced."""

    def __setattr__(self, name, value):
        if name in ("dummy_cert", "create_ca", "CertStore"):
            raise NotImplementedError("mitmproxy.certs.{} cannot be replaced: certificates are midstream's own: the option certs "
                                      "gives it others".format(name))
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Own
