"""Ends the proxy when a page is asked for."""
import logging

from mitmproxy import ctx


def request(flow):
    if flow.request.pretty_url == "http://shutdown.example/path":
        logging.info("shutting down everything")
        ctx.master.shutdown()
