"""Typed netstrings: length, colon, octets, and a letter for the type."""
from __future__ import annotations

import typing


def dumps(value) -> bytes:
    """A value as octets."""
    if value is None:
        return b"0:~"
    if value is True or value is False:
        text, mark = (b"true" if value else b"false"), b"!"
    elif isinstance(value, int):
        text, mark = str(int(value)).encode(), b"#"
    elif isinstance(value, float):
        text, mark = repr(value).encode(), b"^"
    elif isinstance(value, (bytes, bytearray)):
        text, mark = bytes(value), b","
    elif isinstance(value, str):
        text, mark = value.encode("utf-8", "surrogateescape"), b";"
    elif isinstance(value, (list, tuple)):
        text, mark = b"".join(dumps(v) for v in value), b"]"
    elif isinstance(value, dict):
        text, mark = b"".join(dumps(k) + dumps(v) for k, v in value.items()), b"}"
    else:
        raise ValueError("unserializable object: {!r}".format(value))
    return str(len(text)).encode() + b":" + text + mark


def load(fo: typing.BinaryIO):
    """Reads one value; ValueError at the end and where there is none."""
    digits = b""
    c = fo.read(1)
    if not c:
        raise EOFError
    while c.isdigit() and len(digits) < 12:
        digits += c
        c = fo.read(1)
    if c != b":" or not digits:
        raise ValueError("not a tnetstring: missing or invalid length prefix")
    size = int(digits)
    data = fo.read(size)
    mark = fo.read(1)
    if len(data) != size or not mark:
        raise ValueError("not a tnetstring: it ends too early")
    return parse(mark, data)


def loads(text: bytes):
    import io
    return load(io.BytesIO(text))


def parse(mark: bytes, data: bytes):
    if mark == b",":
        return data
    if mark == b";":
        return data.decode("utf-8", "surrogateescape")
    if mark == b"#":
        return int(data)
    if mark == b"^":
        return float(data)
    if mark == b"!":
        if data in (b"true", b"false"):
            return data == b"true"
        raise ValueError("not a tnetstring: invalid boolean literal")
    if mark == b"~":
        if data:
            raise ValueError("not a tnetstring: invalid null literal")
        return None
    if mark not in (b"]", b"}"):
        raise ValueError("unknown type tag: {!r}".format(mark))
    items, at = [], 0
    while at < len(data):
        colon = data.find(b":", at, at + 13)
        if colon < 0 or not data[at:colon].isdigit():
            raise ValueError("not a tnetstring: missing or invalid length prefix")
        end = colon + 1 + int(data[at:colon])
        if end >= len(data):
            raise ValueError("not a tnetstring: it ends too early")
        items.append(parse(data[end:end + 1], data[colon + 1:end]))
        at = end + 1
    if mark == b"]":
        return items
    if len(items) % 2:
        raise ValueError("not a tnetstring: a key has no value")
    return {k.decode() if isinstance(k, bytes) else k: v for k, v in zip(items[::2], items[1::2])}
