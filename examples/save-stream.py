"""Save every response in a folder while it passes: a file for each flow."""
import logging
import os

from mitmproxy import ctx


class Save:
    def __init__(self, flow):
        self.path = os.path.join(ctx.options.save_folder, flow.id)
        self.file = None

    def __call__(self, chunk: bytes) -> bytes:
        if self.file is None:
            self.file = open(self.path, "wb")
        self.file.write(chunk)
        if not chunk:  # the end
            self.close()
        return chunk

    def close(self):
        if self.file is not None and not self.file.closed:
            self.file.close()
            logging.info("saved %s", self.path)


class SaveStreams:
    def load(self, loader):
        loader.add_option("save_folder", str, "saved", "Where to save responses.")

    def configure(self, updated):
        if "save_folder" in updated:
            os.makedirs(ctx.options.save_folder, exist_ok=True)

    def responseheaders(self, flow):
        flow.response.stream = Save(flow)

    def error(self, flow):
        if flow.response and isinstance(flow.response.stream, Save):
            flow.response.stream.close()


addons = [SaveStreams()]
