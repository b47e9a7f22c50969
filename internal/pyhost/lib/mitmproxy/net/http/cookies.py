"""Cookie and Set-Cookie (RFC 6265), with the latitude that browsers allow."""
from __future__ import annotations

import email.utils
import re
import time

from mitmproxy.coretypes import multidict

_ends_of_pair = re.compile(r'\s*([^=;]*?)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;]*?)\s*)?(?:;|$)', re.DOTALL)
_ends_of_set = re.compile(r'\s*([^=;,]*?)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^;]*?)\s*)?(;|$)', re.DOTALL)
_special = re.compile(r'[\s;,"\\]')
_next_cookie = re.compile(r",\s*(?=[^;,=\s]+=)")


class CookieAttrs(multidict.MultiDict):
    """Attributes of one cookie: names in any case, the last value counts, a flag is None."""

    @staticmethod
    def _kconv(key):
        return key.lower()

    @staticmethod
    def _reduce_values(values):
        return values[-1]


def _unquote(v):
    if v is not None and len(v) >= 2 and v[0] == v[-1] == '"':
        return re.sub(r"\\(.)", r"\1", v[1:-1])
    return v


def _pairs(s: str):
    out, at = [], 0
    while at < len(s):
        m = _ends_of_pair.match(s, at)
        if m is None or m.end() == at:
            break
        at = m.end()
        if m.group(1) or m.group(2):
            out.append([m.group(1), _unquote(m.group(2))])
    return out


def _quoted(v: str) -> str:
    if _special.search(v):
        return '"' + re.sub(r'(["\\])', r"\\\1", v) + '"'
    return v


def _format(pairs, plain=()) -> str:
    out = []
    for k, v in pairs:
        if k.lower() in plain:
            out.append("{}={}".format(k, v))
        elif v is None:
            out.append(k)
        else:
            out.append("{}={}".format(k, _quoted(v)))
    return "; ".join(out)


def parse_cookie_header(line: str):
    """The pairs of one Cookie field."""
    return [[k, "" if v is None else v] for k, v in _pairs(line)]


def parse_cookie_headers(headers):
    return [pair for h in headers for pair in parse_cookie_header(h)]


def format_cookie_header(lst) -> str:
    """One Cookie field from pairs."""
    return _format(lst)


def parse_set_cookie_header(line: str):
    """The cookies of one Set-Cookie field: (name, value, attributes) each."""
    out, at = [], 0
    ends = [m.start() for m in _next_cookie.finditer(line)] + [len(line)]
    for end in ends:
        part = line[at:end].lstrip(", ")
        at = end
        pairs = _pairs(part)
        if not pairs:
            continue
        name, value = pairs[0]
        if value is None:
            name, value = "", name
        out.append((name, value, CookieAttrs(pairs[1:])))
    return out


def parse_set_cookie_headers(headers):
    return [(n, (v, a)) for h in headers for n, v, a in parse_set_cookie_header(h)]


def format_set_cookie_header(set_cookies) -> str:
    return ", ".join(
        _format([(n, v)] + list(a.items(multi=True) if hasattr(a, "fields") else a), plain=("expires", "path"))
        for n, v, a in set_cookies)


def refresh_set_cookie_header(c: str, delta: int) -> str:
    """Moves the expiry of a cookie by delta seconds."""
    cookies = parse_set_cookie_header(c)
    for _, _, attrs in cookies:
        if "expires" not in attrs:
            continue
        when = email.utils.parsedate_tz(attrs["expires"])
        if when:
            attrs.set_all("expires", [email.utils.formatdate(email.utils.mktime_tz(when) + delta, usegmt=True)])
        else:
            del attrs["expires"]
    if not cookies:
        raise ValueError("Invalid Cookie")
    return format_set_cookie_header(cookies)


def get_expiration_ts(cookie_attrs):
    """When a cookie ends, in seconds of the clock; None where it says nothing."""
    if "expires" in cookie_attrs:
        when = email.utils.parsedate_tz(cookie_attrs["expires"])
        if when:
            return email.utils.mktime_tz(when)
    elif "max-age" in cookie_attrs:
        try:
            return time.time() + int(cookie_attrs["max-age"])
        except ValueError:
            return None
    return None


def is_expired(cookie_attrs) -> bool:
    ts = get_expiration_ts(cookie_attrs)
    return ts is not None and ts < time.time()


_attributes = {"expires", "path", "comment", "max-age", "domain", "secure", "httponly", "version", "samesite", "partitioned"}


def group_cookies(pairs):
    """Cookies from pairs in which attributes stand behind each: (name, value, attributes)."""
    out = []
    for name, value in pairs:
        if out and name.lower() in _attributes:
            out[-1][2].add(name, value)
        elif not out or name.lower() not in _attributes:
            out.append((name, value, CookieAttrs([])))
    return out
