"""Hooks on threads."""
from __future__ import annotations

import asyncio
import inspect

from midstream_host import entities

_hooks = set(entities.FLOW_EVENTS) | {n for names in entities.CONN_EVENTS.values() for n in names} | set(entities.UNKNOWN)


def concurrent(fn):
    """Makes a hook run on a thread of its own, so that others go on meanwhile."""
    if fn.__name__ not in _hooks:
        raise NotImplementedError("Concurrent decorator not supported for '{}' method.".format(fn.__name__))

    async def run(*args):
        if inspect.iscoroutinefunction(fn):
            await asyncio.get_running_loop().run_in_executor(None, lambda: asyncio.run(fn(*args)))
        else:
            await asyncio.get_running_loop().run_in_executor(None, fn, *args)
    run.__name__ = fn.__name__
    return run
