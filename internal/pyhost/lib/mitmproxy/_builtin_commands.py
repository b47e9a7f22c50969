"""The commands of mitmproxy that addons call, as far as the proxy lends them."""
from __future__ import annotations

import logging
import os

from midstream_host import bridge
from mitmproxy import _cut_commands, _flow_commands, _view_commands, exceptions


def _inject_websocket(manager, target, to_client, content, is_text=True):
    if getattr(target, "websocket", None) is None:
        raise exceptions.CommandError("inject.websocket: the flow is no open WebSocket")
    _inject(manager, "inject.websocket", target, to_client, content, is_text)


def _inject_tcp(manager, target, to_client, content):
    if getattr(target, "type", None) != "tcp":
        raise exceptions.CommandError("inject.tcp: the flow is no raw tunnel")
    _inject(manager, "inject.tcp", target, to_client, content, False)


def _inject_udp(manager, target, to_client, content):
    raise exceptions.CommandError("inject.udp: there are no flows of UDP")


def _inject(manager, command, target, to_client, content, is_text):
    """Sends when the hook that runs has returned, or at once where none does."""
    host = manager.master.host
    picture = host.flows.get(target.id)
    if picture is None:
        raise exceptions.CommandError(command + ": the flow is over")
    if isinstance(content, str):
        content = content.encode()
    if isinstance(to_client, str):
        to_client = to_client == "true"
    if isinstance(is_text, str):
        is_text = is_text == "true"
    picture.injected.append((bool(to_client), bool(is_text), bytes(content)))
    if not picture.calls:
        waiting, picture.injected = picture.injected, []
        for to, text, data in waiting:
            host.tell({"k": "inject", "f": target.id, "to": to, "text": text}, data)


def _set(manager, name, *value):
    manager.master.options.set(name if not value else "{}={}".format(name, " ".join(str(v) for v in value)))


def _reset(manager):
    manager.master.options.reset()


def _reset_one(manager, name):
    options = manager.master.options
    if name not in options:
        raise exceptions.CommandError("No such option: " + name)
    options.update(**{name: options.default(name)})


def _option_lines(options):
    import json
    # JSON is YAML, as far as a value on a line goes.
    return "".join("{}: {}\n".format(name, json.dumps(getattr(options, name), default=str))
                   for name in sorted(options.keys()) if options.has_changed(name))


def _options_save(manager, path):
    with open(os.path.expanduser(path), "w", encoding="utf-8") as f:
        f.write(_option_lines(manager.master.options))


def _shutdown(manager):
    manager.master.shutdown()


def _browser(manager, *which):
    logging.getLogger("midstream").info("browser.start: `midstream browser` opens one that goes through the proxy")


_commands = {
    "inject.websocket": _inject_websocket, "inject.tcp": _inject_tcp, "inject.udp": _inject_udp, "set": _set, "options.reset": _reset, "options.reset.one": _reset_one,
    "options.save": _options_save, "console.exit": _shutdown, "browser.start": _browser,
}
for _more in (_flow_commands, _view_commands, _cut_commands):
    _commands.update(_more.commands)


def names():
    """All names, in their order."""
    return sorted(_commands)


def run(manager, name, args):
    """Runs a command; CommandError where there is none of that name."""
    if name not in _commands:
        raise exceptions.CommandError("Unknown command: {} (midstream lends {}; {})".format(
            name, ", ".join(sorted(_commands)), bridge.docs))
    try:
        return _commands[name](manager, *args)
    except (TypeError, ValueError, OSError, RuntimeError) as e:
        raise exceptions.CommandError("{}: {}".format(name, e)) from e
