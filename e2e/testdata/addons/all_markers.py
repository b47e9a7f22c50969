"""Makes a flow for some markers, and asks for the console, which is not there."""
from mitmproxy import command, ctx
from mitmproxy.utils import emoji


@command.command("all.markers")
def all_markers() -> str:
    """Makes a flow for each of three markers."""
    assert {":red_circle:", ":grapes:", ":mag:"} <= set(emoji.emoji)
    for marker in (":red_circle:", ":grapes:", ":mag:"):
        ctx.master.commands.call("view.flows.create", "get", "https://markers.example/" + marker)
    try:
        ctx.master.view.focus.flow
    except AttributeError as e:
        return str(e)
