"""Puts an iframe at the beginning of pages."""
from mitmproxy import ctx


class Frame:
    def load(self, loader):
        loader.add_option("iframe", str, "", "The address of the frame.")

    def response(self, flow):
        if flow.request.host == "iframe.example" and ctx.options.iframe:
            frame = '<iframe src="{}" height="0" width="0"></iframe>'.format(ctx.options.iframe)
            flow.response.content = flow.response.content.replace(b"<body>", b"<body>" + frame.encode("utf8"))


addons = [Frame()]
