"""Lets a server's connections pass as they are after a client has refused a certificate."""
import collections
import logging

from mitmproxy import ctx, tls
from mitmproxy.connection import Address
from mitmproxy.utils import human


class Passthrough:
    def __init__(self):
        self.failed = collections.Counter()

    def load(self, loader):
        loader.add_option("tls_strategy", int, 0, "How many failures are borne.")

    def configure(self, updated):
        if "tls_strategy" in updated:
            self.borne = ctx.options.tls_strategy

    def may(self, address: Address) -> bool:
        return self.failed[address] <= self.borne

    def tls_clienthello(self, data: tls.ClientHelloData):
        if not self.may(data.context.server.peername):
            logging.info("TLS passthrough: %s.", human.format_address(data.context.server.peername))
            data.ignore_connection = True

    def tls_established_client(self, data: tls.TlsData):
        logging.info("TLS handshake successful: %s", human.format_address(data.context.server.peername))

    def tls_failed_client(self, data: tls.TlsData):
        logging.info("TLS handshake failed: %s", human.format_address(data.context.server.peername))
        self.failed[data.context.server.peername] += 1


addons = [Passthrough()]
