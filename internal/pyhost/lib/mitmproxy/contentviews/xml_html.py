"""A view that scripts derive theirs from."""
from mitmproxy.contentviews.base import View, format_text


class ViewXmlHtml(View):
    name = "xml_html"

    def __call__(self, data, **metadata):
        return self.name, format_text(data.decode("utf-8", "replace"))
