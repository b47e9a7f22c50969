"""Changes a body while it passes."""


def louder(data):
    return data.replace(b"event", b"EVENT")


def responseheaders(flow):
    if flow.request.host == "streammodify.example":
        flow.response.stream = louder
