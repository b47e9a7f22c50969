"""Changes a query."""


def request(flow):
    if flow.request.host == "query.example":
        flow.request.query["added"] = "a b"
