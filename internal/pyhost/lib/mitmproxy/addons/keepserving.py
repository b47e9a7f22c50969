"""A part of the proxy, which is not in this process."""
from mitmproxy.proxy import _missing

__getattr__ = _missing.module("mitmproxy.addons.keepserving", "What it does is an option of midstream, where there is one.")
