"""Reads a file of flows, and one that is none."""
import io as octets
import os

from mitmproxy import command, http, io
from mitmproxy.exceptions import FlowReadException


class Reader:
    @command.command("read.flows")
    def read(self) -> str:
        found = []
        with open(os.path.join(os.path.dirname(__file__), "written.flows"), "rb") as file:
            for f in io.FlowReader(file).stream():
                if isinstance(f, http.HTTPFlow):
                    found.append("{} {} {}".format(f.request.url, f.response.status_code, f.response.content[:4]))
        try:
            list(io.FlowReader(octets.BytesIO(b"not a flow")).stream())
        except FlowReadException as e:
            found.append("refused: " + str(e))
        return "; ".join(found)


addons = [Reader()]
