"""Views of bodies that addons declare, beside the proxy's own."""
from __future__ import annotations

import logging

from midstream_host import bridge
from mitmproxy.contentviews.base import Contentview, InteractiveContentview, Metadata, SyntaxHighlight, View
from mitmproxy.contentviews.base import TTextType, TViewLine, TViewResult, format_dict, format_pairs, format_text

registry = {}
views = []
__all__ = ["Contentview", "InteractiveContentview", "Metadata", "SyntaxHighlight", "View", "add", "remove", "get",
           "format_dict", "format_pairs", "format_text", "TTextType", "TViewLine", "TViewResult"]


def add(contentview) -> None:
    """Declares a view, by which the proxy can show bodies from then on."""
    view = contentview() if isinstance(contentview, type) else contentview
    name = getattr(view, "name", "") or type(view).__name__.replace("Contentview", "")
    registry[name.lower().replace(" ", "-")] = view
    if view not in views:
        views.append(view)
    if bridge.host is not None:
        bridge.host.manifested()


def priority(view, data: bytes, metadata: Metadata) -> float:
    """How well a view fits; 0 where it does not, or cannot say."""
    try:
        if _classic(view):
            if hasattr(view, "should_render") and getattr(type(view), "render_priority", None) in (None, View.render_priority):
                return 2 if view.should_render(metadata.content_type) else 0
            return float(view.render_priority(data, content_type=metadata.content_type, flow=metadata.flow,
                                              http_message=metadata.http_message))
        return float(view.render_priority(data, metadata))
    except Exception:
        logging.getLogger().exception("render_priority of the content view %s", getattr(view, "name", type(view).__name__))
        return 0


def text(view, data: bytes, metadata: Metadata) -> str:
    """What a view shows, as text."""
    if not _classic(view):
        return view.prettify(data, metadata)
    shown = view(data, content_type=metadata.content_type, flow=metadata.flow, http_message=metadata.http_message)
    description, lines = shown
    return "\n".join("".join(_str(part) for _, part in line) for line in lines)


def syntax(view) -> str:
    name = getattr(view, "syntax_highlight", "none")
    return "" if name in ("none", "error") else str(name)


def _classic(view) -> bool:
    return not hasattr(view, "prettify")


def _str(part) -> str:
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part)


def remove(view) -> None:
    """Does nothing, as in mitmproxy."""


def get(name: str):
    return registry.get(name.lower().replace(" ", "-"))
