"""mitmproxy's list of flows, as far as it is one: the session, and what lives of it."""
from __future__ import annotations

from mitmproxy import _select, exceptions

_OF_THE_PAGE = ("ctx.master.view.{} belongs to mitmproxy's user interface, and midstream's is the page; which flows a "
                "command is for is its argument, of the type flow.Flow or Sequence[flow.Flow]")


class Settings(dict):
    """Values that addons keep with flows."""

    _most = 10000

    def __getitem__(self, f):
        number = getattr(f, "id", f)
        if number not in self:
            while len(self) >= self._most:
                del self[next(iter(self))]
            super().__setitem__(number, {})
        return super().__getitem__(number)


class View:
    """ctx.master.view. It is read anew whenever it is asked."""

    name = "view"

    def __init__(self, master):
        self._master = master
        self.settings = Settings()

    def _flows(self):
        return self._master.host.all_flows()

    def __iter__(self):
        return iter(self._flows())

    def __len__(self):
        return len(self._flows())

    def __getitem__(self, index):
        return self._flows()[index]

    def __contains__(self, f):
        return any(f.id == known.id for known in self._flows())

    def get_length(self) -> int:
        return len(self)

    def store_count(self) -> int:
        return len(self)

    def inbounds(self, index: int) -> bool:
        return 0 <= index < len(self)

    def index(self, f) -> int:
        for i, known in enumerate(self._flows()):
            if known.id == f.id:
                return i
        raise ValueError("{!r} is not in the list".format(f))

    def get_by_id(self, flow_id: str):
        """The flow, None where there is none."""
        return self._master.host.flow_of(flow_id)

    def resolve(self, flow_spec: str):
        return _select.resolve(self._master.commands, flow_spec)

    def add(self, flows):
        """Puts flows into the session."""
        from mitmproxy._flow_commands import ask, file_of
        known = {f.id for f in self._flows()}
        fresh = [f for f in flows if f.id not in known]
        if fresh:
            ask("record", raw=file_of(fresh))

    def update(self, flows):
        """Shows flows anew: the proxy does that itself."""

    def duplicate(self, flows):
        return self._master.commands.call("view.flows.duplicate", flows)

    def create(self, method: str, url: str):
        return self._master.commands.call("view.flows.create", method, url)

    def load_file(self, path: str):
        return self._master.commands.call("view.flows.load", path)

    def remove(self, flows):
        raise exceptions.CommandError("flows of the session are removed with: midstream flows delete")

    clear = clear_not_marked = lambda self: self.remove(())

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(_OF_THE_PAGE.format(name))
