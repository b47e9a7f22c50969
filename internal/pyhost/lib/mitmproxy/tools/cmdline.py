"""Command lines cannot be parsed here."""
from midstream_host import bridge


def mitmdump(opts):
    raise bridge.impossible("mitmproxy.tools.cmdline", "Start it with: midstream -s FILE")


mitmproxy = mitmweb = mitmdump
