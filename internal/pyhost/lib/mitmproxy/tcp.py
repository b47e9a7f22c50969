"""Raw tunnels."""
from __future__ import annotations

import time

from mitmproxy import flow


class TCPMessage:
    """What has arrived in one piece."""

    def __init__(self, from_client: bool, content: bytes, timestamp=None):
        self.from_client = from_client
        self.content = content
        self.timestamp = time.time() if timestamp is None else timestamp

    def __repr__(self):
        return "{} {}".format("->" if self.from_client else "<-", repr(self.content))

    def get_state(self):
        return self.from_client, self.content, self.timestamp

    @classmethod
    def from_state(cls, state):
        return cls(*state)


class _Messages(flow.Flow):
    """A flow that consists of messages."""

    _message = TCPMessage

    def __init__(self, client_conn, server_conn, live: bool = False):
        super().__init__(client_conn, server_conn, live)
        self.messages = []

    @property
    def timestamp_start(self) -> float:
        return self.timestamp_created

    def __repr__(self):
        return "<{} ({} messages)>".format(type(self).__name__, len(self.messages))

    def copy(self):
        new = super().copy()
        new.messages = [self._message.from_state(m.get_state()) for m in self.messages]
        return new

    def get_state(self):
        state = super().get_state()
        state["messages"] = [m.get_state() for m in self.messages]
        return state

    def set_state(self, state):
        super().set_state(state)
        self.messages = [self._message.from_state(m) for m in state["messages"]]


class TCPFlow(_Messages):
    """One raw tunnel."""

    type = "tcp"
