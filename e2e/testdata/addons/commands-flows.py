"""A command on flows: it names them by a filter, and marks them."""
import typing

from mitmproxy import command, flow


class Label:
    @command.command("label.all")
    def label(self, flows: typing.Sequence[flow.Flow], text: str) -> str:
        for f in flows:
            f.comment = text
        return "{} labelled".format(len(flows))


addons = [Label()]
