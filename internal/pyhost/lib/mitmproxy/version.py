"""The version whose names and behaviour are offered."""
VERSION = "12.0.0"
MITMPROXY = "mitmproxy " + VERSION
FLOW_FORMAT_VERSION = 21
PATHOD = "pathod " + VERSION


def get_dev_version() -> str:
    return VERSION
