"""Sends requests to where the client's Host field says, whatever the address was."""
import re

parts = re.compile(r"^(?P<host>[^:]+|\[.+\])(?::(?P<port>\d+))?$")


class Reroute:
    def request(self, flow):
        if flow.request.path != "/seen?spoofed":
            return
        if flow.client_conn.tls_established:
            flow.request.scheme = "https"
            sni = flow.client_conn.sni
            port = 443
        else:
            flow.request.scheme = "http"
            sni = None
            port = 80
        m = parts.match(flow.request.host_header)
        if m and m.group("port"):
            port = int(m.group("port"))
        host = m.group("host").strip("[]")
        flow.request.host_header = host
        flow.request.host = sni or host
        flow.request.port = port


addons = [Reroute()]
