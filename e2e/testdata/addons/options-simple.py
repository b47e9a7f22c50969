"""An option that switches something on."""
from mitmproxy import ctx


class Switch:
    def load(self, loader):
        loader.add_option(name="switch", typespec=bool, default=False, help="Adds a field.")

    def response(self, flow):
        if flow.request.host == "options.example" and ctx.options.switch:
            flow.response.headers["X-Switch"] = "on"


addons = [Switch()]
