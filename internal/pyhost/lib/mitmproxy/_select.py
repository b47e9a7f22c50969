"""Which flows a command is about."""
from __future__ import annotations

from mitmproxy import exceptions, flow, flowfilter


def flows_of(manager, value):
    """The flows that an argument of a command stands for."""
    if isinstance(value, str):
        return resolve(manager, value)
    if isinstance(value, flow.Flow):
        return [value]
    return list(value)


def resolve(manager, spec: str):
    """The flows that a text names: those of the session, and those that live and that this
    script has seen."""
    live = manager.master.host.all_flows()
    if spec in ("@all", "@shown"):
        return live
    if spec in ("@marked", "@shown.marked"):
        return [f for f in live if f.marked]
    if spec in ("@unmarked", "@shown.unmarked"):
        return [f for f in live if not f.marked]
    if spec in ("@focus", "@hidden", "@hidden.marked", "@hidden.unmarked"):
        return []
    if spec and all(len(i) == 36 for i in spec.split(",")):
        return [f for f in live if f.id in spec.split(",")]
    try:
        matches = flowfilter.parse(spec)
    except ValueError as e:
        raise exceptions.CommandError(str(e)) from None
    return [f for f in live if matches(f)]
