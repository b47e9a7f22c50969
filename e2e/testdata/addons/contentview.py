"""A view of the older kind: with letters of the other case."""
from mitmproxy import contentviews


class SwapCase(contentviews.View):
    name = "swapcase"

    def __call__(self, data, *, content_type=None, flow=None, http_message=None, **unknown_metadata):
        return "case-swapped text", contentviews.format_text(data.swapcase())

    def render_priority(self, data, *, content_type=None, **unknown_metadata) -> float:
        return 1 if content_type == "text/x-swapped" else 0


view = SwapCase()


def load(loader):
    contentviews.add(view)


def done():
    contentviews.remove(view)
