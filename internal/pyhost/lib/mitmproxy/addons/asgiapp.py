"""Web applications that answer requests to one host in place of a server."""
from __future__ import annotations

import asyncio
import io
import logging
import sys
import traceback
import urllib.parse

from mitmproxy import http


class _App:
    """The hook of an application: what is for its host and port gets its answer."""

    def __init__(self, app, host: str, port):
        self.app, self.host, self.port = app, host, port

    @property
    def name(self) -> str:
        return "asgiapp:{}:{}".format(self.host, self.port)

    def should_serve(self, flow) -> bool:
        return (flow.request.pretty_host == self.host and (self.port is None or flow.request.port == self.port)
                and flow.live and not flow.error and not flow.response)

    async def request(self, flow):
        if not self.should_serve(flow):
            return
        try:
            flow.response = await self.answer(flow)
        except Exception:
            logging.getLogger().error("Error in asgi app:\n%s", traceback.format_exc().rstrip())
            flow.response = http.Response.make(500, b"ASGI Error.")

    async def answer(self, flow) -> http.Response:
        raise NotImplementedError


class WSGIApp(_App):
    """An application of WSGI (PEP 3333), run on a thread."""

    def __init__(self, wsgi_app, host: str, port):
        super().__init__(wsgi_app, host, port)

    async def answer(self, flow):
        environ = self.environ(flow)
        return await asyncio.get_running_loop().run_in_executor(None, self.call, environ)

    def environ(self, flow):
        r = flow.request
        path, _, query = r.path.partition("?")
        peer = flow.client_conn.peername or ("", 0)
        environ = {
            "REQUEST_METHOD": r.method, "SCRIPT_NAME": "", "QUERY_STRING": query,
            "PATH_INFO": urllib.parse.unquote_to_bytes(path).decode("latin-1"), "SERVER_NAME": r.host,
            "SERVER_PORT": str(r.port), "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": peer[0],
            "CONTENT_TYPE": r.headers.get("content-type", ""), "CONTENT_LENGTH": str(len(r.raw_content or b"")),
            "wsgi.version": (1, 0), "wsgi.url_scheme": r.scheme, "wsgi.input": io.BytesIO(r.raw_content or b""),
            "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        }
        for name, value in r.headers.items():
            key = name.upper().replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                environ["HTTP_" + key] = value
        return environ

    def call(self, environ):
        begun, written = [], []

        def start_response(status, headers, exc_info=None):
            begun[:] = [status, headers]
            return written.append

        pieces = self.app(environ, start_response)
        try:
            body = b"".join(pieces)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()
        status, headers = begun
        code, _, reason = status.partition(" ")
        return _made(int(code), b"".join(written) + body, [
            (k.encode("latin-1"), v.encode("latin-1")) for k, v in headers], reason)


class ASGIApp(_App):
    """An application of ASGI 3."""

    def __init__(self, asgi_app, host: str, port):
        super().__init__(asgi_app, host, port)

    async def answer(self, flow):
        r = flow.request
        path, _, query = r.path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0", "spec_version": "2.1"}, "http_version": "1.1", "method": r.method,
            "scheme": r.scheme, "path": urllib.parse.unquote(path), "raw_path": path.encode("utf-8", "surrogateescape"),
            "query_string": query.encode("utf-8", "surrogateescape"), "root_path": "",
            "headers": [(k.lower(), v) for k, v in r.headers.fields], "client": flow.client_conn.peername,
            "server": (r.host, r.port), "extensions": {"mitmproxy.master": None},
        }
        given, head, pieces = [], {}, []

        async def receive():
            if given:
                await asyncio.Event().wait()  # nobody leaves before the end
            given.append(True)
            return {"type": "http.request", "body": r.raw_content or b"", "more_body": False}

        async def send(event):
            if event["type"] == "http.response.start":
                head.update(event)
            elif event["type"] == "http.response.body":
                pieces.append(bytes(event.get("body", b"")))
            else:
                raise AssertionError("unexpected event " + event["type"])

        await self.app(scope, receive, send)
        if "status" not in head:
            raise RuntimeError("no response sent.")
        return _made(head["status"], b"".join(pieces), [(bytes(k), bytes(v)) for k, v in head.get("headers", [])], "")


def _made(status, body, fields, reason):
    response = http.Response.make(status)
    if reason:
        response.reason = reason
    response.headers = http.Headers(fields)
    response.raw_content = body
    if "transfer-encoding" not in response.headers:
        response.headers["content-length"] = str(len(body))
    return response
