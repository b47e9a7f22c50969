"""Answers without a server."""
from mitmproxy import http


def request(flow):
    if flow.request.pretty_url == "http://reply.example/path":
        flow.response = http.Response.make(200, b"from the script", {"Content-Type": "text/plain"})
