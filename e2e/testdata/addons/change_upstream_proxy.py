"""Sends some requests to another parent proxy."""
import os

from mitmproxy import http
from mitmproxy.connection import Server
from mitmproxy.net.server_spec import ServerSpec

other = ("127.0.0.1", int(os.environ.get("OTHER_PARENT", "1")))


def request(flow: http.HTTPFlow) -> None:
    if flow.request.host != "otherparent.example":
        return
    changes = flow.server_conn.via is None or other != flow.server_conn.via.address
    connected = flow.server_conn.timestamp_start is not None
    if changes and connected:
        flow.server_conn = Server(address=flow.server_conn.address)
    flow.server_conn.via = ServerSpec("http", other)
