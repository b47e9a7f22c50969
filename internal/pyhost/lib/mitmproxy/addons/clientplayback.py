"""Requests that are sent again: what the command replay.client does, for scripts that
take mitmproxy's own classes for it."""
from __future__ import annotations

import asyncio

from mitmproxy import _flow_commands, ctx, exceptions


def prepared(f):
    """Makes a flow one that is sent again; CommandError where it cannot be."""
    why = _flow_commands._unsendable(f)
    if why:
        raise exceptions.CommandError(why)
    f.response, f.error, f.is_replay = None, None, "request"
    return f


class ReplayHandler:
    """Sends one flow again: replay() returns when its response is there."""

    def __init__(self, flow, options=None):
        self.flow = flow
        self.done = asyncio.Event()

    async def replay(self) -> None:
        host = ctx.master.host
        f = prepared(self.flow)
        host.replaying[f.id] = f
        file = _flow_commands.file_of([f])
        try:
            await asyncio.get_running_loop().run_in_executor(None, lambda: host.ask("send", raw=file))
        except RuntimeError as e:
            raise exceptions.CommandError(str(e)) from None
        finally:
            host.replaying.pop(f.id, None)
        if f.response is None and f.error is None:
            self._take()
        self.done.set()

    def _take(self):
        """Without a hook of the script on it, what came of it is in the session."""
        for other in reversed(ctx.master.host.all_flows()):
            if other is not self.flow and other.metadata.get("replay_of") == self.flow.id:
                self.flow.response, self.flow.error = other.response, other.error
                return


class ClientPlayback:
    """What ctx.master.addons.get("clientplayback") is."""

    name = "clientplayback"

    def start_replay(self, flows) -> None:
        ctx.master.commands.call("replay.client", list(flows))

    def stop_replay(self) -> None:
        ctx.master.commands.call("replay.client.stop")

    def count(self) -> int:
        return ctx.master.commands.call("replay.client.count")

    def load_file(self, path: str) -> None:
        ctx.master.commands.call("replay.client.file", path)

    def check(self, f):
        """Why a flow cannot be sent again, None where it can."""
        return _flow_commands._unsendable(f) or None
