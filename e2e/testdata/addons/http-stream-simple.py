"""Lets bodies pass as they come."""


def responseheaders(flow):
    if flow.request.host == "stream.example":
        flow.response.stream = True


def response(flow):
    if flow.request.host == "stream.example":
        print("streamed, content is", flow.response.content, flush=True)
