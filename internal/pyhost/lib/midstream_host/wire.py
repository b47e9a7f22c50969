"""Frames on the socket to the proxy:

    length of the rest (4, big-endian) · length of the head (4) · head (JSON) · octets
"""
from __future__ import annotations

import collections
import json
import select
import socket
import struct
import threading

_sizes = struct.Struct(">II")
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
LIMIT = 1 << 30


class Closed(Exception):
    """The proxy is gone."""


class Wire:
    """The socket. One thread reads; all may send."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        sock.setblocking(False)
        self._in = bytearray()
        self._sending = threading.Lock()
        self.frames = collections.deque()  # read, not yet handled

    def fileno(self):
        return self.sock.fileno()

    def send(self, head: dict, raw: bytes = b""):
        text = _dumps(head).encode("ascii")
        data = _sizes.pack(4 + len(text) + len(raw), len(text)) + text + raw
        with self._sending:
            at = 0
            view = memoryview(data)
            while at < len(data):
                try:
                    at += self.sock.send(view[at:])
                except (BlockingIOError, InterruptedError):
                    select.select([], [self.sock], [], 1.0)
                except OSError as e:
                    raise Closed from e

    def read(self, wait: bool = False):
        """Puts what has come into frames; with wait until something has."""
        if wait:
            select.select([self.sock], [], [])
        while True:
            try:
                data = self.sock.recv(1 << 18)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as e:
                raise Closed from e
            if not data:
                raise Closed
            self._in += data
            self._cut()
            if len(data) < 1 << 18:
                return

    def _cut(self):
        at, have = 0, len(self._in)
        while have - at >= 8:
            size, head = _sizes.unpack_from(self._in, at)
            if size > LIMIT or head > size - 4:
                raise Closed
            if have - at < 4 + size:
                break
            start = at + 8
            value = json.loads(self._in[start:start + head])
            raw = bytes(self._in[start + head:at + 4 + size])
            self.frames.append((value, raw))
            at += 4 + size
        if at:
            del self._in[:at]
