"""Writes what a HAR has of a flow: times, cookies, queries, sizes, addresses."""
import base64
import json
import os
from datetime import datetime, timezone


class Archive:
    def __init__(self):
        self.entries = []

    def response(self, flow):
        if flow.request.host not in ("har.example", "harws.example"):
            return
        server, client = flow.server_conn, flow.client_conn
        waited = flow.response.timestamp_start - flow.request.timestamp_end
        entry = {
            "started": datetime.fromtimestamp(flow.request.timestamp_start, timezone.utc).isoformat(),
            "times": [
                round(1000 * (server.timestamp_tcp_setup - server.timestamp_start), 3),
                round(1000 * (flow.request.timestamp_end - flow.request.timestamp_start), 3),
                round(1000 * waited, 3),
                round(1000 * (flow.response.timestamp_end - flow.response.timestamp_start), 3),
            ],
            "tls": [client.timestamp_tls_setup, server.timestamp_tls_setup],
            "method": flow.request.method, "url": flow.request.pretty_url, "version": flow.request.http_version,
            "cookies": [[k, v] for k, v in flow.request.cookies.fields],
            "set": [[k, v[0], dict(v[1])] for k, v in flow.response.cookies.fields],
            "fields": [[k, v] for k, v in flow.request.headers.items(multi=True)],
            "query": list(map(list, flow.request.query.items(multi=True) or ())),
            "form": [list(p) for p in flow.request.urlencoded_form.items(multi=True)],
            "sizes": [len(str(flow.request.headers)), len(flow.request.content), len(flow.response.raw_content or b"")],
            "status": [flow.response.status_code, flow.response.reason],
            "body": base64.b64encode(flow.response.content or b"").decode(),
            "redirect": flow.response.headers.get("Location", ""),
            "address": server.ip_address[0] if server.ip_address else None,
            "connections": [server.connected, client.tls_established],
        }
        self.entries.append(entry)

    def done(self):
        with open(os.path.join(os.path.dirname(__file__), "written.har.json"), "w") as f:
            json.dump(self.entries, f)


addons = [Archive()]
