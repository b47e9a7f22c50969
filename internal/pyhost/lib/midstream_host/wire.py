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
_gathers = hasattr(socket.socket, "sendmsg")


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
        self.put(_dumps(head), raw)

    def put(self, head: str, raw: bytes = b""):
        """send for a head that is JSON already."""
        text = head.encode("ascii")
        data = _sizes.pack(4 + len(text) + len(raw), len(text)) + text
        with self._sending:
            try:
                at = self.sock.sendmsg((data, raw)) if _gathers else self.sock.send(data + raw)
            except (BlockingIOError, InterruptedError):
                at = 0
            except OSError as e:
                raise Closed from e
            if at < len(data) + len(raw):
                self._rest(memoryview(data + raw)[at:])

    def _rest(self, view):
        while view:
            try:
                view = view[self.sock.send(view):]
            except (BlockingIOError, InterruptedError):
                select.select([], [self.sock], [], 1.0)
            except OSError as e:
                raise Closed from e

    def soon(self, seconds: float) -> bool:
        """Tells whether something comes within a moment."""
        return bool(select.select([self.sock], [], [], seconds)[0])

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
            if self._in:
                self._in += data
                del self._in[:self._cut(self._in)]
            else:
                at = self._cut(data)
                if at < len(data):
                    self._in += memoryview(data)[at:]
            if len(data) < 1 << 18:
                return

    def _cut(self, data) -> int:
        """Takes the whole frames off data; how far they reach."""
        at, have = 0, len(data)
        while have - at >= 8:
            size, head = _sizes.unpack_from(data, at)
            if size > LIMIT or head > size - 4:
                raise Closed
            if have - at < 4 + size:
                break
            start = at + 8
            value = json.loads(data[start:start + head])
            raw = data[start + head:at + 4 + size]
            self.frames.append((value, raw if type(raw) is bytes else bytes(raw)))
            at += 4 + size
        return at
