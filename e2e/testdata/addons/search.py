"""Searches flows and notes what was found in their comments."""
import re
import typing
from json import dumps

from mitmproxy import command, flow


class Search:
    @command.command("search")
    def search(self, flows: typing.Sequence[flow.Flow], regex: str) -> None:
        self.pattern = re.compile(regex)
        for f in flows:
            found = {"path": self.pattern.findall(f.request.path), "request": self.fields(f.request), "response": self.fields(f.response)}
            if any(found.values()):
                f.comment = "Search Results: " + dumps(found)
                f.marked = ":mag:"

    def fields(self, message):
        found = {k: self.pattern.findall(v) for k, v in message.headers.items()}
        if message.text and self.pattern.search(message.text):
            found["text"] = self.pattern.findall(message.text)
        return {k: v for k, v in found.items() if v}


addons = [Search()]
