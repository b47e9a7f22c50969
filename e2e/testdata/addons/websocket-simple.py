"""Reads, changes and drops what is said over WebSocket."""
import logging
import re

from mitmproxy import http


def websocket_message(flow: http.HTTPFlow):
    assert flow.websocket is not None
    message = flow.websocket.messages[-1]
    logging.info("%s said %r", "the client" if message.from_client else "the server", message.content)
    message.content = re.sub(b"^Hello", b"HAPPY", message.content)
    if b"FOOBAR" in message.content:
        message.drop()
