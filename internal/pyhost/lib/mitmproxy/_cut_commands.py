"""Commands that cut values out of flows."""
from __future__ import annotations

import csv
import io
import os

from mitmproxy import certs, exceptions
from mitmproxy._select import flows_of


def _one(f, path: str):
    """The value at a path such as request.headers or server_conn.address.host; "" where
    there is none."""
    current = f
    for name in path.split("."):
        if not name or name.startswith("_"):
            raise exceptions.CommandError("Can't extract " + path)
        if isinstance(current, tuple) and name in ("host", "port"):
            return current[0 if name == "host" else 1]
        if current is None:
            return ""
        current = getattr(current, name, None)
        if callable(current):
            raise exceptions.CommandError("Can't extract " + path)
    if isinstance(current, bytes):
        return current
    if isinstance(current, bool):
        return str(current).lower()
    if isinstance(current, certs.Cert):
        return current.to_pem().decode("ascii")
    if isinstance(current, (list, tuple)) and current and isinstance(current[0], certs.Cert):
        return "\n".join(c.to_pem().decode("ascii") for c in current)
    if current is None:
        return ""
    return str(current)


def _short(f, path):
    short = {"q": "request", "s": "response", "cc": "client_conn", "sc": "server_conn"}
    head, dot, rest = path.partition(".")
    if head in short and dot:
        path = short[head] + "." + rest
    path = path.strip()
    if ".header[" in path:  # names of fields have dots in them
        part, _, name = path.partition(".header[")
        message = getattr(f, part, None)
        return "" if message is None else message.headers.get(name[:-1], "")
    return _one(f, path)


def _cut(manager, flows, cuts):
    """A row for each flow, a value for each path."""
    if isinstance(cuts, str):
        cuts = cuts.split(",")
    return [[_short(f, c) for c in cuts] for f in flows_of(manager, flows)]


def _save(manager, flows, cuts, path):
    """A single value goes to the file as it is, more as CSV."""
    name, mode = os.path.expanduser(path.lstrip("+")), "ab" if path.startswith("+") else "wb"
    rows = _cut(manager, flows, cuts)
    with open(name, mode) as f:
        if len(rows) == 1 and len(rows[0]) == 1:
            value = rows[0][0]
            if f.tell() > 0:
                f.write(b"\n")
            f.write(value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape"))
            return
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        for row in rows:
            writer.writerow([v.decode("utf-8", "backslashreplace") if isinstance(v, bytes) else v for v in row])
        f.write(text.getvalue().encode("utf-8", "surrogateescape"))


commands = {"cut": _cut, "cut.save": _save}
