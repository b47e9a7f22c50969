"""Flows for tests."""
from __future__ import annotations

from mitmproxy import connection, dns, flow, http, tcp, udp, websocket
from mitmproxy.test.tutils import tdnsreq, tdnsresp, treq, tresp


def tclient_conn() -> connection.Client:
    return connection.Client(
        peername=("127.0.0.1", 22), sockname=("", 0), timestamp_start=946681200, timestamp_tls_setup=946681201,
        timestamp_end=946681206, sni="address", cipher="cipher", alpn=b"http/1.1", tls_version="TLSv1.2")


def tserver_conn() -> connection.Server:
    return connection.Server(
        address=("address", 22), peername=("192.168.0.1", 22), sockname=("address", 22), timestamp_start=946681202,
        timestamp_tcp_setup=946681203, timestamp_tls_setup=946681204, timestamp_end=946681205, sni="address", tls_version="TLSv1.2")


def terr(content: str = "error") -> flow.Error:
    return flow.Error(content, 946681207)


def twebsocket(messages: bool = True) -> websocket.WebSocketData:
    ws = websocket.WebSocketData()
    if messages:
        ws.messages = [
            websocket.WebSocketMessage(websocket.Opcode.BINARY, True, b"hello binary", 946681203),
            websocket.WebSocketMessage(websocket.Opcode.TEXT, True, b"hello text", 946681204),
            websocket.WebSocketMessage(websocket.Opcode.TEXT, False, b"it's me", 946681205)]
    ws.close_reason, ws.close_code, ws.closed_by_client, ws.timestamp_end = "Close Reason", 1000, False, 946681205
    return ws


def _made(kind, client_conn, server_conn, err, created, live=True):
    f = kind(client_conn if isinstance(client_conn, connection.Client) else tclient_conn(),
             server_conn if isinstance(server_conn, connection.Server) else tserver_conn())
    f.timestamp_created, f.live = created, live
    f.error = terr() if err is True else err or None
    return f


def tflow(*, client_conn=None, server_conn=None, req=None, resp=False, err=False, ws=False, live: bool = True) -> http.HTTPFlow:
    """A flow of HTTP. resp, err and ws are made where they are True."""
    req = treq() if req is None else req
    f = _made(http.HTTPFlow, client_conn, server_conn, err, req.timestamp_start, live)
    f.request = req
    f.response = tresp() if resp is True else resp or None
    f.websocket = twebsocket() if ws is True else ws or None
    return f


def twebsocketflow(messages=True, err=None, close_code=None, close_reason="") -> http.HTTPFlow:
    """A flow that has become a WebSocket."""
    f = _made(http.HTTPFlow, None, None, err, 946681200)
    f.request = treq(host="example.com", port=80, authority=b"example.com", path=b"/ws", content=b"", headers=http.Headers(
        connection="upgrade", upgrade="websocket", sec_websocket_version="13", sec_websocket_key="1234"))
    f.response = tresp(status_code=101, reason=b"Switching Protocols", content=b"", headers=http.Headers(
        connection="upgrade", upgrade="websocket", sec_websocket_accept=b""))
    f.websocket = twebsocket(bool(messages))
    f.websocket.close_reason = close_reason
    f.websocket.close_code = close_code if close_code is not None else 1006 if err is True else 1000
    return f


def _messages(kind, client_conn, server_conn, messages, err, message):
    f = _made(kind, client_conn, server_conn, err, 946681200)
    f.messages = [message(True, b"hello", 946681204.2), message(False, b"it's me", 946681204.5)] if messages is True else messages or []
    return f


def ttcpflow(client_conn=True, server_conn=True, messages=True, err=None) -> tcp.TCPFlow:
    """A raw tunnel."""
    return _messages(tcp.TCPFlow, client_conn, server_conn, messages, err, tcp.TCPMessage)


def tudpflow(client_conn=True, server_conn=True, messages=True, err=None) -> udp.UDPFlow:
    """Datagrams."""
    f = _messages(udp.UDPFlow, client_conn, server_conn, messages, err, udp.UDPMessage)
    f.client_conn.transport_protocol = f.server_conn.transport_protocol = "udp"
    return f


def tdnsflow(*, client_conn=None, server_conn=None, req=None, resp=False, err=False, live: bool = True) -> dns.DNSFlow:
    """A question, and its answer where resp is True."""
    req = tdnsreq() if req is None else req
    f = _made(dns.DNSFlow, client_conn, server_conn, err, req.timestamp, live)
    f.client_conn.transport_protocol = f.server_conn.transport_protocol = "udp"
    f.request = req
    f.response = tdnsresp() if resp is True else resp or None
    return f


class DummyFlow(flow.Flow):
    """A flow of no protocol."""

    type = "dummy"


def tdummyflow(client_conn=True, server_conn=True, err=None) -> DummyFlow:
    return _made(DummyFlow, client_conn, server_conn, err, 946681200)


def tflows() -> list:
    """Flows of each kind."""
    return [tflow(resp=True), tflow(err=True), tflow(ws=True), ttcpflow(), ttcpflow(err=True), tudpflow(), tudpflow(err=True),
            tdnsflow(resp=True), tdnsflow(err=True)]
