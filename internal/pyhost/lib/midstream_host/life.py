"""The life of a script: load, configure, running, done; its options and commands."""
from __future__ import annotations

import asyncio
import inspect
import logging
import sys
import threading

from midstream_host import bridge, entities, wire


class Life:
    """The part of Host that has nothing to do with traffic."""

    def init_life(self):
        from mitmproxy import master
        self.addons = []  # all, depth first
        self.updaters = []
        self.loggers = []  # those that want to see what is logged
        self.master = master.Master(self)
        self.options = self.master.options
        self._over = False
        self._telling = threading.local()

    def lifecycle(self, kind, head):
        step = getattr(self, "on_" + kind, None)
        if step is None:
            raise RuntimeError("unknown frame " + kind)
        if kind == "configure":
            self.answer(head, self.on_configure(head))
        else:
            self.loop.create_task(self.step(step, head))

    async def step(self, step, head):
        result = step(head)
        if inspect.isawaitable(result):
            result = await result
        self.answer(head, result)
        if head["k"] == "done":
            self.loop.stop()

    def answer(self, head, result):
        out = dict(result or {})
        out.update(k="ret", c=head["c"])
        self.tell(out)

    # load

    def on_load(self, head):
        from mitmproxy import ctx
        from midstream_host import main
        ctx.master, ctx.options = self.master, self.options
        self.options.take(head["v"])
        if head.get("argv"):
            sys.argv = list(head["argv"])
        try:
            module = main.load_module(self.script)
            self.add(module)
        except BaseException as e:
            return {"er": self.explain(e)}
        error = self.call_configure(set(self.options.keys()))
        if error:
            return {"er": error}
        return self.manifest()

    def add(self, addon):
        """Takes an addon and those that it has, and runs load on them."""
        from mitmproxy import addonmanager
        fresh = list(entities.walk(addon))
        names = {entities.name_of(a) for a in self.addons}
        for a in fresh:
            name = entities.name_of(a)
            if name in names:
                from mitmproxy import exceptions
                raise exceptions.AddonManagerError("An addon called '{}' already exists.".format(name))
            names.add(name)
            if inspect.isclass(a):
                raise TypeError("addons has the class {0}; it takes objects: addons = [{0}()]".format(a.__name__))
            entities.check(a, logging.getLogger("midstream").warning)
        for a in fresh:
            loader = addonmanager.Loader(self.master)
            fn = entities.hook(a, "load")
            if fn is not None:
                if inspect.iscoroutinefunction(fn):
                    raise TypeError("load of {} is async, and cannot be called from sync context".format(name_of(a)))
                fn(loader)
            self.master.commands.collect_commands(a)
        self.options.loaded()
        self.addons += fresh
        self.regroup()

    def remove(self, addon):
        gone = list(entities.walk(addon))
        for a in gone:
            if a in self.addons:
                self.addons.remove(a)
                self.call(a, "done")
        self.regroup()

    def regroup(self):
        looks, acts = [], []
        for a in self.addons:
            (looks if getattr(a, "observe", False) is True else acts).append(a)
        self.groups = (acts, looks)
        self.loggers = [a for a in self.addons if callable(getattr(a, "add_log", None)) and not isinstance(a, dict)]
        self.updaters = [a for a in self.addons if callable(getattr(a, "update", None)) and not isinstance(a, dict)]

    def manifest(self):
        """What the proxy must know of the script."""
        return {"groups": [entities.wants(g) for g in self.groups],
                "required": [any(getattr(a, "required", False) is True for a in g) for g in self.groups],
                "commands": self.master.commands.described(), "views": self.views_declared(),
                "names": [", ".join(entities.name_of(a) for a in g) for g in self.groups]}

    @staticmethod
    def views_declared() -> list:
        views = sys.modules.get("mitmproxy.contentviews")
        return sorted(views.registry) if views is not None else []

    def manifested(self):
        """Tells the proxy what it must know, where load is over."""
        if self.addons:
            self.tell(dict(self.manifest(), k="manifest"))

    def explain(self, e) -> str:
        from mitmproxy import exceptions
        if isinstance(e, exceptions.OptionsError):
            return str(e)  # a value of the user's, not a fault of the script
        text = entities.own_traceback(e)
        if isinstance(e, ModuleNotFoundError) and e.name and e.name.startswith("mitmproxy."):
            text += "\nmidstream's own package mitmproxy does not have {}: {} says what is there.".format(e.name, bridge.docs)
        elif isinstance(e, ModuleNotFoundError) and e.name:
            text += '\nIt needs the package "{0}"; install it: {1} -m pip install {0}'.format(e.name, sys.executable)
        if isinstance(e, SyntaxError):
            text += "\nThis is Python {}; the option python chooses another one.".format(sys.version.split()[0])
        return text

    # configure

    def on_configure(self, head):
        names = self.options.take(head["v"])
        error = self.call_configure(names)
        return {"er": error} if error else None

    def call_configure(self, names):
        """Tells addons; the text of the first refusal, "" for none."""
        from mitmproxy import exceptions
        for a in list(self.addons):
            try:
                fn = entities.hook(a, "configure")
                if fn is None:
                    continue
                if inspect.iscoroutinefunction(fn):
                    raise TypeError("configure is async, and cannot be called from sync context")
                fn(set(names))
            except exceptions.OptionsError as e:
                return str(e)
            except Exception as e:
                self.failed(a, "configure", (), e, [])
        return ""

    # running and done

    async def on_running(self, head):
        for a in list(self.addons):
            await self.call_async(a, "running")

    async def on_done(self, head):
        for a in list(self.addons):
            await self.call_async(a, "done")

    async def on_command(self, head):
        from mitmproxy import exceptions
        try:
            value = self.master.commands.call_strings(head["n"], head["a"])
            if inspect.isawaitable(value):
                value = await value
        except exceptions.CommandError as e:
            return {"er": str(e) or "it was refused"}
        except Exception as e:
            entities.complain("Addon error in command {}:\n{}".format(head["n"], entities.own_traceback(e)))
            return {"er": "{}: {}".format(type(e).__name__, e)}
        return {"cv": value if isinstance(value, (str, int, float, bool, type(None))) else repr(value)}

    def call(self, addon, event, *args):
        result = self.attempt(addon, event, args, [])
        if inspect.isawaitable(result):
            self.loop.create_task(self.awaited(addon, event, result, [], args))

    async def call_async(self, addon, event):
        result = self.attempt(addon, event, (), [])
        if inspect.isawaitable(result):
            await self.awaited(addon, event, result, [], ())

    def told(self, text, record):
        """Gives what was logged, on any thread, to those that have the hook add_log."""
        if self.loggers and record.levelno < logging.CRITICAL and not getattr(self._telling, "on", False):
            self.loop.call_soon_threadsafe(self.tell_loggers, text, record.levelno)

    def tell_loggers(self, text, level):
        from mitmproxy import log
        self._telling.on = True  # what they log themselves is not told to them
        try:
            for a in list(self.loggers):
                self.call(a, "add_log", log.LogEntry(text, log.LOGGING_LEVELS_TO_LOGENTRY.get(level, "info")))
        finally:
            self._telling.on = False

    def over(self):
        """The proxy is gone without a word: done, and the end."""
        if self._over:
            return
        self._over = True
        self.loop.remove_reader(self.wire.fileno())
        for slot in list(self._waiting.values()):
            slot[0].set()

        async def end():
            try:
                await asyncio.wait_for(self.on_done({}), 5)
            except (asyncio.TimeoutError, wire.Closed):
                pass
            self.loop.stop()
        self.loop.create_task(end())


name_of = entities.name_of
