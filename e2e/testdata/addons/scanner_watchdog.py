"""Notices that a server does not answer any more, and keeps the request that may be the reason."""
import logging
import multiprocessing
import pathlib
import time

import mitmproxy.connections
import mitmproxy.http
from mitmproxy.addons.export import curl_command, raw
from mitmproxy.exceptions import HttpSyntaxException

logger = logging.getLogger(__name__)


class Watchdog:
    def __init__(self, event, folder: pathlib.Path, pause=None):
        self.event, self.folder, self.pause = event, folder, pause
        folder.mkdir(parents=True, exist_ok=True)
        self.last = None

    def serverconnect(self, conn: mitmproxy.connections.ServerConnection):
        print("watched:", conn.address[0], flush=True)

    def error(self, flow: mitmproxy.http.HTTPFlow):
        print("as curl:", "-X POST" in curl_command(flow), flow.request.path, flow.request.raw_content, flush=True)
        if self.last is not None and time.time() - self.last < self.pause or isinstance(flow.error, HttpSyntaxException):
            return
        self.last = time.time()
        logger.error("watchdog: %s", flow.error)
        self.event.set()
        (self.folder / "request.curl").write_text(curl_command(flow))
        (self.folder / "request.raw").write_bytes(raw(flow))
        print("watchdog has the request:", self.event.is_set(), flush=True)


addons = [Watchdog(multiprocessing.Event(), pathlib.Path(__file__).parent / "watched", 3600)]
