"""Writes another name into Host than the one that is connected to, as a file says."""
import json
import os

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader
from mitmproxy.http import HTTPFlow


class Fronting:
    def load(self, loader: Loader) -> None:
        loader.add_option("frontingfile", str, "", "File of hosts and what they are behind.")

    def configure(self, updated) -> None:
        if "frontingfile" in updated:
            path = os.path.join(os.path.dirname(__file__), ctx.options.frontingfile or "fronting.json")
            with open(path) as f:
                self.fronts = json.load(f)

    def request(self, flow: HTTPFlow) -> None:
        front = self.fronts.get(flow.request.host)
        if front and flow.request.scheme in ("http", "https"):
            hidden = flow.request.host_header
            flow.request.host = front
            flow.request.host_header = hidden
            flow.request.headers["X-Fronted"] = "yes"


addons = [Fronting()]
