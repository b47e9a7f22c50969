"""The events of a flow that is there already, in their order."""
from __future__ import annotations

from mitmproxy import dns, flow, hooks, http, tcp, udp


def _event(name: str, f):
    event = hooks.Hook(f)
    event.name = name
    return event


def _one_by_one(messages, prefix, f):
    """Shows the messages as they came."""
    kept = list(messages)
    del messages[:]
    yield _event(prefix + "_start", f)
    for m in kept:
        messages.append(m)
        yield _event(prefix + "_message", f)


def iterate(f: flow.Flow):
    """Yields the events; TypeError for what is no flow."""
    if isinstance(f, http.HTTPFlow):
        if f.request:
            yield _event("requestheaders", f)
            yield _event("request", f)
        if f.response:
            yield _event("responseheaders", f)
            yield _event("response", f)
        if f.websocket:
            yield from _one_by_one(f.websocket.messages, "websocket", f)
            yield _event("websocket_end", f)
        elif f.error:
            yield _event("error", f)
    elif isinstance(f, (tcp.TCPFlow, udp.UDPFlow)):
        yield from _one_by_one(f.messages, f.type, f)
        yield _event(f.type + ("_error" if f.error else "_end"), f)
    elif isinstance(f, dns.DNSFlow):
        for part in ("request", "response", "error"):
            if getattr(f, part):
                yield _event("dns_" + part, f)
    else:
        raise TypeError("Unknown flow type: {}".format(type(f).__name__))
