"""Writes bodies to files that are named by host and path."""
import mimetypes
import os
from pathlib import Path

from mitmproxy import ctx, flowfilter


class Dump:
    def load(self, loader):
        self.filter = ctx.options.dumper_filter
        loader.add_option(name="dump_folder", typespec=str, default="dumped", help="Where files are written.")
        loader.add_option(name="open_browser", typespec=bool, default=True, help="Whether a browser is opened.")

    def running(self):
        if ctx.options.open_browser:
            ctx.master.commands.call("browser.start")

    def configure(self, updated):
        if "dumper_filter" in updated:
            self.filter = ctx.options.dumper_filter

    def response(self, flow):
        if flow.request.host == "dump.example" and flow.response and flowfilter.match(self.filter, flow):
            folder = Path(os.path.dirname(__file__)) / ctx.options.dump_folder / flow.request.host
            os.makedirs(folder, exist_ok=True)
            kind = flow.response.headers.get("content-type", "").split(";")[0]
            name = "-".join(flow.request.path_components) + "-" + flow.id + (mimetypes.guess_extension(kind) or "")
            (folder / name).write_bytes(flow.response.content)


addons = [Dump()]
