"""Types of the arguments of commands."""
from __future__ import annotations

import typing


class Path(str):
    pass


class Cmd(str):
    pass


class CmdArgs(str):
    pass


class Unknown(str):
    pass


class Space(str):
    pass


class CutSpec(typing.Sequence[str]):
    pass


class Data(typing.Sequence[typing.Sequence[typing.Union[str, bytes]]]):
    pass


class Marker(str):
    pass


class Choice:
    """One of what a command returns."""

    def __init__(self, options_command: str):
        self.options_command = options_command

    def __instancecheck__(self, instance):
        return True

    def __call__(self, value):
        return value
