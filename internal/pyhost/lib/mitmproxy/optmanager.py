"""Options as addons see them: a copy of the proxy's, kept up to date."""
from __future__ import annotations

import contextlib
import copy
import logging
import textwrap
import typing

from mitmproxy import exceptions
from mitmproxy._defaults import DEFAULTS


def spelled(typespec) -> str:
    """The name of a type of an option."""
    if typespec in (str, bool, int):
        return typespec.__name__
    text = str(typespec).replace("typing.", "").replace("collections.abc.", "").replace("<class '", "").replace("'>", "")
    text = text.replace(" ", "").replace("NoneType", "None")
    return {
        "Union[str,None]": "Optional[str]", "Union[int,None]": "Optional[int]", "str|None": "Optional[str]",
        "None|str": "Optional[str]", "int|None": "Optional[int]", "None|int": "Optional[int]", "List[str]": "Sequence[str]",
        "list[str]": "Sequence[str]", "Tuple[str,...]": "Sequence[str]", "tuple[str,...]": "Sequence[str]",
        "Iterable[str]": "Sequence[str]",
    }.get(text, text)


def check_type(name: str, value, kind: str):
    """TypeError where value is not of the kind."""
    good = True
    if kind == "str":
        good = isinstance(value, str)
    elif kind == "bool":
        good = isinstance(value, bool)
    elif kind == "int":
        good = isinstance(value, int)
    elif kind == "Optional[str]":
        good = value is None or isinstance(value, str)
    elif kind == "Optional[int]":
        good = value is None or isinstance(value, int)
    elif kind == "Sequence[str]":
        good = isinstance(value, (list, tuple)) and all(isinstance(v, str) for v in value)
    if not good:
        raise TypeError("Expected {} for {}, but got {}.".format(kind, name, type(value)))


class OptManager:
    """All options. Reading is free; writing goes through the proxy, which may refuse."""

    def __init__(self, host=None):
        self.__dict__.update(_host=host, _values={}, _kinds={}, _defaults={}, _waiting={}, _own=set(), _absent={})

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._values:
            return copy.deepcopy(self._values[name])
        if name in self._absent:
            return copy.deepcopy(self._absent[name])
        if name in DEFAULTS:
            return copy.deepcopy(DEFAULTS[name])
        raise AttributeError("No such option: {}".format(name))

    def __setattr__(self, name, value):
        self.update(**{name: value})

    def __contains__(self, name):
        return name in self._values or name in DEFAULTS

    def __iter__(self):
        return iter(self.keys())

    def keys(self):
        return set(self._values) | set(DEFAULTS)

    def items(self):
        return [(k, getattr(self, k)) for k in self.keys()]

    def default(self, option: str):
        return self._defaults.get(option, DEFAULTS.get(option))

    def has_changed(self, option: str) -> bool:
        return option in self._values and self._values[option] != self.default(option)

    def reset(self):
        for name in list(self._own):
            self.update(**{name: self._defaults[name]})

    def add_option(self, name, typespec, default, help, choices=None):
        """Declares an option."""
        kind = spelled(typespec)
        if kind in ("str", "bool", "int", "Optional[str]", "Optional[int]", "Sequence[str]"):
            check_type(name, default, kind)
            from midstream_host.dispatch import Refused
            try:
                value, _ = self._host.ask("option", name=name, type=kind, default=_plain(default),
                                           help=" ".join(textwrap.dedent(help or "").split()),
                                           choices=[str(c) for c in choices or []])
            except Refused as e:  # what the user gave it does not fit
                raise exceptions.OptionsError(str(e)) from None
            self._waiting[name] = value
        known = name in self._own and self._kinds.get(name) == kind
        self._own.add(name)
        self._kinds[name], self._defaults[name] = kind, default
        if not known:
            self._values[name] = default
            self._host.call_configure({name})

    def loaded(self):
        """load is over: from now on options have the values that they were given."""
        for name, value in self._waiting.items():
            self._values[name] = value
        self._waiting.clear()

    def take(self, values) -> set:
        """Takes up what the proxy says; the names."""
        for name, value in values.items():
            self._values[name] = _shaped(name, value)
        return set(values)

    def update(self, **values):
        """Changes options, all or none. KeyError for unknown ones."""
        unknown = self.update_known(**values)
        if unknown:
            raise KeyError("Unknown options: {}".format(", ".join(unknown)))

    def update_known(self, **values) -> dict:
        """update for those that there are; the others are returned."""
        unknown = {k: v for k, v in values.items() if k not in self}
        known = {k: v for k, v in values.items() if k in self}
        for name, value in known.items():
            if name in self._kinds:
                check_type(name, value, self._kinds[name])
            if name not in self._values and value != DEFAULTS[name]:
                logging.getLogger("midstream").warning("option %s of mitmproxy changes nothing here: docs/from-mitmproxy.md "
                                                       "has what midstream has instead", name)
        done = []
        for name, value in known.items():
            if name not in self._values:
                self._absent[name] = value
                self._host.call_configure({name})
                continue
            old = self._values[name]
            self._send(name, value)
            done.append((name, old))
            error = self._host.call_configure({name})
            if error:
                for back, before in reversed(done):
                    self._send(back, before)
                    self._host.call_configure({back})
                raise exceptions.OptionsError(error)
        return unknown

    def _send(self, name, value):
        if name in self._kinds and self._kinds[name] not in (
                "str", "bool", "int", "Optional[str]", "Optional[int]", "Sequence[str]"):
            self._values[name] = value
            return
        try:
            late, _ = self._host.ask("set", name=name, value=_plain(value))
        except RuntimeError as e:
            raise exceptions.OptionsError(str(e)) from None
        if late:
            logging.getLogger("midstream").warning("%s; until then %r counts for this script alone", late, value)
        self._values[name] = value

    def set(self, *specs: str, defer: bool = False):
        """Takes name=value, as --set does."""
        for spec in specs:
            name, eq, text = spec.partition("=")
            if name not in self:
                if defer:
                    continue
                raise exceptions.OptionsError("Unknown option: {}".format(name))
            self.update(**{name: self._parsed(name, text if eq else None)})

    def _parsed(self, name, text):
        kind = self._kinds.get(name) or spelled(type(getattr(self, name)))
        if kind == "bool":
            if text in ("toggle",):
                return not getattr(self, name)
            if text in (None, "true"):
                return True
            if text == "false":
                return False
            raise exceptions.OptionsError("Boolean must be \"true\", \"false\", or have the value omitted.")
        if text is None:
            if kind.startswith("Optional"):
                return None
            if kind in ("Sequence[str]", "list"):
                return []
            raise exceptions.OptionsError("Option {} requires a value.".format(name))
        if kind in ("int", "Optional[int]"):
            try:
                return int(text)
            except ValueError:
                raise exceptions.OptionsError("Failed to parse option {}: not an integer: {}".format(name, text)) from None
        if kind in ("Sequence[str]", "list"):
            return [text]
        return text

    def toggler(self, name):
        return lambda: self.update(**{name: not getattr(self, name)})

    def setter(self, name):
        return lambda value: self.update(**{name: value})

    @contextlib.contextmanager
    def rollback(self, updated=(), reraise=False):
        old = dict(self._values)
        try:
            yield
        except exceptions.OptionsError:
            self.take(old)
            if reraise:
                raise


def _plain(value):
    return list(value) if isinstance(value, (list, tuple)) else value


def _shaped(name, value):
    """The proxy's value in mitmproxy's type, where that is another."""
    old = DEFAULTS.get(name)
    if isinstance(old, list) and not isinstance(value, list):
        return [] if value in (None, "") else [value]
    return value
