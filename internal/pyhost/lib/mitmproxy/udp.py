"""Datagrams."""
from mitmproxy.tcp import TCPMessage, _Messages


class UDPMessage(TCPMessage):
    """One datagram."""


class UDPFlow(_Messages):
    """The datagrams between two addresses."""

    type = "udp"
    _message = UDPMessage
