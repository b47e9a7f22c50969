"""What flows of all kinds have in common."""
from __future__ import annotations

import asyncio
import copy
import time
import typing
import uuid

from midstream_host import bridge
from mitmproxy import exceptions, version
from mitmproxy.connection import Client, Server


types: dict = {}


class Error:
    """Why a flow has failed."""

    KILLED_MESSAGE = "Connection killed."

    def __init__(self, msg: str, timestamp: float = None):
        self.msg = msg
        self.timestamp = time.time() if timestamp is None else timestamp

    def __str__(self):
        return self.msg

    def __repr__(self):
        return self.msg

    def __eq__(self, other):
        return isinstance(other, Error) and vars(self) == vars(other)

    __hash__ = None

    def get_state(self):
        return {"msg": self.msg, "timestamp": self.timestamp}

    def set_state(self, state):
        self.msg, self.timestamp = state["msg"], state["timestamp"]

    @classmethod
    def from_state(cls, state):
        return cls(state["msg"], state["timestamp"])


class Flow:
    """One exchange between a client and a server."""

    type: typing.ClassVar[str] = ""
    error: typing.Optional[Error] = None
    is_replay: typing.Optional[str] = None
    intercepted = False

    def __init__(self, client_conn, server_conn, live: bool = False):
        self.id = str(uuid.uuid4())
        self.client_conn: Client = client_conn
        self.server_conn: Server = server_conn
        self.live = live
        self.timestamp_created = time.time()
        self.metadata: dict = {}
        self.error = None
        self._marked = ""
        self._comment = ""
        self._backup = None
        self._resume = None
        self._late = None

    @property
    def marked(self) -> str:
        return self._marked

    @marked.setter
    def marked(self, value):
        self._marked = value
        if self._late:
            self._late(self, "marked", value)

    @property
    def comment(self) -> str:
        return self._comment

    @comment.setter
    def comment(self, value):
        self._comment = value
        if self._late:
            self._late(self, "comment", value)

    @property
    def killable(self) -> bool:
        return bool(self.live) and not (self.error and self.error.msg == Error.KILLED_MESSAGE)

    def kill(self):
        """Ends the flow without an answer."""
        if not self.killable:
            raise exceptions.ControlException("Flow is not killable.")
        self.error = Error(Error.KILLED_MESSAGE)
        self.live = False
        self._let_go()
        bridge.kill(self)

    def intercept(self):
        """Parks the flow when the hook returns, until resume() is called."""
        if not self.intercepted:
            self.intercepted = True
            self._resume = None

    def resume(self):
        if self.intercepted:
            self._let_go()
            bridge.resume(self)

    def _let_go(self):
        self.intercepted = False
        if self._resume is not None:
            waiter, self._resume = self._resume, None
            loop = waiter.get_loop()
            loop.call_soon_threadsafe(lambda: waiter.done() or waiter.set_result(None))

    async def wait_for_resume(self):
        if not self.intercepted:
            return
        if self._resume is None:
            self._resume = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._resume)

    def copy(self):
        new = copy.copy(self)
        new.id = str(uuid.uuid4())
        new.live = False
        new._late = new._resume = None
        new.intercepted = False
        new.client_conn = self.client_conn.copy()
        new.server_conn = self.server_conn.copy()
        new.metadata = copy.deepcopy(self.metadata)
        new.error = copy.copy(self.error)
        return new

    def backup(self, force: bool = False):
        """Keeps the present state for revert(); the first one counts."""
        if not self._backup:
            self._backup = self.get_state()

    def revert(self):
        if self._backup:
            state, self._backup = self._backup, None
            self.set_state(state)

    def modified(self) -> bool:
        if not self._backup:
            return False
        now = self.get_state()
        now["backup"] = None
        return now != self._backup

    def get_state(self):
        return {
            "version": version.FLOW_FORMAT_VERSION, "type": self.type, "id": self.id,
            "error": self.error.get_state() if self.error else None,
            "client_conn": self.client_conn.get_state(), "server_conn": self.server_conn.get_state(),
            "intercepted": self.intercepted, "is_replay": self.is_replay, "marked": self.marked,
            "metadata": copy.deepcopy(self.metadata), "comment": self.comment,
            "timestamp_created": self.timestamp_created, "backup": copy.deepcopy(self._backup),
        }

    def set_state(self, state):
        self.id = state["id"]
        self.error = Error.from_state(state["error"]) if state.get("error") else None
        if state["client_conn"]["id"] != self.client_conn.id:
            self.client_conn = Client.from_state(state["client_conn"])
        if state["server_conn"]["id"] != self.server_conn.id:
            self.server_conn = Server.from_state(state["server_conn"])
        self.intercepted = state.get("intercepted", False)
        self.is_replay = state.get("is_replay")
        self.marked = state.get("marked", "")
        self.comment = state.get("comment", "")
        self.metadata = dict(state.get("metadata") or {})
        self.timestamp_created = state.get("timestamp_created", 0.0)
        self._backup = state.get("backup")

    @classmethod
    def from_state(cls, state):
        kind = types.get(state.get("type", "http"), cls) if cls is Flow else cls
        new = kind(Client.from_state(state["client_conn"]), Server.from_state(state["server_conn"]))
        new.set_state(state)
        return new

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        types[cls.type] = cls

    def __getattr__(self, name):
        if name == "reply":
            raise AttributeError("flow.reply was removed in mitmproxy 7; flow.kill(), flow.intercept() and "
                                 "flow.resume() do what it did")
        raise AttributeError("{!r} object has no attribute {!r}".format(type(self).__name__, name))



