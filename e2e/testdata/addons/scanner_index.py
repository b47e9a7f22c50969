"""Keeps an index of what was answered, for a scanner: by origin, path and method, the statuses."""
import json
import pathlib
import typing

from mitmproxy import flowfilter
from mitmproxy.http import HTTPFlow


class Statuses(json.JSONEncoder):
    def default(self, o):
        return sorted(o) if isinstance(o, set) else super().default(o)


class Index:
    wanted: typing.Union[str, flowfilter.TFilter, None]

    def __init__(self, path: pathlib.Path, wanted: typing.Union[str, flowfilter.TFilter]):
        self.path = path
        self.wanted = flowfilter.parse(wanted) if isinstance(wanted, str) else wanted
        self.name = "index-" + path.name
        self.known: typing.Dict[str, typing.Dict[str, typing.Dict[str, set]]] = {}

    def response(self, flow: HTTPFlow):
        if self.wanted(flow):
            r = flow.request
            at = self.known.setdefault("{}://{}:{}".format(r.scheme, r.host, r.port), {})
            at.setdefault(r.path, {}).setdefault(r.method, set()).add(flow.response.status_code)

    def done(self):
        self.path.write_text(json.dumps(self.known, cls=Statuses, sort_keys=True))


here = pathlib.Path(__file__).parent
addons = [Index(here / "index.json", "~d scan.example & !~c 404"), Index(here / "missing.json", lambda f: f.response.status_code == 404)]
