"""Commands of mitmproxy's list of flows. The list here is the session, which the proxy
keeps: what adds to it works, what moves about in it does nothing."""
from __future__ import annotations

import os

from mitmproxy import connection, exceptions, http
from mitmproxy._flow_commands import ask, file_of
from mitmproxy._select import flows_of, resolve


def _duplicate(manager, flows):
    """Adds copies to the session, and returns them."""
    copies = [f.copy() for f in flows_of(manager, flows)]
    ask("record", raw=file_of(copies))
    return copies


def _create(manager, method, url):
    """Adds a request that was never sent to the session, and returns its flow."""
    try:
        request = http.Request.make(str(method).upper(), url)
    except ValueError as e:
        raise exceptions.CommandError("Invalid URL: {}".format(e)) from None
    f = http.HTTPFlow(connection.Client(peername=("", 0), sockname=("", 0)), connection.Server((request.host, request.port)))
    f.request = request
    request.headers["Host"] = request.host_header or request.host
    ask("record", raw=file_of([f]))
    return f


def _load(manager, path):
    with open(os.path.expanduser(path), "rb") as f:
        ask("record", raw=f.read())


def _setval(manager, flows, key, value):
    for f in flows_of(manager, flows):
        _values(manager).setdefault(f.id, {})[key] = value


def _getval(manager, f, key, default):
    return _values(manager).get(flows_of(manager, f)[0].id, {}).get(key, default)


def _toggle(manager, flows, key):
    for f in flows_of(manager, flows):
        values = _values(manager).setdefault(f.id, {})
        values[key] = "false" if values.get(key) == "true" else "true"


def _values(manager):
    if "view_values" not in manager.__dict__:
        manager.view_values = {}
    kept = manager.view_values
    while len(kept) > 10000:
        del kept[next(iter(kept))]
    return kept


def _nothing(manager, *args):
    return None


commands = {
    "view.flows.resolve": lambda m, spec: resolve(m, spec), "view.flows.duplicate": _duplicate,
    "view.flows.create": _create, "view.flows.load": _load, "view.settings.setval": _setval,
    "view.settings.getval": _getval, "view.settings.setval.toggle": _toggle,
    "view.properties.length": lambda m: len(m.master.host.all_flows()),
    "view.properties.marked": lambda m: False, "view.properties.inbounds": lambda m, n: 0 <= int(n) < len(m.master.host.all_flows()),
    "view.order.options": lambda m: ["time", "method", "url", "size"],
}
commands.update((name, _nothing) for name in (
    "view.clear", "view.clear_unmarked", "view.flows.remove", "view.focus.go", "view.focus.next", "view.focus.prev",
    "view.order.set", "view.order.reverse", "view.properties.marked.toggle"))
