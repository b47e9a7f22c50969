"""Reads trailers and adds them."""
from mitmproxy.http import Headers


def request(flow):
    if flow.request.host != "trailers.example":
        return
    if flow.request.trailers:
        print("request trailers", flow.request.trailers, flush=True)
    if flow.request.path == "/seen?trailers" and flow.request.is_http11 and not flow.request.is_http10 and flow.request.content:
        flow.request.headers["transfer-encoding"] = "chunked"
        flow.request.headers["trailer"] = "x-added"
        flow.request.trailers = Headers([(b"x-added", b"asked")])


def response(flow):
    if flow.request.host != "trailers.example":
        return
    if flow.response.trailers:
        print("response trailers", flow.response.trailers, flush=True)
    if flow.response.content:
        flow.response.headers["transfer-encoding"] = "chunked"
        flow.response.headers["trailer"] = "x-added"
        flow.response.trailers = Headers([(b"x-added", b"answered")])
