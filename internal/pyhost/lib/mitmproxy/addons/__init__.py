"""mitmproxy's own addons are part of the proxy here."""


def default_addons():
    return []
