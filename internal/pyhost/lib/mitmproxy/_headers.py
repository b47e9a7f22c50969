"""Header and trailer fields."""
from __future__ import annotations

from mitmproxy.coretypes import multidict


def _octets(x) -> bytes:
    if isinstance(x, bytes):
        return x
    if isinstance(x, str):
        return x.encode("utf-8", "surrogateescape")
    raise TypeError("header names and values are str or bytes, not " + type(x).__name__)


def _text(x: bytes) -> str:
    return x.decode("utf-8", "surrogateescape")


class Headers(multidict.MultiDict):
    """Fields in order, as pairs of bytes; names in any case, values of one name
    joined by a comma in lookups. Text is UTF-8 with surrogateescape."""

    def __init__(self, fields=(), **headers):
        pairs = []
        for key, value in fields:
            if not isinstance(key, bytes) or not isinstance(value, bytes):
                raise TypeError("Header fields must be bytes.")
            pairs.append((key, value))
        self.fields = tuple(pairs)
        for name, value in headers.items():
            self[name.replace("_", "-")] = value

    @staticmethod
    def _reduce_values(values):
        return ", ".join(values)

    @staticmethod
    def _kconv(key):
        return key.lower()

    def _find(self, key):
        want = _octets(key).lower()
        return [v for k, v in self.fields if k.lower() == want]

    def __bytes__(self) -> bytes:
        if not self.fields:
            return b""
        return b"\r\n".join(k + b": " + v for k, v in self.fields) + b"\r\n"

    def __contains__(self, key):
        if not isinstance(key, (str, bytes)):
            return False
        want = _octets(key).lower()
        for k, _ in self.fields:
            if k.lower() == want:
                return True
        return False

    def __getitem__(self, key):
        values = self._find(key)
        if not values:
            raise KeyError(_octets(key))
        if len(values) == 1:
            return _text(values[0])
        return _text(b", ".join(values))

    def get(self, key, default=None):
        values = self._find(key)
        if not values:
            return default
        return _text(b", ".join(values))

    def __setitem__(self, key, value):
        self.set_all(key, [value])

    def __delitem__(self, key):
        if key not in self:
            raise KeyError(_octets(key))
        want = _octets(key).lower()
        self.fields = tuple(f for f in self.fields if f[0].lower() != want)

    def __iter__(self):
        for key in super().__iter__():
            yield _text(key)

    def get_all(self, name):
        """All values of a name, one for each field."""
        return [_text(v) for v in self._find(name)]

    def set_all(self, name, values):
        """Gives a name these values, in the place of those that it has."""
        super().set_all(_octets(name), [_octets(v) for v in values])

    def insert(self, index, key, value):
        super().insert(index, _octets(key), _octets(value))

    def add(self, key, value):
        self.fields = self.fields + ((_octets(key), _octets(value)),)

    def items(self, multi=False):
        if multi:
            return ((_text(k), _text(v)) for k, v in self.fields)
        return super().items()

    def copy(self):
        new = type(self)()
        new.fields = self.fields
        return new

    def __repr__(self):
        return "Headers[{}]".format(", ".join(repr(f) for f in self.fields))


def headers_of(value) -> Headers:
    """Headers from what addons assign: Headers, a mapping, or pairs."""
    if isinstance(value, Headers):
        return value
    pairs = value.items() if hasattr(value, "items") else value
    return Headers((_octets(k), _octets(v)) for k, v in pairs)
