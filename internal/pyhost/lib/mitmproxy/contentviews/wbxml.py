"""A view of mitmproxy, for scripts that derive theirs from it."""
from mitmproxy.contentviews import _own

__getattr__ = _own.module(__name__)
