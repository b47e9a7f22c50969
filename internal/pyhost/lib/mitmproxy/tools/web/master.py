"""WebMaster: the proxy cannot be embedded."""
from midstream_host import bridge


class WebMaster:
    def __init__(self, *args, **kwargs):
        raise bridge.impossible("mitmproxy.tools.web.master.WebMaster", "Start this file with: midstream web -s FILE")
