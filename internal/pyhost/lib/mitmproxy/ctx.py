"""What addons reach without being handed it."""
from mitmproxy import log as _log

master = None
options = None
log = _log.Log()
