"""Specifications such as /filter/what/by, whose first character separates."""
from __future__ import annotations

from mitmproxy import flowfilter


def parse_spec(option: str):
    """(filter, subject, replacement); ValueError where there are not two or three parts."""
    sep, rem = option[0], option[1:]
    parts = rem.split(sep, 2)
    if len(parts) == 2:
        return flowfilter.match_all, parts[0], parts[1]
    if len(parts) == 3:
        return flowfilter.parse(parts[0]), parts[1], parts[2]
    raise ValueError("Invalid number of parameters (2 or 3 are expected)")
