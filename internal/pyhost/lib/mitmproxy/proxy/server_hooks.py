"""What the events of servers get."""
from midstream_host.connections import DialData as ServerConnectionHookData
from mitmproxy import hooks


class ServerConnectHook(hooks.Hook):
    name = "server_connect"


class ServerConnectedHook(hooks.Hook):
    name = "server_connected"


class ServerDisconnectedHook(hooks.Hook):
    name = "server_disconnected"


class ClientConnectedHook(hooks.Hook):
    name = "client_connected"


class ClientDisconnectedHook(hooks.Hook):
    name = "client_disconnected"


__all__ = ["ServerConnectionHookData"]
