"""WebSocket connections and their messages."""
from __future__ import annotations

import enum
import time
import typing


class Opcode(enum.IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class WebSocketMessage:
    """One message; content is always bytes."""

    def __init__(self, type, from_client: bool, content: bytes, timestamp=None, dropped=False, injected=False):
        self.type = Opcode(type)
        self.from_client = from_client
        self._content = content
        self.timestamp = time.time() if timestamp is None else timestamp
        self.dropped = dropped
        self.injected = injected

    @property
    def content(self) -> bytes:
        return self._content

    @content.setter
    def content(self, value):
        if not isinstance(value, (bytes, bytearray)):
            raise TypeError("the content of a WebSocket message is bytes, not {}; .text takes text"
                            .format(type(value).__name__))
        self._content = bytes(value)

    @property
    def is_text(self) -> bool:
        return self.type is Opcode.TEXT

    @property
    def text(self) -> str:
        if not self.is_text:
            raise AttributeError("{} frames do not have a 'text' attribute.".format(self.type.name.title()))
        return self._content.decode()

    @text.setter
    def text(self, value: str):
        if not self.is_text:
            raise AttributeError("{} frames do not have a 'text' attribute.".format(self.type.name.title()))
        self._content = value.encode()

    def drop(self):
        """Keeps the message from being sent."""
        self.dropped = True

    def kill(self):
        self.drop()

    def __repr__(self):
        return self.text if self.is_text else repr(self.content)

    def get_state(self):
        return (int(self.type), self.from_client, self.content, self.timestamp, self.dropped, self.injected)

    @classmethod
    def from_state(cls, state):
        return cls(*state)


class WebSocketData:
    """What a flow has beside its messages when it has become a WebSocket."""

    def __init__(self):
        self.messages: typing.List[WebSocketMessage] = []
        self.closed_by_client: typing.Optional[bool] = None
        self.close_code: typing.Optional[int] = None
        self.close_reason: typing.Optional[str] = None
        self.timestamp_end: typing.Optional[float] = None

    def __repr__(self):
        return "<WebSocketData ({} messages)>".format(len(self.messages))

    def get_state(self):
        state = dict(vars(self))
        state["messages"] = [m.get_state() for m in self.messages]
        return state

    @classmethod
    def from_state(cls, state):
        new = cls()
        for name, value in state.items():
            setattr(new, name, [WebSocketMessage.from_state(m) for m in value] if name == "messages" else value)
        return new


def __getattr__(name):
    if name == "WebSocketFlow":
        from mitmproxy import http
        return http.HTTPFlow
    raise AttributeError("module 'mitmproxy.websocket' has no attribute " + repr(name))
