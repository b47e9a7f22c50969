"""Writes some flows to a file."""
import os

from mitmproxy import io


class Writer:
    def __init__(self, path):
        self.file = open(path, "wb")
        self.writer = io.FlowWriter(self.file)

    def response(self, flow):
        if flow.request.host == "write.example":
            self.writer.add(flow)
            self.file.flush()

    def done(self):
        self.file.close()
        print("the file of flows is closed", flush=True)


addons = [Writer(os.path.join(os.path.dirname(__file__), "written.flows"))]
