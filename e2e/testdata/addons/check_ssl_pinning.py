"""Wants to make certificates in its own way, which it cannot, and is told so."""
import logging

from mitmproxy import certs, ctx


class Pinning:
    def load(self, loader):
        loader.add_option("certbeginon", bool, False, "Certificates that are not valid yet.")
        loader.add_option("certexpire", bool, False, "Certificates that have expired.")
        loader.add_option("certwrongCN", bool, False, "Certificates of another name.")

    def clientconnect(self, client):
        if ctx.options.certexpire or ctx.options.certbeginon or ctx.options.certwrongCN:
            logging.warning("pinning is checked for %s", client.peername[0])
            certs.dummy_cert = lambda *args: None


addons = [Pinning()]
