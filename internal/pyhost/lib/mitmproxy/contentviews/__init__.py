"""Views of bodies. Addons may declare theirs; the page of midstream has its own."""
from __future__ import annotations

import logging

from mitmproxy.contentviews.base import Contentview, InteractiveContentview, Metadata, SyntaxHighlight, View
from mitmproxy.contentviews.base import TTextType, TViewLine, TViewResult, format_dict, format_pairs, format_text

registry = {}
views = []
__all__ = ["Contentview", "InteractiveContentview", "Metadata", "SyntaxHighlight", "View", "add", "remove", "get",
           "format_dict", "format_pairs", "format_text", "TTextType", "TViewLine", "TViewResult"]


def add(contentview) -> None:
    """Declares a view; midstream keeps it by its name and shows bodies in its own ways."""
    view = contentview() if isinstance(contentview, type) else contentview
    name = getattr(view, "name", "") or type(view).__name__.replace("Contentview", "")
    registry[name.lower()] = view
    if view not in views:
        views.append(view)
    logging.getLogger("midstream").info("content view %s is declared; midstream shows bodies in its own views", name)


def remove(view) -> None:
    """Does nothing, as in mitmproxy."""


def get(name: str):
    return registry.get(name.lower())
