"""Helpers of HTTP; Headers stands here for addons that know it under its old place."""
from __future__ import annotations


def __getattr__(name):
    if name in ("Headers", "Request", "Response", "Message"):
        from mitmproxy import http
        return getattr(http, name)
    raise AttributeError("module 'mitmproxy.net.http' has no attribute " + repr(name))
