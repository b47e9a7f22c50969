"""Commands that scripts declare, and some of the proxy's own."""
from __future__ import annotations

import functools
import inspect
import logging
import shlex
import types as _types
import typing

from mitmproxy import _builtin_commands, _select, exceptions, flow, types


def command(name: typing.Optional[str] = None):
    """Makes a function a command; without a name it is called as the function, dots for underscores."""
    def decorate(function):
        function.command_name = name or function.__name__.replace("_", ".")
        return function
    return decorate


def argument(name, type):
    """Gives an argument of a command another type."""
    def decorate(function):
        assert name in inspect.signature(function).parameters, "there is no argument " + name
        function.__annotations__[name] = type
        return function
    return decorate


class Command:
    """One command: its function and its signature."""

    def __init__(self, manager, name: str, func):
        self.manager, self.name, self.func = manager, name, func
        try:
            hints = typing.get_type_hints(getattr(func, "__func__", func))
        except Exception as e:
            raise exceptions.CommandError("its annotations cannot be read: {}".format(e)) from e
        self.signature = inspect.signature(func)
        self.parameters = []
        for p in self.signature.parameters.values():
            if p.name not in hints and p.annotation is p.empty:
                raise exceptions.CommandError("argument {} has no type".format(p.name))
            self.parameters.append((p, hints.get(p.name, p.annotation)))
        self.help = inspect.cleandoc(func.__doc__ or "")

    def bind(self, args):
        try:
            return self.signature.bind(*args)
        except TypeError:
            raise exceptions.CommandError("Command argument mismatch: \n{}\n  expected {}, got {}".format(
                self.name, self.signature, list(args))) from None

    def call(self, args):
        bound = self.bind(args)
        return self.func(*bound.args, **bound.kwargs)

    def convert(self, texts):
        self.bind(texts)
        values = []
        for i, text in enumerate(texts):
            p, kind = self.parameters[min(i, len(self.parameters) - 1)]
            values.append(parse(self.manager, text, kind))
        return values

    def described(self):
        return {"name": self.name, "help": self.help,
                "args": [[p.name, _spelled(t)] for p, t in self.parameters]}


def _spelled(kind) -> str:
    """The name of the type of an argument."""
    inner = typing.get_args(kind)
    if inner:
        origin = typing.get_origin(kind)
        return "{}[{}]".format(getattr(origin, "__name__", origin), ", ".join(_spelled(i) for i in inner))
    return getattr(kind, "__name__", str(kind))


def parse(manager, text: str, kind):
    """A value of a type from what stands on a command line."""
    if kind in (str, types.Cmd, types.CmdArgs, types.Unknown) or isinstance(kind, types.Choice):
        if isinstance(kind, types.Choice):
            options = manager.execute(kind.options_command)
            if text not in options:
                raise exceptions.CommandError("Invalid choice: {} is none of {}".format(text, ", ".join(options)))
        return text
    if kind is types.Path:
        import os
        return os.path.expanduser(text)
    if kind is bool:
        if text not in ("true", "false"):
            raise exceptions.CommandError("Booleans are 'true' or 'false', got {}".format(text))
        return text == "true"
    if kind is int:
        try:
            return int(text)
        except ValueError as e:
            raise exceptions.CommandError(str(e)) from None
    if kind is bytes:
        return text.encode("utf-8", "surrogateescape").decode("unicode-escape").encode("latin-1")
    if kind is flow.Flow:
        found = manager.resolve(text)
        if len(found) != 1:
            raise exceptions.CommandError("Command requires one flow, specification matched {}.".format(len(found)))
        return found[0]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is not None and inner and inner[0] is flow.Flow:
        return manager.resolve(text)
    if origin is not None and inner and inner[0] is str:
        return [t.strip() for t in text.split(",")]
    if kind in (types.CutSpec, types.Data):
        return [t.strip() for t in text.split(",")]
    return text


class CommandManager:
    """All commands of this script, and what the proxy lends."""

    def __init__(self, master):
        self.master = master
        self.commands: typing.Dict[str, Command] = {}

    def collect_commands(self, addon):
        for name in dir(addon):
            if name.startswith("__"):
                continue
            try:
                member = inspect.getattr_static(addon, name)
                member = getattr(addon, name) if isinstance(getattr(member, "command_name", None), str) else None
            except Exception:
                continue
            if member is None or isinstance(member, _types.ModuleType):
                continue
            try:
                self.add(member.command_name, member)
            except exceptions.CommandError as e:
                logging.warning("Could not load command %s: %s", member.command_name, e)

    def add(self, path: str, func):
        self.commands[path] = Command(self, path, func)

    def call(self, command_name: str, *args):
        """Runs a command on values as they are."""
        if command_name in self.commands:
            return self.commands[command_name].call(args)
        return _builtin_commands.run(self, command_name, args)

    def call_strings(self, command_name: str, args):
        """Runs a command on texts, which become what it takes."""
        if command_name in self.commands:
            c = self.commands[command_name]
            return c.call(c.convert(list(args)))
        return _builtin_commands.run(self, command_name, list(args))

    def execute(self, cmdstr: str):
        """Runs a line: the command and its arguments."""
        try:
            parts = shlex.split(cmdstr)
        except ValueError as e:
            raise exceptions.CommandError("Command syntax error: {}".format(e)) from None
        if not parts:
            raise exceptions.CommandError("Invalid command: " + repr(cmdstr))
        return self.call_strings(parts[0], parts[1:])

    def resolve(self, spec: str):
        return _select.resolve(self, spec)

    def described(self):
        return [c.described() for _, c in sorted(self.commands.items())]
