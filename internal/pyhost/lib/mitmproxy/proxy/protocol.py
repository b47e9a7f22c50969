"""Names of mitmproxy's protocol, for annotations."""
from mitmproxy.proxy import _missing

__getattr__ = _missing.module("mitmproxy.proxy.protocol", "Its protocol layers are not scriptable; to change a destination "
                              "use server_connect, to pass a connection through the option ignore_hosts.")
