"""Addons: what load gets, and the list of all."""
from __future__ import annotations

import inspect
import logging

from midstream_host import entities
from mitmproxy import flow, hooks


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
        self._own = {}  # those of _STANDING_IN that were asked for
        self._told = set()

    def get(self, name):
        for addon in self.master.host.addons:
            if entities.name_of(addon) == name:
                return addon
        if name in _STANDING_IN:
            if name not in self._own:
                self._own[name] = _STANDING_IN[name](self.master)
            return self._own[name]
        if name in _BUILT_IN and name not in self._told:
            self._told.add(name)
            logging.getLogger("midstream").warning(
                "ctx.master.addons.get(%r) is None: what mitmproxy's addon of that name does is a part of midstream "
                "itself; %s has what is in its place", name, "docs/from-mitmproxy.md")
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
        host = self.master.host
        for a in list(host.addons):
            result = host.attempt(a, event.name, tuple(event.args()), [])
            if inspect.isawaitable(result):
                await host.awaited(a, event.name, result, [], tuple(event.args()))

    async def handle_lifecycle(self, event):
        """Runs an event, and waits as long as its flow is to wait."""
        await self.trigger_event(event)
        args = event.args()
        if args and isinstance(args[0], flow.Flow):
            await args[0].wait_for_resume()
            update = hooks.UpdateHook([args[0]])
            await self.trigger_event(update)

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


def _view(master):
    from mitmproxy._view import View
    return View(master)


def _playback(master):
    from mitmproxy.addons.clientplayback import ClientPlayback
    return ClientPlayback()


# mitmproxy's own addons that something stands in for here, and the others.
_STANDING_IN = {"proxyserver": ProxyServer, "view": _view, "clientplayback": _playback}
_BUILT_IN = frozenset((
    "anticache", "anticomp", "block", "blocklist", "browser", "command_history", "comment", "core", "cut", "disableh2c",
    "dumper", "errorcheck", "eventstore", "export", "intercept", "keepserving", "maplocal", "mapremote", "modifybody",
    "modifyheaders", "nextlayer", "onboarding", "onboardingapp", "proxyauth", "readfile", "save", "savehar", "scriptloader",
    "serverplayback", "stickyauth", "stickycookie", "termlog", "termstatus", "tlsconfig", "updatealtsvc", "upstreamauth",
))
