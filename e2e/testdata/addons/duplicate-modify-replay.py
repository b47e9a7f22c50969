"""Sends a request again, changed, once."""
from mitmproxy import ctx


def request(flow):
    if flow.request.host != "duplicate.example" or flow.is_replay == "request":
        return
    again = flow.copy()
    if "view" in ctx.master.addons:
        ctx.master.commands.call("view.flows.duplicate", [again])
    again.request.path = "/seen?again"
    ctx.master.commands.call("replay.client", [again])
