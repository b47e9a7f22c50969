"""Sends what is for one host to another."""


def request(flow):
    if flow.request.pretty_host == "redirected.example":
        flow.request.host = "target.example"
