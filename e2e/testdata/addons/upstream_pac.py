"""Chooses the parent proxy by the address that is asked for."""
import os
import typing

from mitmproxy import ctx, exceptions
from mitmproxy.net import server_spec


class Chooser:
    def load(self, loader):
        loader.add_option("pac_url", typing.Optional[str], None, "The rules.")
        loader.add_option("direct_parent", typing.Optional[str], None, "The parent where the rules say DIRECT.")

    def configure(self, updated):
        if "direct_parent" in updated and ctx.options.direct_parent:
            try:
                self.direct = server_spec.parse(ctx.options.direct_parent)
            except ValueError as e:
                raise exceptions.OptionsError("direct_parent: " + str(e))

    def find(self, url, host):
        return "PROXY 127.0.0.1:" + os.environ.get("OTHER_PARENT", "1") if host == "pac.example" else "DIRECT"

    def request(self, flow):
        kind, _, address = self.find(flow.request.url, flow.request.host).partition(" ")
        if kind == "PROXY":
            host, port = address.split(":")
            flow.server_conn.via = server_spec.ServerSpec("http", (host, int(port)))


addons = [Chooser()]
