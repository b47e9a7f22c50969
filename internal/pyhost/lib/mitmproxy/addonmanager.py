"""Addons: what load gets, and the list of all."""
from __future__ import annotations

from midstream_host import entities
from mitmproxy import hooks


class Loader:
    """What the hook load gets."""

    def __init__(self, master):
        self.master = master
        self.boot_into_addon = None

    def add_option(self, name, typespec, default, help="", choices=None):
        """Declares an option, which --set and midstream options know from then on."""
        self.master.options.add_option(name, typespec, default, help, choices)

    def add_command(self, path, func):
        """Declares a command."""
        self.master.commands.add(path, func)


class LoadHook(hooks.Hook):
    name = "load"


class AddonManager:
    """The addons of this script. Those of the proxy itself are not here."""

    def __init__(self, master):
        self.master = master

    def get(self, name):
        for addon in self.master.host.addons:
            if entities.name_of(addon) == name:
                return addon
        if name == "proxyserver":
            return ProxyServer(self.master)
        return None

    def __contains__(self, item):
        if isinstance(item, str):
            return any(entities.name_of(a) == item for a in self.master.host.addons)
        return item in self.master.host.addons

    def __len__(self):
        return len(self.master.host.addons)

    def __iter__(self):
        return iter(self.master.host.addons)

    @property
    def chain(self):
        return list(self.master.host.addons)

    def add(self, *addons):
        for a in addons:
            self.master.host.add(a)
        self.master.host.tell(dict(self.master.host.manifest(), k="manifest"))

    def remove(self, addon):
        self.master.host.remove(addon)
        self.master.host.tell(dict(self.master.host.manifest(), k="manifest"))

    def trigger(self, event):
        for a in list(self.master.host.addons):
            self.master.host.call(a, event.name, *event.args())

    async def trigger_event(self, event):
        self.trigger(event)

    async def handle_lifecycle(self, event):
        self.trigger(event)

    def invoke_addon_sync(self, addon, event):
        self.master.host.call(addon, event.name, *event.args())


class ProxyServer:
    """The little of mitmproxy's own addon that scripts ask for."""

    name = "proxyserver"

    def __init__(self, master):
        self.master = master

    def listen_addrs(self):
        value, _ = self.master.host.ask("listeners")
        return [tuple(a) for a in value or []]
