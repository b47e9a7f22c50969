"""Asks a filter, given by an option, about each flow."""
import logging

from mitmproxy import ctx, flowfilter


class Sieve:
    def __init__(self):
        self.filter: flowfilter.TFilter = None

    def load(self, loader):
        loader.add_option("sieve", str, "~all", "The filter.")

    def configure(self, updated):
        if "sieve" in updated:
            self.filter = flowfilter.parse(ctx.options.sieve)

    def response(self, flow):
        if flowfilter.match(self.filter, flow):
            logging.info("the sieve holds %s", flow.request.path)
            logging.info(flow)


addons = [Sieve()]
