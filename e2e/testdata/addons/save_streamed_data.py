"""Saves the bodies that are streamed, asked for and answered, into files."""
import os
import typing

from mitmproxy import ctx


class Saver:
    def __init__(self, flow, direction):
        self.flow, self.direction, self.file = flow, direction, None

    def done(self):
        if self.file:
            self.file.close()
            self.file = None
        self.flow = None

    def __call__(self, data):
        if not data:
            self.done()
            return data
        if not self.file:
            name = "{}-{}-{}".format(ctx.options.save_streamed, self.direction, self.flow.client_conn.address[0])
            self.file = open(os.path.join(os.path.dirname(__file__), name), "wb", buffering=0)
        self.file.write(data)
        return data


def load(loader):
    loader.add_option("save_streamed", typing.Optional[str], "streamed", "What names of files begin with.")


def requestheaders(flow):
    if flow.request.host == "save.example" and ctx.options.save_streamed and flow.request.stream:
        flow.request.stream = Saver(flow, "req")


def responseheaders(flow):
    if isinstance(flow.request.stream, Saver):
        flow.request.stream.done()
    if flow.request.host == "save.example" and flow.response.stream:
        flow.response.stream = Saver(flow, "rsp")


def response(flow):
    if isinstance(flow.response.stream, Saver):
        flow.response.stream.done()
        print("saved", type(flow.request.stream).__name__, flush=True)


def error(flow):
    for message in (flow.request, flow.response):
        if message and isinstance(message.stream, Saver):
            message.stream.done()
