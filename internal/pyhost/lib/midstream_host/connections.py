"""Events of connections: of clients and servers, of TLS handshakes, of SOCKS."""
from __future__ import annotations

import inspect

from midstream_host import entities, pictures
from mitmproxy import connection


class DialData:
    """What the events of servers get."""

    def __init__(self, server, client):
        self.server = server
        self.client = client

    def __repr__(self):
        return "ServerConnectionHookData({!r}, {!r})".format(self.server, self.client)


class Socks5AuthData:
    """What socks5_auth gets: set valid to take the credentials, or not."""

    def __init__(self, client_conn, username: str, password: str, valid: bool = False):
        self.client_conn = client_conn
        self.username = username
        self.password = password
        self.valid = valid


class Connections:
    """The part of Host that runs events of connections."""

    def conn(self, head, raw):
        self.loop.create_task(self.run_conn(head, raw))

    async def run_conn(self, head, raw):
        event, errors, out = head["e"], [], {}
        client = pictures.connect(self.conns, connection.Client, head["cl"], self.chain)
        server = None
        if "sv" in head:
            server = pictures.connect(self.conns, connection.Server, head["sv"], self.chain)
        data = self.data_of(event, head, raw, client, server)
        before = None if server is None else (server.address, server.via, server.error, server.sni)
        for addon in self.groups[head["g"]]:
            for name in entities.CONN_EVENTS[event]:
                arg = self.argument(name, data)
                result = self.attempt(addon, name, (arg,), errors)
                if result is not None and inspect.isawaitable(result):
                    await self.awaited(addon, name, result, errors, (arg,))
        try:
            self.outcome(event, data, client, server, before, out)
        except Exception as e:
            text = "{}: {}".format(type(e).__name__, e)
            entities.complain("Addon error: what was set in {} cannot be sent: {}".format(event, text))
            errors.append([self.script, text, False, ""])
        if event.endswith("_disconnected") or event == "server_connect_error":
            self.conns.pop(head["sv" if server is not None else "cl"]["id"], None)
        out.update(k="ret", c=head["c"])
        if errors:
            out["ers"] = errors
        self.tell(out)

    def data_of(self, event, head, raw, client, server):
        """What the hooks of an event get, before what the older ones get of it."""
        if event == "socks5_auth":
            return Socks5AuthData(client, pictures.text_of(head["user"]), pictures.text_of(head["pass"]), head["valid"])
        if server is None:
            return client
        if event.startswith("tls_"):
            from mitmproxy import tls
            from mitmproxy.proxy.context import Context
            context = Context(client, self.options, server)
            if event == "tls_clienthello":
                return tls.ClientHelloData(context, tls.ClientHello(raw))
            data = tls.TlsData(client if event.endswith("_client") else server, context)
            if "er" in head:
                data.conn.error = head["er"]
            return data
        server.__dict__["state"] = pictures.CLOSED if event != "server_connected" else pictures.OPEN
        if "er" in head:
            server.error = head["er"]
        return DialData(server, client)

    @staticmethod
    def argument(name, data):
        if name in entities.OLD_CONN:
            return getattr(data, entities.OLD_CONN[name], data)
        return data

    @staticmethod
    def outcome(event, data, client, server, before, out):
        """Puts into out what hooks have changed."""
        if event == "client_connected" and client.error:
            out["er"] = str(client.error)
        elif event == "socks5_auth":
            out["valid"] = bool(data.valid)
        if server is not None and event in ("server_connect", "tls_clienthello", "tls_start_server") and server.sni != before[3]:
            out["sni"] = "" if server.sni is None else pictures.name_of(server.sni)
        if event == "tls_clienthello":
            if data.ignore_connection:
                out["ign"] = 1
            elif server.address != before[0] and server.address:
                out["addr"] = [str(server.address[0]), int(server.address[1])]
        elif event == "server_connect":
            address, via, error, _ = before
            if server.address != address and server.address:
                out["addr"] = [str(server.address[0]), int(server.address[1])]
            if server.via != via:
                out["via"] = None if server.via is None else [server.via.scheme, server.via.address[0], server.via.address[1]]
            if server.error and server.error != error:
                out["er"] = str(server.error)
