"""The old place of connection."""
from mitmproxy.connection import Client as ClientConnection
from mitmproxy.connection import Server as ServerConnection

__all__ = ["ClientConnection", "ServerConnection"]
