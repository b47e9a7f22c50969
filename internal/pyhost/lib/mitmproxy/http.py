"""HTTP: flows, their messages and what belongs to them."""
from __future__ import annotations

import time
import typing
import warnings

from mitmproxy import flow
from mitmproxy._headers import Headers
from mitmproxy._message import Message, MessageData
from mitmproxy._request import Request, RequestData
from mitmproxy._response import Response, ResponseData
from mitmproxy.coretypes import multidict
from mitmproxy.net.http import cookies as _cookies
from mitmproxy.websocket import WebSocketData

CookieAttrs = _cookies.CookieAttrs

__all__ = ["HTTPFlow", "Message", "Request", "Response", "Headers"]


class HTTPFlow(flow.Flow):
    """One request and its response."""

    type = "http"

    def __init__(self, client_conn, server_conn, live: bool = False):
        super().__init__(client_conn, server_conn, live)
        self.request: Request = None
        self.response: typing.Optional[Response] = None
        self.websocket: typing.Optional[WebSocketData] = None

    def __repr__(self):
        text = "<HTTPFlow"
        for name in ("request", "response", "websocket", "error", "client_conn", "server_conn"):
            value = getattr(self, name, None)
            if value:
                text += "\r\n  {} = {}".format(name, value)
        return text + ">"

    @property
    def timestamp_start(self) -> float:
        return self.request.timestamp_start

    def copy(self):
        new = super().copy()
        new.request = self.request.copy() if self.request else None
        new.response = self.response.copy() if self.response else None
        if self.websocket is not None:
            new.websocket = WebSocketData.from_state(self.websocket.get_state())
        return new

    def get_state(self):
        state = super().get_state()
        state["request"] = self.request.get_state()
        state["response"] = self.response.get_state() if self.response else None
        state["websocket"] = self.websocket.get_state() if self.websocket else None
        return state

    def set_state(self, state):
        state = dict(state)
        request, response, websocket = state.pop("request"), state.pop("response"), state.pop("websocket", None)
        super().set_state(state)
        self.request = _restored(self.request, Request, request)
        self.response = _restored(self.response, Response, response)
        self.websocket = None if websocket is None else WebSocketData.from_state(websocket)

    @property
    def mode(self):
        raise AttributeError("HTTPFlow.mode was removed in mitmproxy 7; client_conn.proxy_mode says it")

    @property
    def messages(self):
        """The messages of a WebSocket, as scripts for old versions name them."""
        if self.websocket is None:
            raise AttributeError("HTTPFlow.messages was removed in mitmproxy 7; use flow.websocket.messages")
        return self.websocket.messages

    @property
    def handshake_flow(self):
        raise AttributeError("HTTPFlow.handshake_flow was removed in mitmproxy 7; use flow itself "
                             "(flow.websocket is set)")


def _restored(message, kind, state):
    if state is None:
        return None
    if message is None:
        return kind.from_state(state)
    message.set_state(state)
    return message


_old = {"HTTPResponse": Response, "HTTPRequest": Request}


def __getattr__(name):
    if name in _old:
        new = _old[name]
        warnings.warn("http.{} was removed in mitmproxy 7; it is http.{}".format(name, new.__name__),
                      DeprecationWarning, stacklevel=2)
        return new
    if name == "make_error_response":
        return lambda status, message="", headers=(): Response.make(status, message, headers)
    if name == "make_connect_request":
        return make_connect_request
    raise AttributeError("module 'mitmproxy.http' has no attribute " + repr(name))


def make_connect_request(address) -> Request:
    now = time.time()
    at = "{}:{}".format(*address).encode()
    return Request(address[0], address[1], b"CONNECT", b"", at, b"", b"HTTP/1.1", Headers(), b"", None, now, now)
