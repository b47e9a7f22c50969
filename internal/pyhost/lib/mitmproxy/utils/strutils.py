"""Octets and text."""
from __future__ import annotations

import codecs
import re


def always_bytes(value, *args):
    return value.encode(*args) if isinstance(value, str) else value


def always_str(value, *args):
    return value.decode(*args) if isinstance(value, bytes) else value


def bytes_to_escaped_str(data: bytes, keep_spacing: bool = False, escape_single_quotes: bool = False) -> str:
    if not isinstance(data, bytes):
        raise ValueError("data must be bytes, but is {}".format(type(data)))
    text = repr(b'"' + data)[3:-1]
    if not escape_single_quotes:
        text = re.sub(r"(?<!\\)(\\\\)*\\'", lambda m: (m.group(1) or "") + "'", text)
    if keep_spacing:
        text = re.sub(r"(?<!\\)(\\\\)*\\([nrt])",
                      lambda m: (m.group(1) or "") + {"n": "\n", "r": "\r", "t": "\t"}[m.group(2)], text)
    return text


def escaped_str_to_bytes(data: str) -> bytes:
    if not isinstance(data, str):
        raise ValueError("data must be str, but is {}".format(type(data)))
    return codecs.escape_decode(data)[0]


def is_mostly_bin(s: bytes) -> bool:
    if not s:
        return False
    part = s[:100]
    odd = sum(c < 9 or 13 < c < 32 or c > 126 for c in part)
    return odd / len(part) > 0.3


def is_xml(s: bytes) -> bool:
    return s.strip().startswith(b"<")


def clean_hanging_newline(t: str) -> str:
    return t[:-1] if t and t[-1] == "\n" else t


def escape_control_characters(text: str, keep_spacing: bool = True) -> str:
    kept = "\t\n\r" if keep_spacing else ""
    return "".join(c if c >= " " and c != "\x7f" or c in kept else "." for c in text)


def hexdump(s: bytes):
    for i in range(0, len(s), 16):
        part = s[i:i + 16]
        yield ("{:0=10x}".format(i), " ".join("{:0=2x}".format(b) for b in part).ljust(47),
               "".join(chr(b) if 32 <= b < 127 else "." for b in part))
