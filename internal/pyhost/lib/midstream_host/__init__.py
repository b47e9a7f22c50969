"""The side of midstream that runs in Python: frames to and from the proxy, the
events of one script, and what the package mitmproxy asks of the proxy."""
