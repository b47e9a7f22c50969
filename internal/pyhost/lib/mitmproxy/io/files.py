"""Reading and writing flow files."""
from __future__ import annotations

import copy
import io as stdio
import os
import typing

from midstream_host import bridge
from mitmproxy import dns, exceptions, flow, flowfilter, http, tcp, udp, version  # noqa: F401 - kinds of flows
from mitmproxy.io import tnetstring

OLDEST = 11  # the version of flow files of mitmproxy 7


class FlowWriter:
    """Writes flows to a file that is open for octets."""

    def __init__(self, fo):
        self.fo = fo

    def add(self, f: flow.Flow) -> None:
        state = f.get_state()
        state["metadata"] = {k: v for k, v in state["metadata"].items() if _storable(v)}
        self.fo.write(tnetstring.dumps(state))


def _storable(value) -> bool:
    try:
        tnetstring.dumps(value)
        return True
    except ValueError:
        return False


class FilteredFlowWriter(FlowWriter):
    def __init__(self, fo, flt: typing.Optional[flowfilter.TFilter]):
        super().__init__(fo)
        self.flt = flt

    def add(self, f: flow.Flow) -> None:
        if not self.flt or flowfilter.match(self.flt, f):
            super().add(f)


class FlowReader:
    """Reads the flows of a file."""

    def __init__(self, fo):
        self.fo = fo

    def stream(self) -> typing.Iterable[flow.Flow]:
        """The flows one after another; FlowReadException where the file cannot be read
        further. HTTP archives, and flow files of old versions, are read by the proxy."""
        start = self.fo.read(16)
        fo = self.fo if not start else _Behind(start, self.fo)
        try:
            if start.lstrip(_space).startswith(b"{"):
                fo = self._converted(start)
            while True:
                try:
                    state = tnetstring.load(fo)
                    if isinstance(fo, _Behind) and fo.kept is not None:
                        if isinstance(state, dict) and _old(state):
                            fo = self._converted(b"".join(fo.kept))
                            state = tnetstring.load(fo)
                        else:
                            fo.kept = None
                except EOFError:
                    return
                yield self._flow(state)
        except exceptions.FlowReadException:
            raise
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as e:
            raise exceptions.FlowReadException("Invalid data format: {}".format(e)) from e

    def _converted(self, start: bytes):
        """The file as one of this version."""
        if bridge.host is None:
            raise exceptions.FlowReadException("only midstream itself reads this kind of file: `midstream convert IN OUT`")
        try:
            _, flows = bridge.host.ask("convert", raw=start + self.fo.read(), name="mitm")
        except RuntimeError as e:
            raise exceptions.FlowReadException(str(e)) from None
        return stdio.BytesIO(flows)

    def _flow(self, state):
        if not isinstance(state, dict):
            raise ValueError("a flow is a dictionary")
        have = state.get("version")
        if not isinstance(have, int) or not OLDEST <= have <= version.FLOW_FORMAT_VERSION:
            raise exceptions.FlowReadException(
                "this file has flows of version {}; `midstream convert IN OUT` makes them new".format(have))
        kind = flow.types.get(state.get("type"))
        if kind is None or kind is dns.DNSFlow:
            raise exceptions.FlowReadException("Unknown flow type: {}".format(state.get("type")))
        state = copy.copy(state)
        state.setdefault("comment", "")
        state["marked"] = ":default:" if state.get("marked") is True else state.get("marked") or ""
        if state.get("websocket") is not None:
            ws = dict(state["websocket"])
            ws["messages"] = [(list(m) + [False, False])[:6] for m in ws.get("messages", [])]
            state["websocket"] = {k: v for k, v in ws.items() if k in (
                "messages", "closed_by_client", "close_code", "close_reason", "timestamp_end")}
        return kind.from_state(_with_connections(state))


_space = b"\xef\xbb\xbf \t\r\n"


def _old(state) -> bool:
    have = state.get("version")
    return not isinstance(have, int) or have < OLDEST


class _Behind:
    """A file some of which has been read. It keeps what is read of the first flow."""

    def __init__(self, start: bytes, fo):
        self.start, self.fo, self.kept = start, fo, []

    def read(self, size: int) -> bytes:
        data, self.start = self.start[:size], self.start[size:]
        if len(data) < size:
            data += self.fo.read(size - len(data))
        if self.kept is not None:
            self.kept.append(data)
        return data


def _with_connections(state):
    for name in ("client_conn", "server_conn"):
        conn = dict(state[name])
        if isinstance(conn.get("state"), bool) or not isinstance(conn.get("state", 0), int):
            conn["state"] = 0
        for key in ("peername", "sockname", "address"):
            value = conn.get(key)
            if value is not None:
                conn[key] = tuple(v.decode() if isinstance(v, bytes) else v for v in value)
        if conn.get("via") is not None and not (isinstance(conn["via"], (list, tuple)) and len(conn["via"]) == 2):
            conn["via"] = None
        state[name] = conn
    return state


def read_flows_from_paths(paths) -> typing.List[flow.Flow]:
    """All flows of several files."""
    flows = []
    for path in paths:
        try:
            with open(os.path.expanduser(path), "rb") as f:
                flows.extend(FlowReader(f).stream())
        except OSError as e:
            raise exceptions.FlowReadException(e.strerror) from e
    return flows
