"""Events as objects, for ctx.master.addons.trigger."""
from __future__ import annotations

import dataclasses
import re

all_hooks = {}


class Hook:
    """An event and its arguments."""

    name = ""

    def args(self):
        if dataclasses.is_dataclass(self):
            return [getattr(self, f.name) for f in dataclasses.fields(self)]
        return list(getattr(self, "_args", ()))

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self._args = args
        return self

    def __init__(self, *args):
        pass

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.replace("Hook", "").replace("Event", "")).lower()
        all_hooks[cls.name] = cls


class ConfigureHook(Hook):
    name = "configure"


class DoneHook(Hook):
    name = "done"


class RunningHook(Hook):
    name = "running"


class UpdateHook(Hook):
    name = "update"
