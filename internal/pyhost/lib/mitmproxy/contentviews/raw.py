"""A view that scripts derive theirs from."""
from mitmproxy.contentviews.base import View, format_text


class ViewRaw(View):
    name = "raw"

    def __call__(self, data, **metadata):
        return self.name, format_text(data.decode("utf-8", "replace"))
