"""Kills requests that ask for names over HTTP."""
import logging

HOSTS = {"doh.example"}


def has_type(flow) -> bool:
    return "content-type" in flow.request.headers and flow.request.headers["Content-Type"] == "application/dns-message"


def has_query(flow) -> bool:
    return "dns" in flow.request.query


def looks(flow) -> bool:
    return flow.request.path.split("?")[0] == "/dns-query"


def known(flow) -> bool:
    return flow.request.host in HOSTS or flow.server_conn.address is not None and flow.server_conn.address[0] in HOSTS


def request(flow):
    for check in (has_type, has_query, looks, known):
        if check(flow):
            logging.warning("DNS over HTTPS, by %s", check.__name__)
            flow.kill()
            return
