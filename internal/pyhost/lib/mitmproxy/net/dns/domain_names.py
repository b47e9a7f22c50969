"""Names as they stand in messages (RFC 1035 sections 3.1 and 4.1.4)."""
from __future__ import annotations

import struct


def pack(name: str) -> bytes:
    """A name as labels, uncompressed."""
    out = bytearray()
    for label in name.split(".") if name else ():
        octets = label.encode("idna") if label and not label.isascii() else label.encode("ascii")
        if not 0 < len(octets) < 64:
            raise ValueError("the name {!r} has a label of {} octets".format(name, len(octets)))
        out.append(len(octets))
        out += octets
    return bytes(out) + b"\0"


def unpack_at(buffer: bytes, offset: int):
    """The name at offset, its pointers followed, and how many octets it takes there."""
    labels, at, size, jumps = [], offset, None, 0
    while True:
        if at >= len(buffer):
            raise struct.error("the name at {} goes over the end".format(offset))
        n = buffer[at]
        if n == 0:
            at += 1
            break
        if n >= 0xC0:
            if at + 1 >= len(buffer) or jumps > 63:
                raise struct.error("the name at {} does not end".format(offset))
            if size is None:
                size = at + 2 - offset
            at, jumps = (n & 0x3F) << 8 | buffer[at + 1], jumps + 1
            continue
        if n >= 0x40 or at + 1 + n > len(buffer):
            raise struct.error("the name at {} has a broken label".format(offset))
        labels.append(buffer[at + 1:at + 1 + n].decode("latin-1"))
        at += 1 + n
    return ".".join(labels), size if size is not None else at - offset


def unpack(buffer: bytes) -> str:
    name, size = unpack_at(buffer, 0)
    if size != len(buffer):
        raise struct.error("there is more behind the name")
    return name
