"""A proxy for the tests of addons, without any traffic."""
from __future__ import annotations

import asyncio
import inspect
import logging

from midstream_host import dispatch, main
from mitmproxy import command, ctx, hooks, log


class _Host(dispatch.Host):
    """The side of the proxy: it keeps options and knows nothing of flows."""

    def __init__(self, loop):
        super().__init__(None, loop, "test")

    def tell(self, head, raw=b""):
        pass

    def ask(self, method, raw=b"", **args):
        if method == "option":
            return args["default"], b""
        if method == "set":
            return None, b""
        raise dispatch.Refused("a test has no proxy to ask: " + method)

    def failed(self, addon, event, args, exc, errors):
        raise exc  # for the test to see


class _Recorder(logging.Handler):
    def __init__(self, logs):
        super().__init__()
        self.logs = logs

    def emit(self, record):
        self.logs.append(log.LogEntry(record.getMessage(), log.LOGGING_LEVELS_TO_LOGENTRY.get(record.levelno, "info")))


class context:
    """Gives addons a ctx of their own. It is a context manager; ctx is what it was when it ends."""

    def __init__(self, *addons, options=None, loadcore: bool = True):
        self.before = ctx.master, ctx.options
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = asyncio.new_event_loop()
        self.host = _Host(loop)
        self.master, self.options = self.host.master, self.host.options
        self.master.logs = []
        self.recorder = _Recorder(self.master.logs)
        logging.getLogger().addHandler(self.recorder)
        ctx.master, ctx.options = self.master, self.options
        if options is not None:
            for name, value in options.items():
                self.options._values[name] = value
        for a in addons:
            self.master.addons.add(a)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        logging.getLogger().removeHandler(self.recorder)
        ctx.master, ctx.options = self.before
        return False

    def configure(self, addon, **kwargs):
        """Sets options as a user does, so that configure runs; OptionsError where it refuses."""
        if addon not in self.master.addons:
            self.master.addons.add(addon)
        if kwargs:
            self.options.update(**kwargs)
        else:
            self.invoke(addon, hooks.ConfigureHook(set()))

    def invoke(self, addon, event):
        fn = getattr(addon, event.name, None)
        return fn(*event.args()) if callable(fn) else None

    async def cycle(self, addon, f):
        """Runs the hooks of a flow, in their order, until it is intercepted."""
        for name in _order(f):
            fn = getattr(addon, name, None)
            result = fn(f) if callable(fn) else None
            if inspect.isawaitable(result):
                await result
            if f.intercepted:
                return

    def script(self, path):
        """Loads a script and returns its first addon, or its module where it has none."""
        module = main.load_module(path)
        self.master.addons.add(module)
        return (getattr(module, "addons", None) or [module])[0]

    def command(self, func, *args):
        """Runs a command on texts."""
        c = command.Command(self.master.commands, "test.command", func)
        return c.call(c.convert(list(args)))


def _order(f):
    if f.type == "http":
        names = ["requestheaders", "request"]
        if f.response:
            names += ["responseheaders", "response"]
        if f.websocket:
            names += ["websocket_start"] + ["websocket_message"] * len(f.websocket.messages) + ["websocket_end"]
        return names + (["error"] if f.error else [])
    kind = f.type
    if kind == "dns":
        return ["dns_request"] + (["dns_response"] if f.response else []) + (["dns_error"] if f.error else [])
    names = [kind + "_start"] + [kind + "_message"] * len(getattr(f, "messages", ()))
    return names + [kind + ("_error" if f.error else "_end")]
