"""An option that is checked."""
import typing

from mitmproxy import ctx, exceptions


class Checked:
    def load(self, loader):
        loader.add_option(name="limit", typespec=typing.Optional[int], default=None, help="At most 100.")

    def configure(self, updates):
        if "limit" in updates and ctx.options.limit is not None and ctx.options.limit > 100:
            raise exceptions.OptionsError("limit must be <= 100")

    def response(self, flow):
        if flow.request.host == "options.example" and ctx.options.limit is not None:
            flow.response.headers["X-Limit"] = str(ctx.options.limit)


addons = [Checked()]
