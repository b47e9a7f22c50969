"""The two connections that an event of TLS is about."""
from __future__ import annotations

from mitmproxy import connection


class Context:
    """The client's connection and the server's. Protocol layers are not scriptable:
    layers is empty."""

    def __init__(self, client: connection.Client, options=None, server: connection.Server = None):
        self.client = client
        self.options = options
        self.server = connection.Server() if server is None else server
        self.layers = []

    def fork(self) -> Context:
        return Context(self.client, self.options, self.server)

    def __repr__(self):
        return "Context({!r}, {!r})".format(self.client, self.server)
