"""Frames of the proxy, and what is run for them. There is one thread and one
loop. A hook that awaits goes on as a task; any other runs at once, and what the
proxy says meanwhile waits."""
from __future__ import annotations

import asyncio
import collections
import inspect
import io as stdio
import threading

from midstream_host import entities, pictures, streams, wire
from midstream_host.connections import Connections
from midstream_host.life import Life
from midstream_host.views import Views
from mitmproxy import exceptions


class Host(Life, Connections, Views):
    """The proxy, as this process knows it."""

    def __init__(self, connection: wire.Wire, loop, script: str):
        self.wire = connection
        self.loop = loop
        self.script = script
        self.main = threading.get_ident()
        self.flows = {}
        self.conns = {}
        self.recorded = {}  # flows of the session that commands were given
        self.replaying = {}  # flows that are sent again, by the number they had
        self.backlog = collections.deque()
        self._asked = 0
        self._waiting = {}
        self._ids = threading.Lock()
        self.groups = ([], [])
        self.piecewise = False
        self.init_life()

    # The socket.

    def tell(self, head, raw=b""):
        self.wire.send(head, raw)

    def serve(self):
        self.loop.add_reader(self.wire.fileno(), self.readable)
        self.readable()

    def readable(self):
        try:
            self.wire.read()
            self.drain()
            for _ in range(LINGER):  # the next piece of a body comes at once, mostly
                if not self.piecewise:
                    break
                self.piecewise = False
                if not self.wire.soon(MOMENT):
                    break
                self.wire.read()
                self.drain()
            self.piecewise = False
        except wire.Closed:
            self.over()

    def drain(self):
        frames = self.wire.frames
        while self.backlog or frames:
            head, raw = self.backlog.popleft() if self.backlog else frames.popleft()
            self.handle(head, raw)

    def handle(self, head, raw):
        kind = head["k"]
        if kind == "hook":
            self.hook(head, raw)
        elif kind == "chunk":
            self.chunk(head, raw)
        elif kind == "ans":
            self.answered(head, raw)
        elif kind == "end":
            self.ended(head["f"])
        elif kind == "view":
            self.view(head, raw)
        elif kind == "conn":
            self.conn(head, raw)
        elif kind == "ping":
            self.tell({"k": "ret", "c": head["c"]})
        else:
            self.lifecycle(kind, head)

    def ask(self, method: str, raw=b"", **args):
        """Asks the proxy and waits: (value, octets). RuntimeError where it refuses."""
        with self._ids:
            self._asked += 1
            number = self._asked
        args.update(k="rpc", r=number, m=method)
        if threading.get_ident() == self.main:
            self.tell(args, raw)
            while True:
                self.wire.read(wait=True)
                frames = self.wire.frames
                while frames:
                    head, data = frames.popleft()
                    kind = head["k"]
                    if kind == "ans" and head["r"] == number:
                        return self._value(head, data)
                    if kind == "ans":
                        self.answered(head, data)
                    elif kind == "ping" or kind == "configure":
                        self.handle(head, data)
                    else:
                        self.backlog.append((head, data))
                        if len(self.backlog) == 1:
                            self.loop.call_soon(self.later)
        slot = [threading.Event(), None]
        self._waiting[number] = slot
        self.tell(args, raw)
        slot[0].wait()
        if slot[1] is None:
            raise RuntimeError("the proxy is gone")
        return self._value(*slot[1])

    def later(self):
        try:
            self.drain()
        except wire.Closed:
            self.over()

    @staticmethod
    def _value(head, raw):
        if "er" in head:
            raise Refused(head["er"])
        return head.get("v"), raw

    def answered(self, head, raw):
        slot = self._waiting.pop(head["r"], None)
        if slot is not None:
            slot[1] = (head, raw)
            slot[0].set()

    # What mitmproxy's objects ask.

    def body(self, flow, side):
        picture = self.flows.get(flow.id)
        call = picture.calls[-1] if picture is not None and picture.calls else 0
        try:
            value, raw = self.ask("body", c=call, f=flow.id, d=side)
        except Refused as e:
            raise ValueError(str(e)) from None
        return raw if value else None

    def chain(self, conn):
        value, _ = self.ask("certs", f=conn.id)
        return value or []

    def kill(self, flow):
        picture = self.flows.get(flow.id)
        if picture is None and self.recorded.get(flow.id) is flow:
            self.act("kill", flow)
        if picture is None or picture.flow is not flow:
            return
        if picture.calls:
            picture.killed = True
        else:
            self.tell({"k": "kill", "f": flow.id})

    def act(self, what, flow):
        try:
            self.ask("act", f=flow.id, name=what)
        except Refused:
            pass  # it is over by now

    def resume(self, flow):
        """Lets a flow go on that midstream itself holds."""
        picture = self.flows.get(flow.id)
        if picture is None or not picture.calls:
            self.act("resume", flow)

    def note(self, flow, what, value):
        """marked or comment was set: outside of a hook it is sent at once."""
        picture = self.flows.get(flow.id)
        text = pictures.marker(value) if what == "marked" else str(value)
        if picture is None:
            try:
                self.ask("note", f=flow.id, name=what, value=text)
            except Refused:
                pass  # it is not in the session, or not yet
        elif not picture.calls:
            self.tell({"k": "note", "f": flow.id, "w": what, "v": text})

    def all_flows(self):
        """The flows of the session, the newest ones, and those that live."""
        from mitmproxy import io
        mine = {p.flow.id: p.flow for p in list(self.flows.values())}
        try:
            running, file = self.ask("recorded")
        except Refused:
            return list(mine.values())
        running = dict(running or ())
        known, self.recorded = self.recorded, {}
        for f in io.FlowReader(stdio.BytesIO(file)).stream():
            if f.id in mine:
                continue
            before = known.get(f.id)
            if before is not None:
                if before.live:  # more of it has passed
                    f.marked, f.comment = before.marked or f.marked, before.comment or f.comment
                    before._late = None
                    before.set_state(f.get_state())
                f = before
            f.live = f.id in running
            f.intercepted = running.get(f.id, False)
            f._late = self.note
            self.recorded[f.id] = f
        return list(self.recorded.values()) + list(mine.values())

    def flow_of(self, number: str):
        """The flow of an id, None where there is none."""
        if number in self.flows:
            return self.flows[number].flow
        return next((f for f in self.all_flows() if f.id == number), None)

    # Events of flows.

    def hook(self, head, raw):
        picture = self.flows.get(head["f"])
        if picture is None:
            again = self.replaying.pop(head.get("md", {}).get("replay_of"), None)
            picture = self.flows[head["f"]] = pictures.new_flow(head, again)
            picture.flow._late = self.note
        picture.update(head, raw, self)
        event, call = head["e"], head["c"]
        picture.calls.append(call)
        self.finish(picture, event, call, self.run(head["g"], event, (picture.flow,), picture))

    def run(self, group, event, args, picture):
        """Runs an event on all addons that have it and returns their errors. Where a
        hook awaits, or the flow is to wait, the rest becomes a task: SUSPENDED."""
        errors = []
        todo = iter(self.groups[group])
        for addon in todo:
            result = self.attempt(addon, event, args, errors)
            if result is HALT:
                break
            if result is not None and inspect.isawaitable(result):
                self.loop.create_task(self.rest(addon, result, todo, event, args, errors, picture, picture.calls[-1]))
                return SUSPENDED
        flow = picture.flow
        if flow.intercepted:
            self.loop.create_task(self.parked(event, errors, picture, picture.calls[-1]))
            return SUSPENDED
        return errors

    async def rest(self, addon, result, todo, event, args, errors, picture, call):
        halt = await self.awaited(addon, event, result, errors, args) is HALT
        if not halt:
            for addon in todo:
                result = self.attempt(addon, event, args, errors)
                if result is not None and result is not HALT and inspect.isawaitable(result):
                    result = await self.awaited(addon, event, result, errors, args)
                if result is HALT:
                    break
        await self.parked(event, errors, picture, call)

    async def parked(self, event, errors, picture, call):
        if picture.flow.intercepted:
            self.tell({"k": "parked", "c": call})
            await picture.flow.wait_for_resume()
        self.finish(picture, event, call, errors)

    def attempt(self, addon, event, args, errors):
        try:
            fn = entities.hook(addon, event)
            return fn(*args) if fn is not None else None
        except exceptions.AddonHalt:
            return HALT
        except Exception as e:
            self.failed(addon, event, args, e, errors)
        except SystemExit as e:
            self.failed(addon, event, args, e, errors)

    async def awaited(self, addon, event, result, errors, args):
        try:
            await result
        except exceptions.AddonHalt:
            return HALT
        except (Exception, SystemExit, asyncio.CancelledError) as e:
            self.failed(addon, event, args, e, errors)

    def failed(self, addon, event, args, exc, errors):
        name = entities.name_of(addon)
        on = " on flow " + args[0].id if args and hasattr(args[0], "client_conn") else ""
        entities.complain("Addon error in {} of {}{}:\n{}".format(event, name, on, entities.own_traceback(exc)))
        errors.append([name, "{}: {}".format(type(exc).__name__, exc), bool(getattr(addon, "required", False)),
                       entities.place(exc)])

    def finish(self, picture, event, call, errors):
        if errors is SUSPENDED:
            return
        for addon in self.updaters:
            self.attempt(addon, "update", ([picture.flow],), errors)
        raw = b""
        try:
            head, raw = picture.changes(event)
        except Exception as e:
            head = {}
            entities.complain("Addon error: what was set in {} cannot be sent, flow {}: {}: {}".format(
                event, picture.flow.id, type(e).__name__, e))
            errors.append([self.script, "{}: {}".format(type(e).__name__, e), False, ""])
        if call in picture.calls:
            picture.calls.remove(call)
        head["k"] = "ret"
        head["c"] = call
        if errors:
            head["ers"] = errors
        if picture.streams or "st" in head:
            self.take_streams(picture, head.get("st", {}))
        try:
            self.tell(head, raw)
        except TypeError as e:  # something that JSON has no word for
            self.tell({"k": "ret", "c": call, "ers": errors + [[self.script, str(e), False, ""]]})

    def take_streams(self, picture, wishes):
        for side, wish in wishes.items():
            message = picture.flow.request if side == "q" else picture.flow.response
            picture.streams.pop(side, None)
            if wish == 3:
                picture.streams[side] = streams.Stream(message.stream)

    def chunk(self, head, raw):
        picture = self.flows.get(head["f"])
        out, errors = [], []
        stream = None if picture is None else picture.streams.get(head["d"])
        if stream is None:
            errors.append([self.script, "there is no stream function any more", False, ""])
        else:
            picture.calls.append(head["c"])
            try:
                out = stream.run(raw)
            except Exception as e:
                event = ("request" if head["d"] == "q" else "response") + ".stream"
                self.failed(stream.fn, event, (picture.flow,), e, errors)
            picture.calls.remove(head["c"])
        self.piecewise = bool(raw)
        if len(out) == 1 and not errors:
            self.wire.put('{"k":"ret","c":%d,"p":[%d]}' % (head["c"], len(out[0])), out[0])
            return
        answer = {"k": "ret", "c": head["c"], "p": [len(p) for p in out]}
        if errors:
            answer["ers"] = errors
        self.tell(answer, b"".join(out))

    def ended(self, number):
        picture = self.flows.pop(number, None)
        if picture is not None:
            picture.flow.live = False
            picture.flow._late = None
            for stream in picture.streams.values():
                stream.close()


class Refused(RuntimeError):
    """The proxy's answer was an error."""


LINGER, MOMENT = 8, 0.0002
HALT = object()
SUSPENDED = object()
