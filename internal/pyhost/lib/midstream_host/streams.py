"""Functions on the pieces of a body."""
from __future__ import annotations

import inspect
import queue
import threading


def pieces(value):
    """What a chunk function returned, as a list of bytes."""
    if value is None:
        return []
    if isinstance(value, (bytes, bytearray, memoryview)):
        return [value] if len(value) else []
    if isinstance(value, str):
        raise TypeError("a stream function returns bytes or an iterable of bytes, not str")
    out = []
    for item in value:
        if not isinstance(item, (bytes, bytearray, memoryview)):
            raise TypeError("a stream function returns bytes or an iterable of bytes, not of " + type(item).__name__)
        if len(item):
            out.append(item)
    return out


class First(bytes):
    """The first piece for a generator function. Of the newer kind it is called with
    a piece at a time; of the older kind it loops over pieces, and has found out here."""

    old = None

    def __iter__(self):
        return iter(bytes(self)) if self.old is None else self.old.chunks()


class Stream:
    """One body and the function that is run on it."""

    def __init__(self, fn):
        self.fn = fn
        self.generator = None
        call = fn if inspect.isroutine(fn) else getattr(fn, "__call__", fn)
        self.unsure = inspect.isgeneratorfunction(call)

    def run(self, chunk: bytes):
        if self.generator is not None:
            return self.generator.feed(chunk)
        if self.unsure:
            self.unsure = False
            g = Generator(self.fn)
            out = g.start(chunk)
            if g.old:
                self.generator = g
            return out
        return pieces(self.fn(chunk))

    def close(self):
        if self.generator is not None:
            self.generator.abandon()


class _Gone(Exception):
    pass


class Generator:
    """A generator over pieces. It runs on a thread of its own, only while the thread
    of the addons waits for it: so there is still one at a time."""

    def __init__(self, fn):
        self.fn = fn
        self.old = False
        self.ended = False
        self._to = queue.SimpleQueue()
        self._from = queue.SimpleQueue()
        self._out = []

    def start(self, chunk: bytes):
        first = First(chunk)
        first.old = self
        self._first = chunk
        threading.Thread(target=self._work, args=(first,), daemon=True, name="stream").start()
        return self._wait()

    def feed(self, chunk: bytes):
        if self.ended:
            return []
        self._to.put(chunk)
        return self._wait()

    def abandon(self):
        if not self.ended:
            self._to.put(_Gone)

    def chunks(self):
        """The pieces, for the generator's own loop."""
        self.old = True
        chunk = self._first
        while chunk:
            yield chunk
            out, self._out = self._out, []
            self._from.put(out)
            chunk = self._to.get()
            if chunk is _Gone:
                raise _Gone

    def _wait(self):
        got = self._from.get()
        if isinstance(got, BaseException):
            raise got
        return got

    def _work(self, first):
        try:
            for item in self.fn(first):
                self._out += pieces([item])
            out, self._out = self._out, []
            self.ended = True
            self._from.put(out)
        except _Gone:
            self.ended = True
        except BaseException as e:
            self.ended = True
            self._from.put(e)
