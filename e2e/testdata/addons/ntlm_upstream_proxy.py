"""Would put its own handshake into a layer of the proxy, and is told what to do instead."""
from mitmproxy import http
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers.http import HttpConnectUpstreamHook, HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._upstream_proxy import HttpUpstreamProxy

raw = http1.assemble_request(http.Request.make("GET", "http://raw.example/", b"body", {"Host": "raw.example"}))
assert raw == b"GET / HTTP/1.1\r\nHost: raw.example\r\ncontent-length: 4\r\n\r\nbody", raw


class Ntlm:
    def load(self, loader):
        loader.add_option("ntlm_auth", str, "", "User and password.")

    def running(self):
        def start_handshake(self) -> layer.CommandGenerator[None]:
            yield commands.SendData(None, b"")

        HttpUpstreamProxy.start_handshake = start_handshake

    def done(self):
        pass


addons = [Ntlm()]
