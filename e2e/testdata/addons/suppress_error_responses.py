"""Closes connections instead of answering that a server is not there."""
from mitmproxy import http
from mitmproxy.exceptions import HttpSyntaxException


class Suppress:
    def error(self, flow: http.HTTPFlow):
        if flow.request.path == "/suppress" and flow.error is not None and not isinstance(flow.error, HttpSyntaxException):
            print("suppressed:", flow.error.msg, flush=True)
            flow.kill()


addons = [Suppress()]
