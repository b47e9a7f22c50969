"""ctx.master."""
from __future__ import annotations

from midstream_host import bridge
from mitmproxy import addonmanager, command, log, optmanager


class Master:
    """The proxy, as far as addons steer it."""

    def __init__(self, host=None, *args, **kwargs):
        if host is None or not hasattr(host, "ask"):
            raise bridge.impossible("mitmproxy.master.Master", "Start this file with: midstream -s FILE")
        self.host = host
        self.options = optmanager.OptManager(host)
        self.addons = addonmanager.AddonManager(self)
        self.commands = command.CommandManager(self)
        self.log = log.Log(self)

    @property
    def event_loop(self):
        return self.host.loop

    @property
    def view(self):
        """mitmproxy's list of flows: the session."""
        return self.addons.get("view")

    async def load_flow(self, f):
        """Runs the events of a flow on the script's addons, and puts it into the session."""
        from mitmproxy import eventsequence
        for event in eventsequence.iterate(f):
            await self.addons.handle_lifecycle(event)
        self.view.add([f])

    def shutdown(self):
        """Ends the proxy. It may be called from any thread."""
        self.host.tell({"k": "shutdown"})

    def __getattr__(self, name):
        if name in ("overlay", "keymap", "ui", "window", "prompt"):
            raise AttributeError("ctx.master.{} is mitmproxy's console UI and does not exist in midstream; use "
                                 "@command.command, flow.marked or flow.comment.".format(name))
        raise AttributeError("'Master' object has no attribute " + repr(name))
