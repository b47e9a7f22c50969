"""What views derive from."""
from __future__ import annotations

import typing

TTextType = typing.Union[str, bytes]
TViewLine = typing.List[typing.Tuple[str, TTextType]]
TViewResult = typing.Tuple[str, typing.Iterator[TViewLine]]
KEY_MAX = 30
SyntaxHighlight = str


class Metadata:
    """What a view is told beside the octets."""

    def __init__(self, flow=None, content_type=None, http_message=None, tcp_message=None, udp_message=None,
                 websocket_message=None, dns_message=None, protobuf_definitions=None, original_data=None):
        self.flow = flow
        self.content_type = content_type
        self.http_message = http_message
        self.tcp_message = tcp_message
        self.udp_message = udp_message
        self.websocket_message = websocket_message
        self.dns_message = dns_message
        self.protobuf_definitions = protobuf_definitions
        self.original_data = original_data


class Contentview:
    """A view of the newer kind."""

    syntax_highlight = "none"

    @property
    def name(self) -> str:
        return type(self).__name__.replace("Contentview", "")

    def prettify(self, data: bytes, metadata: Metadata) -> str:
        raise NotImplementedError

    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return 0


class InteractiveContentview(Contentview):
    def reencode(self, prettified: str, metadata: Metadata) -> bytes:
        raise NotImplementedError


class View:
    """A view of the older kind."""

    name = ""

    def __call__(self, data: bytes, *, content_type=None, flow=None, http_message=None, **unknown_metadata):
        raise NotImplementedError

    def render_priority(self, data: bytes, *, content_type=None, flow=None, http_message=None, **unknown_metadata) -> float:
        return 0

    def __lt__(self, other):
        return self.name < other.name


def format_pairs(items):
    items = list(items)
    if not items:
        return
    width = min(max(len(k) for k, _ in items), KEY_MAX)
    for key, value in items:
        gap = b":" if isinstance(key, bytes) else ":"
        yield [("header", (key + gap).ljust(width + 2)), ("text", value)]


def format_dict(d):
    return format_pairs(d.items())


def format_text(text):
    for line in text.splitlines():
        yield [("text", line)]
