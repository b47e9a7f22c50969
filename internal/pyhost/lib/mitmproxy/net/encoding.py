"""Content codings. gzip and deflate are done here; br and zstd, which the
standard library lacks, are lent by the proxy."""
from __future__ import annotations

import codecs
import gzip
import zlib

from midstream_host import bridge


def _gunzip(data: bytes) -> bytes:
    if not data:
        return b""
    inflate = zlib.decompressobj(32 + 15)
    out = inflate.decompress(data) + inflate.flush()
    while inflate.eof and inflate.unused_data[:2] == b"\x1f\x8b":
        rest = inflate.unused_data
        inflate = zlib.decompressobj(32 + 15)
        out += inflate.decompress(rest) + inflate.flush()
    return out


def _inflate(data: bytes) -> bytes:
    if not data:
        return b""
    try:
        return zlib.decompress(data)
    except zlib.error:
        return zlib.decompress(data, -15)


def _inflate_raw(data: bytes) -> bytes:
    return zlib.decompress(data, -15) if data else b""


def _deflate_raw(data: bytes) -> bytes:
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -15)
    return squeeze.compress(data) + squeeze.flush()


def _lent(action: str, coding: str):
    def run(data: bytes) -> bytes:
        return bridge.coding(action, coding, data) if data else b""
    return run


def _same(data: bytes) -> bytes:
    return data


_decoders = {
    "none": _same, "identity": _same, "gzip": _gunzip, "deflate": _inflate, "deflateraw": _inflate_raw,
    "br": _lent("decode", "br"), "zstd": _lent("decode", "zstd"),
}
_encoders = {
    "none": _same, "identity": _same, "gzip": lambda data: gzip.compress(data, 1, mtime=0),
    "deflate": lambda data: zlib.compress(data, 1), "deflateraw": _deflate_raw,
    "br": _lent("encode", "br"), "zstd": _lent("encode", "zstd"),
}


def _run(table, finish, word, data, name, errors):
    if data is None:
        return None
    coding = name.lower()
    try:
        if coding in table:
            return table[coding](data)
        return finish(data, coding, errors)
    except TypeError:
        raise
    except Exception as e:
        raise ValueError("{} when {} {} with {}: {}".format(
            type(e).__name__, word, repr(data)[:10], repr(name), repr(e))) from e


def decode(encoded, encoding: str, errors: str = "strict"):
    """Removes a content coding from bytes, or reads bytes as text of a charset."""
    return _run(_decoders, codecs.decode, "decoding", encoded, encoding, errors)


def encode(decoded, encoding: str, errors: str = "strict"):
    """The other way round."""
    return _run(_encoders, codecs.encode, "encoding", decoded, encoding, errors)


decode_gzip, encode_gzip = _decoders["gzip"], _encoders["gzip"]
decode_deflate, encode_deflate = _decoders["deflate"], _encoders["deflate"]
decode_brotli, encode_brotli = _decoders["br"], _encoders["br"]
decode_zstd, encode_zstd = _decoders["zstd"], _encoders["zstd"]
identity = _same
