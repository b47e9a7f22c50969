"""A part of mitmproxy's console, which does not exist in midstream."""
from midstream_host import bridge


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)

    class Missing:
        def __init__(self, *args, **kwargs):
            raise bridge.impossible("mitmproxy.tools.console.signals." + name,
                                    "Its console does not exist here: use @command.command, flow.marked or flow.comment")
    Missing.__name__ = name
    return Missing
