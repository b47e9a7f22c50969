"""What the package mitmproxy asks of the proxy. Outside of a proxy's own process
for addons there is none."""
from __future__ import annotations

host = None  # set by main
docs = "docs/python.md"


def coding(action: str, name: str, data: bytes) -> bytes:
    """Encodes or decodes bytes that the standard library cannot."""
    if host is None:
        raise ValueError("no proxy is there to " + action + " " + name)
    value, raw = host.ask("coding", raw=data, action=action, name=name)
    return raw


def body(flow, side: str):
    """The body of a live or recorded message, None where it is missing."""
    return None if host is None else host.body(flow, side)


def kill(flow):
    if host is not None:
        host.kill(flow)


def resume(flow):
    if host is not None:
        host.resume(flow)


def impossible(what: str, instead: str):
    """The error of what cannot work beside the proxy."""
    return NotImplementedError("{}: midstream runs addons in a process of their own, beside the proxy. {} ({})".format(
        what, instead, docs))
