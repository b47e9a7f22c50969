"""What stands in Content-Type."""
from __future__ import annotations

import collections


def parse_content_type(c: str):
    """Splits a media type into type, subtype and parameters; None where it is none."""
    kind, _, rest = c.partition(";")
    kinds = kind.split("/", 1)
    if len(kinds) != 2:
        return None
    params = collections.OrderedDict()
    for item in rest.split(";"):
        key, eq, value = item.partition("=")
        if eq:
            params[key.strip()] = value.strip().strip('"') if key.strip().lower() == "charset" else value.strip()
    return kinds[0].lower(), kinds[1].strip().lower(), params


def assemble_content_type(type, subtype, parameters) -> str:
    """The other way round."""
    text = "{}/{}".format(type, subtype)
    if not parameters:
        return text
    return text + "; " + "; ".join("{}={}".format(k, v) for k, v in parameters.items())


def infer_content_encoding(content_type: str, content: bytes = b"") -> str:
    """The charset of a text, by byte order mark, parameter, or what its type implies."""
    import re
    for mark, name in ((b"\xff\xfe\x00\x00", "utf-32le"), (b"\x00\x00\xfe\xff", "utf-32be"),
                       (b"\xff\xfe", "utf-16le"), (b"\xfe\xff", "utf-16be"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if content.startswith(mark):
            return name.replace("le", "") if name.endswith("le") else name.replace("be", "")
    name = None
    parsed = parse_content_type(content_type)
    if parsed:
        for key, value in parsed[2].items():
            if key.lower() == "charset":
                name = value
    if not name and "json" in content_type:
        name = "utf8"
    if not name and "html" in content_type:
        found = re.search(rb"""<meta[^>]+charset=['"]?([^'">]+)""", content, re.IGNORECASE)
        name = found.group(1).decode("ascii", "ignore") if found else "utf8"
    if not name and "xml" in content_type:
        found = re.search(rb"""<\?xml[^\?>]+encoding=['"]([^'"\?>]+)""", content, re.IGNORECASE)
        name = found.group(1).decode("ascii", "ignore") if found else "utf8"
    if not name and ("javascript" in content_type or "ecmascript" in content_type):
        name = "utf8"
    if not name and "text/css" in content_type:
        found = re.match(rb"""@charset "([^"]+)";""", content, re.IGNORECASE)
        name = found.group(1).decode("ascii", "ignore") if found else "utf8"
    if not name:
        return "latin-1"
    if name.lower() in ("gb2312", "gbk"):
        return "gb18030"
    return name
