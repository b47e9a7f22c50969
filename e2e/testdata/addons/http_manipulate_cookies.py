"""Adds cookies to requests and takes their flags off those that are set."""


def request(flow):
    if flow.request.host == "cookies.example":
        pairs = flow.request.headers.get("cookie", "")
        flow.request.headers["cookie"] = "; ".join(filter(None, [pairs, "added=1"]))


def response(flow):
    if flow.request.host == "cookies.example":
        plain = [c.split(";")[0] for c in flow.response.headers.get_all("set-cookie")]
        flow.response.headers.set_all("set-cookie", plain)
