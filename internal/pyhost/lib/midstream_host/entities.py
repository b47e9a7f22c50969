"""The objects of a script that have hooks, and how their errors are told."""
from __future__ import annotations

import inspect
import os
import sys
import traceback
import types

# Events of the proxy, and the names under which addons have them.
FLOW_EVENTS = (
    "http_connect", "requestheaders", "request", "responseheaders", "response", "error",
    "websocket_start", "websocket_message", "websocket_end",
    "tcp_start", "tcp_message", "tcp_end", "tcp_error",
    "http_connect_upstream", "http_connected", "http_connect_error",
)
MESSAGES = {("websocket_end",): "websocket_message", ("tcp_end", "tcp_error"): "tcp_message"}
CONN_EVENTS = {
    "client_connected": ("client_connected", "clientconnect"),
    "client_disconnected": ("client_disconnected", "clientdisconnect"),
    "server_connect": ("server_connect",),
    "server_connected": ("server_connected", "serverconnect"),
    "server_disconnected": ("server_disconnected", "serverdisconnect"),
    "server_connect_error": ("server_connect_error",),
    "tls_clienthello": ("tls_clienthello",),
    "tls_start_client": ("tls_start_client",),
    "tls_start_server": ("tls_start_server",),
    "tls_established_client": ("tls_established_client",),
    "tls_established_server": ("tls_established_server",),
    "tls_failed_client": ("tls_failed_client",),
    "tls_failed_server": ("tls_failed_server",),
    "socks5_auth": ("socks5_auth",),
}
OLD_CONN = {"clientconnect": "client", "clientdisconnect": "client", "serverconnect": "server",
            "serverdisconnect": "server"}
# Hooks for which there is no event, and what to say.
UNKNOWN = {
    "next_layer": "midstream's protocol layers are not scriptable; to pass a connection on set "
                  "data.ignore_connection in tls_clienthello, to change a destination use server_connect",
    "quic_start_client": "there is no QUIC", "quic_start_server": "there is no QUIC",
    "dns_request": "there is no DNS mode", "dns_response": "there is no DNS mode", "dns_error": "there is no DNS mode",
    "udp_start": "UDP does not pass through midstream", "udp_message": "UDP does not pass through midstream",
    "udp_end": "UDP does not pass through midstream", "udp_error": "UDP does not pass through midstream",
    "websocket_handshake": "it was removed in mitmproxy 7: use request", "websocket_error": "use websocket_end",
    "tick": "it was removed in mitmproxy 7: use asyncio", "start": "it was removed in mitmproxy 3: use load",
}
# Hooks that run, and what they cannot do.
PARTLY = {
    "tls_start_client": "midstream does TLS itself, and ssl_conn is None: use the options tls_version_client_* and certs",
    "tls_start_server": "midstream does TLS itself, and ssl_conn is None: set conn.sni, or use the options "
                        "tls_version_server_* and client_certs",
}
LIB = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
LIFE = ("load", "configure", "running", "done")


def name_of(addon) -> str:
    name = getattr(addon, "name", None)
    if isinstance(name, str) and name:
        return name
    if isinstance(addon, types.ModuleType):
        return os.path.basename(getattr(addon, "__file__", None) or addon.__name__)
    return type(addon).__name__.lower()


def walk(addon):
    """The addon, and those that it has."""
    yield addon
    for sub in getattr(addon, "addons", None) or ():
        yield from walk(sub)


def hook(addon, name: str):
    """The function of an event, None where the addon has none."""
    fn = getattr(addon, name, None)
    if fn is None or isinstance(fn, types.ModuleType):
        return None
    if not callable(fn):
        raise TypeError("{}.{} is no function".format(name_of(addon), name))
    return fn


def wants(addons) -> list:
    """The events for which any addon has a hook."""
    found = [e for e in FLOW_EVENTS if any(hook(a, e) for a in addons)]
    for ends, message in MESSAGES.items():
        if message not in found and any(e in found for e in ends):
            found.append(message)  # flow.messages is complete then
    found += [e for e, names in CONN_EVENTS.items() if any(hook(a, n) for a in addons for n in names)]
    return found


def check(addon, warn):
    """Warns of hooks that are never called, and refuses those of another age."""
    unheard = {}  # by the reason
    for name, instead in UNKNOWN.items():
        if not isinstance(addon, types.ModuleType) or name not in ("start",):
            fn = vars(addon).get(name) if isinstance(addon, types.ModuleType) else getattr(type(addon), name, None)
            if callable(fn):
                unheard.setdefault(instead, []).append(name)
    for instead, names in unheard.items():
        many = len(names) > 1
        warn("{}: the hook{} {} {} never called: {} (row {} of docs/from-mitmproxy.md)".format(
            name_of(addon), "s" if many else "", ", ".join(names), "are" if many else "is", instead, names[0]))
    for name, instead in PARTLY.items():
        if hook(addon, name):
            warn("{}: the hook {} gets no OpenSSL object: {} (row {} of docs/from-mitmproxy.md)".format(
                name_of(addon), name, instead, name))
    for name in ("request", "response"):
        fn = hook(addon, name)
        if fn is None or not inspect.isroutine(fn):
            continue
        try:
            needed = [p for p in inspect.signature(fn).parameters.values()
                      if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        except (TypeError, ValueError):
            continue
        if len(needed) == 2 and needed[0].name in ("context", "ctx"):
            raise TypeError("hook {}(context, flow) is the pre-2017 signature; the first parameter was dropped in "
                            "mitmproxy 3".format(name))


def own_traceback(exc: BaseException) -> str:
    """The traceback from where the addon's own code begins."""
    tb = exc.__traceback__
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith((LIB, "<frozen importlib")):
        tb = tb.tb_next
    return "".join(traceback.format_exception(type(exc), exc, tb)).rstrip()


def place(exc: BaseException) -> str:
    """Where in the addon's own code it was raised, as file:line; "" where that is not known."""
    last = ""
    tb = exc.__traceback__
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        if not name.startswith((LIB, "<")):
            last = "{}:{}".format(name, tb.tb_lineno)
        tb = tb.tb_next
    return last


def complain(text: str):
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
