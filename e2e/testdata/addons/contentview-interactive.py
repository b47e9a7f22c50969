"""A view of the newer kind, whose text can be edited and encoded again."""
from mitmproxy import contentviews


class InteractiveSwapCase(contentviews.InteractiveContentview):
    def prettify(self, data: bytes, metadata: contentviews.Metadata) -> str:
        return data.swapcase().decode()

    def reencode(self, prettified: str, metadata: contentviews.Metadata) -> bytes:
        return prettified.encode().swapcase()

    def render_priority(self, data: bytes, metadata: contentviews.Metadata) -> float:
        if metadata.content_type and metadata.content_type.startswith("text/x-interactive"):
            return 2
        return 0


contentviews.add(InteractiveSwapCase)
