"""Writes the addresses on which the proxy listens into a file."""
import json
import os
import pathlib
import typing

from mitmproxy import ctx


class Ports:
    def load(self, loader):
        loader.add_option(name="datadir", typespec=typing.Optional[str], default=None, help="The folder of the file.")

    def running(self):
        folder = ctx.options.datadir or os.path.dirname(__file__)
        server = ctx.master.addons.get("proxyserver")
        if not server.listen_addrs():
            ctx.log.warning("there is no address")
        (pathlib.Path(folder) / "ports.json").write_text(json.dumps(server.listen_addrs()))


addons = [Ports()]
