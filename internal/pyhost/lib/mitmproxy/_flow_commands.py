"""Commands on flows: what they are, send them again, save them, write them as code."""
from __future__ import annotations

import io
import os

from midstream_host import bridge
from mitmproxy import exceptions, flow
from mitmproxy._select import flows_of


def file_of(flows) -> bytes:
    """Flows as the octets of a flow file."""
    from mitmproxy.io import FlowWriter
    out = io.BytesIO()
    writer = FlowWriter(out)
    for f in flows:
        writer.add(f)
    return out.getvalue()


def ask(method, raw=b"", **args):
    """Asks the proxy; CommandError where it refuses."""
    if bridge.host is None:
        raise exceptions.CommandError("there is no proxy to do it")
    try:
        return bridge.host.ask(method, raw=raw, **args)
    except RuntimeError as e:
        raise exceptions.CommandError(str(e)) from None


def _kill(manager, flows):
    for f in flows_of(manager, flows):
        if f.killable:
            f.kill()


def _resume(manager, flows):
    for f in flows_of(manager, flows):
        if f.intercepted:
            f.resume()
        elif f.live:
            manager.master.host.resume(f)


def _mark(manager, flows, marker):
    for f in flows_of(manager, flows):
        f.marked = marker


def _mark_toggle(manager, flows):
    for f in flows_of(manager, flows):
        f.marked = "" if f.marked else ":default:"


def _comment(manager, flows, comment):
    for f in flows_of(manager, flows):
        f.comment = comment


def _revert(manager, flows):
    for f in flows_of(manager, flows):
        f.revert()


def _messages(manager, flows, part):
    if part not in ("request", "response"):
        raise exceptions.CommandError("the part of a flow is request or response, not {!r}".format(part))
    for f in flows_of(manager, flows):
        message = getattr(f, part, None)
        if message is not None:
            yield message


def _decode(manager, flows, part):
    for message in _messages(manager, flows, part):
        message.decode()


def _encoded(message):
    return message.headers.get("content-encoding", "identity") != "identity"


def _encode(manager, flows, part, coding):
    for message in _messages(manager, flows, part):
        if not _encoded(message):
            message.encode(coding)


def _encode_toggle(manager, flows, part):
    for message in _messages(manager, flows, part):
        if _encoded(message):
            message.decode()
        else:
            message.encode("deflate")


_SETTABLE = ("host", "status_code", "method", "path", "url", "reason")


def _set(manager, flows, attribute, value):
    """Sets one thing of each flow from text."""
    if attribute not in _SETTABLE:
        raise exceptions.CommandError("flow.set sets {}, not {!r}".format(", ".join(_SETTABLE), attribute))
    if attribute == "status_code":
        try:
            value = int(value)
        except ValueError:
            raise exceptions.CommandError("Status code is not an integer: {}".format(value)) from None
    for f in flows_of(manager, flows):
        message = f.response if attribute in ("status_code", "reason") else f.request
        if message is None:
            continue
        setattr(message, attribute, value)
        if attribute == "status_code":
            from mitmproxy.net.http import status_codes
            message.reason = status_codes.RESPONSES.get(value, message.reason)


def _replay(manager, flows):
    """Sends requests again, through all hooks. It does not wait for them."""
    flows = flows_of(manager, flows)
    for f in flows:
        why = _unsendable(f)
        if why:
            raise exceptions.CommandError(why)
    host = manager.master.host
    for f in flows:
        f.response, f.error, f.is_replay = None, None, "request"
        host.replaying[f.id] = f
        if len(host.replaying) > 1000:
            del host.replaying[next(iter(host.replaying))]
        ask("replay", raw=file_of([f]))


def _unsendable(f) -> str:
    if f.live:
        return "Can't replay live flow."
    if f.intercepted:
        return "Can't replay intercepted flow."
    request = getattr(f, "request", None)
    if f.type != "http" or request is None or getattr(f, "websocket", None) is not None:
        return "Can only replay HTTP flows."
    if request.raw_content is None:
        return "Can't replay flow with missing content."
    return ""


def _replay_file(manager, path):
    ask("replay", name=os.path.abspath(os.path.expanduser(path)))


def _replay_count(manager):
    value, _ = ask("replay_count")
    return int(value or 0)


def _save(manager, flows, path):
    name = os.path.expanduser(path.lstrip("+"))
    with open(name, "ab" if path.startswith("+") else "wb") as f:
        f.write(file_of(flows_of(manager, flows)))


def _save_har(manager, flows, path):
    _, har = ask("convert", raw=file_of(flows_of(manager, flows)), name="har")
    if path.endswith(".zhar"):
        import zlib
        har = zlib.compress(har, 9)
    with open(os.path.expanduser(path), "wb") as f:
        f.write(har)


FORMATS = ("curl", "httpie", "raw", "raw_request", "raw_response", "python", "fetch", "go")


def _export(manager, format, target):
    """A flow as what sends it again, or as the octets of its messages."""
    if format not in FORMATS:
        raise exceptions.CommandError("No such export format: {}".format(format))
    flows = flows_of(manager, target)
    if len(flows) != 1:
        raise exceptions.CommandError("Command requires one flow, specification matched {}.".format(len(flows)))
    _, octets = ask("convert", raw=file_of(flows), name=format)
    octets = octets[:-1] if not format.startswith("raw") and octets.endswith(b"\n") else octets
    return octets.decode("utf-8", "surrogateescape")


def _export_file(manager, format, target, path):
    text = _export(manager, format, target)
    with open(os.path.expanduser(path), "wb") as f:
        f.write(text.encode("utf-8", "surrogateescape"))


def _no_clipboard(manager, *args):
    raise exceptions.CommandError("an addon's process has no clipboard; export.file and cut.save write files")


commands = {
    "flow.kill": _kill, "flow.resume": _resume, "flow.mark": _mark, "flow.mark.toggle": _mark_toggle,
    "flow.comment": _comment, "flow.revert": _revert, "flow.decode": _decode, "flow.encode": _encode,
    "flow.encode.toggle": _encode_toggle, "flow.encode.options": lambda m: ["gzip", "deflate", "br", "zstd"],
    "flow.set": _set, "flow.set.options": lambda m: list(_SETTABLE),
    "replay.client": _replay, "replay.client.file": _replay_file, "replay.client.count": _replay_count,
    "replay.client.stop": lambda m: ask("replay_stop") and None,
    "save.file": _save, "save.har": _save_har,
    "export": _export, "export.file": _export_file, "export.formats": lambda m: list(FORMATS),
    "export.clip": _no_clipboard, "cut.clip": _no_clipboard,
}
