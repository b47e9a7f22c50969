"""Names of mitmproxy's layers, for annotations."""
from mitmproxy.proxy import _missing
from mitmproxy.proxy.layers import http, modes, quic, tcp, tls, websocket  # noqa: F401 - of _elsewhere

__getattr__ = _missing.module("mitmproxy.proxy.layers", "Its protocol layers are not scriptable; to change a destination "
                              "use server_connect, to pass a connection through the option ignore_hosts.")
