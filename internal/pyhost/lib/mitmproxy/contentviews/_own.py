"""Modules of mitmproxy's own views, for scripts that derive theirs from one."""
from __future__ import annotations

from mitmproxy.contentviews.base import View, format_text


class _Text(View):
    """A view that shows text as it is."""

    def __init__(self, *args, **kwargs):
        self.config = kwargs.get("config")

    def __call__(self, data, **metadata):
        return self.name, format_text(data.decode("utf-8", "replace"))


class _Open(type):
    """Classes that have all that is asked of them."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        made = _Open(name, (Settings,), {"__module__": cls.__module__})
        setattr(cls, name, made)
        return made


class Settings(metaclass=_Open):
    """Settings of a view: whatever it is given."""

    def __init__(self, *args, **kwargs):
        self.__dict__.update(kwargs)


def module(where: str):
    """A __getattr__ for the module of a view."""
    made = {}

    def get(name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in made:
            if name.startswith("View") and name != "ViewConfig":
                made[name] = type(name, (_Text,), {"__module__": where, "name": name[4:]})
            else:
                made[name] = _Open(name, (Settings,), {"__module__": where})
        return made[name]
    return get
