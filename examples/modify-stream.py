"""Rewrite a response while it passes."""


def modify(chunk: bytes):
    # At the end of the body it is called with no bytes.
    return chunk.replace(b"midstream", b"MIDSTREAM")


def responseheaders(flow):
    if flow.response.headers.get("content-type", "").startswith("text/"):
        flow.response.stream = modify
