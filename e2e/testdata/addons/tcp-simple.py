"""Reads and changes a raw tunnel."""
import logging

from mitmproxy import tcp
from mitmproxy.utils import strutils


def tcp_message(flow: tcp.TCPFlow):
    message = flow.messages[-1]
    message.content = message.content.replace(b"secret", b"******")
    logging.info("tcp from_client=%s %s", message.from_client, strutils.bytes_to_escaped_str(message.content))
