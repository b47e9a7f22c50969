"""Numbers and addresses for people."""
from __future__ import annotations

import datetime
import ipaddress
import time

SIZE_UNITS = {"b": 1, "k": 1024, "m": 1024 ** 2, "g": 1024 ** 3, "t": 1024 ** 4}


def pretty_size(size: float) -> str:
    for unit in ("b", "k", "m", "g", "t"):
        if size < 1024 or unit == "t":
            return ("{:.1f}" if unit != "b" and size < 99.95 else "{:.0f}").format(size) + unit
        size /= 1024
    return ""


def parse_size(s):
    """Octets of a size such as 3m; None for None."""
    if s is None:
        return None
    text = s.strip().lower()
    try:
        return int(text) if text.isdigit() else int(text[:-1]) * SIZE_UNITS[text[-1]]
    except (ValueError, KeyError, IndexError):
        raise ValueError("Invalid size specification.") from None


def pretty_duration(secs) -> str:
    if secs is None:
        return ""
    for limit, form in ((100, "{:.0f}s"), (10, "{:2.1f}s"), (1, "{:1.2f}s")):
        if secs >= limit:
            return form.format(secs)
    return "{:.0f}ms".format(secs * 1000)


def format_timestamp(s) -> str:
    return datetime.datetime.fromtimestamp(time.mktime(time.localtime(s))).strftime("%Y-%m-%d %H:%M:%S")


def format_timestamp_with_milli(s) -> str:
    return datetime.datetime.fromtimestamp(s).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def format_address(address) -> str:
    if address is None:
        return "<no address>"
    try:
        host = ipaddress.ip_address(address[0])
    except ValueError:
        return "{}:{}".format(address[0], address[1])
    if host.is_unspecified:
        return "*:{}".format(address[1])
    if isinstance(host, ipaddress.IPv6Address):
        if host.ipv4_mapped:
            return "{}:{}".format(host.ipv4_mapped, address[1])
        return "[{}]:{}".format(host, address[1])
    return "{}:{}".format(host, address[1])
