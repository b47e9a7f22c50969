"""DumpMaster: the proxy cannot be embedded."""
from midstream_host import bridge


class DumpMaster:
    def __init__(self, *args, **kwargs):
        raise bridge.impossible("mitmproxy.tools.dump.DumpMaster", "Start this file with: midstream dump -s FILE")
