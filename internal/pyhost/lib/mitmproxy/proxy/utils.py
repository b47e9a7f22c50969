"""Names of mitmproxy's helpers for layers, for annotations."""
from mitmproxy.proxy import _missing

__getattr__ = _missing.module("mitmproxy.proxy.utils", "Its protocol layers are not scriptable; to change a destination "
                              "use server_connect, to pass a connection on set ignore_connection in tls_clienthello.")
