"""The command lines."""
from midstream_host import bridge


def _start(name):
    def run(args=None):
        raise bridge.impossible("mitmproxy.tools.main." + name, "Start it with: midstream -s FILE")
    run.__name__ = name
    return run


mitmproxy, mitmdump, mitmweb = _start("mitmproxy"), _start("mitmdump"), _start("mitmweb")


def run(*args, **kwargs):
    raise bridge.impossible("mitmproxy.tools.main.run", "Start it with: midstream -s FILE")
