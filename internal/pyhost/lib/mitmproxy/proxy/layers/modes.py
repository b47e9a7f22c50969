"""Names of mitmproxy's layers.modes, for annotations."""
from mitmproxy.proxy import _missing

__getattr__ = _missing.module("mitmproxy.proxy.layers.modes", "Its protocol layers are not scriptable; to change a destination "
                              "use server_connect, to pass a connection through the option ignore_hosts.")
