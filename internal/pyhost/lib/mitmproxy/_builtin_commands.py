"""The commands of mitmproxy that addons call, as far as the proxy lends them."""
from __future__ import annotations

from midstream_host import bridge
from mitmproxy import exceptions, flow, flowfilter


def _flows(manager, value):
    if isinstance(value, str):
        return resolve(manager, value)
    if isinstance(value, flow.Flow):
        return [value]
    return list(value)


def resolve(manager, spec: str):
    """The flows that a text names, among those that this script has seen and that live."""
    live = [p.flow for p in manager.master.host.flows.values()]
    if spec in ("@all", "@shown"):
        return live
    if spec == "@marked":
        return [f for f in live if f.marked]
    if spec in ("@focus", "@hidden", "@unmarked", "@shown.marked"):
        return [f for f in live if not f.marked] if spec == "@unmarked" else []
    if all(len(i) == 36 for i in spec.split(",")):
        return [f for f in live if f.id in spec.split(",")]
    try:
        matches = flowfilter.parse(spec)
    except ValueError as e:
        raise exceptions.CommandError(str(e)) from None
    return [f for f in live if matches(f)]


def _inject(kind):
    def run(manager, target, to_client, content, is_text=True):
        host = manager.master.host
        picture = host.flows.get(target.id)
        if picture is None or getattr(target, "websocket", None) is None:
            raise exceptions.CommandError("{}: the flow is no open WebSocket".format(kind))
        if isinstance(content, str):
            content = content.encode()
        if isinstance(to_client, str):
            to_client = to_client == "true"
        picture.injected.append((bool(to_client), bool(is_text), bytes(content)))
        if not picture.calls:
            waiting, picture.injected = picture.injected, []
            for to, text, data in waiting:
                host.tell({"k": "inject", "f": target.id, "to": to, "text": text}, data)
    return run


def _kill(manager, flows):
    for f in _flows(manager, flows):
        if f.killable:
            f.kill()


def _resume(manager, flows):
    for f in _flows(manager, flows):
        f.resume()


def _mark(manager, flows, marker):
    for f in _flows(manager, flows):
        f.marked = marker


def _comment(manager, flows, comment):
    for f in _flows(manager, flows):
        f.comment = comment


def _revert(manager, flows):
    for f in _flows(manager, flows):
        f.revert()


def _decode(manager, flows, part):
    for f in _flows(manager, flows):
        message = getattr(f, part, None)
        if message is not None:
            message.decode()


def _encode(manager, flows, part, coding):
    for f in _flows(manager, flows):
        message = getattr(f, part, None)
        if message is not None and not message.headers.get("content-encoding", "identity") != "identity":
            message.encode(coding)


def _save(manager, flows, path):
    import os
    from mitmproxy import io
    name = os.path.expanduser(path.lstrip("+"))
    with open(name, "ab" if path.startswith("+") else "wb") as f:
        writer = io.FlowWriter(f)
        for one in _flows(manager, flows):
            writer.add(one)


def _set(manager, name, *value):
    manager.master.options.set(name if not value else "{}={}".format(name, value[0]))


_commands = {
    "inject.websocket": _inject("inject.websocket"), "flow.kill": _kill, "flow.resume": _resume, "flow.mark": _mark,
    "flow.comment": _comment, "flow.revert": _revert, "flow.decode": _decode, "flow.encode": _encode,
    "save.file": _save, "set": _set, "view.flows.resolve": lambda m, spec: resolve(m, spec),
}


def run(manager, name, args):
    """Runs a command; CommandError where there is none of that name."""
    if name not in _commands:
        raise exceptions.CommandError("Unknown command: {} (midstream lends {}; {})".format(
            name, ", ".join(sorted(_commands)), bridge.docs))
    try:
        return _commands[name](manager, *args)
    except TypeError as e:
        raise exceptions.CommandError("{}: {}".format(name, e)) from None
