"""A command on flows and a path: how often each host was asked, into a file."""
import collections
import typing

from mitmproxy import command, flow, types


class Hosts:
    @command.command("hosts.write")
    def write(self, flows: typing.Sequence[flow.Flow], path: types.Path) -> None:
        """Writes a line for each host."""
        count = collections.Counter(f.request.host for f in flows if getattr(f, "request", None))
        with open(path, "w") as out:
            for host, n in sorted(count.items()):
                out.write("{} {}\n".format(host, n))


addons = [Hosts()]
