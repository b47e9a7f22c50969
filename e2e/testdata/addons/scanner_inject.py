"""Lets a scanner find what is known: as links in pages, and as a robots.txt in the place of a missing one."""
import abc
import collections.abc
import json

from mitmproxy import flowfilter
from mitmproxy.http import HTTPFlow

KNOWN = {"http://scan.example": {"/one": ["GET"], "/two": ["POST"]}}


class ByFilter(collections.abc.MutableMapping):
    """Values under filters; of a flow it has those of all filters that match it."""

    def __init__(self):
        self.store = {}

    def __setitem__(self, text, value):
        self.store[flowfilter.parse(text)] = value

    def __getitem__(self, flow):
        found = [v for f, v in self.store.items() if flowfilter.match(f, flow)]
        if not found:
            raise KeyError(flow)
        return found

    def __delitem__(self, key):
        del self.store[key]

    def __iter__(self):
        return iter(self.store)

    def __len__(self):
        return len(self.store)

    def dumps(self):
        return json.dumps({f.pattern: v.__name__ for f, v in self.store.items()})


class Maker(abc.ABC):
    @abc.abstractmethod
    def make(self, flow: HTTPFlow) -> str:
        """The new content."""


class Links(Maker):
    def make(self, flow):
        links = "".join('<a href="{}{}">'.format(o, p) for o, paths in KNOWN.items() for p, m in paths.items() if "GET" in m)
        return flow.response.content.decode("utf8", "backslashreplace").replace("</body>", links + "</body>")


class Robots(Maker):
    def make(self, flow):
        return "\n".join(["User-agent: *"] + ["Allow: " + p for paths in KNOWN.values() for p in paths])


class Inject:
    def __init__(self):
        self.makers = ByFilter()
        self.makers["~d scan.example & ~u /page"] = Links
        self.makers["~d scan.example & ~u /robots.txt & ~c 404"] = Robots
        self.name = "{}-{}".format(type(self).__name__, hash(self))
        print(self.makers.dumps(), flush=True)

    def response(self, flow: HTTPFlow):
        for kind in self.makers.get(flow, []):
            flow.response.content = kind().make(flow).encode("utf8")
            flow.response.status_code = 200
            flow.response.headers["content-type"] = "text/html"


addons = [Inject()]
