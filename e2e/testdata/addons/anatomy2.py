"""A hook that is a function of the module."""


def request(flow):
    if flow.request.host == "anatomy2.example":
        flow.request.headers["X-Mine"] = "yes"
