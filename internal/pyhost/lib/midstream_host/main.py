"""One script: from its start to its end."""
from __future__ import annotations

import asyncio
import importlib.machinery
import importlib.util
import logging
import os
import signal
import socket
import sys

from midstream_host import bridge, dispatch, entities, wire


def run(where: str, script: str):
    """Serves the proxy until it is gone or says that it is over."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    secret = os.environ.pop("MIDSTREAM_ADDON_SECRET", "")
    if secret:
        sock = socket.create_connection(("127.0.0.1", int(where)))
        sock.sendall(secret.encode("ascii"))
    else:
        sock = socket.socket(fileno=int(where))
        os.set_inheritable(sock.fileno(), False)
    if sys.platform == "win32":
        asyncio.set_event_loop_policy(asyncio.WindowsSelectorEventLoopPolicy())
    # So that lines of several scripts stay whole, also where PYTHONUNBUFFERED is set.
    sys.stdout.reconfigure(line_buffering=True, write_through=False)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    host = dispatch.Host(wire.Wire(sock), loop, script)
    bridge.host = host
    prepare_logging(host)
    sys.argv = [sys.argv[0], "-s", script]
    host.tell({"k": "hello", "py": sys.version.split()[0], "exe": sys.executable, "other": other_mitmproxy()})
    try:
        loop.call_soon(host.serve)
        loop.run_forever()
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # threads of addons do not keep the process


def other_mitmproxy() -> str:
    """Where mitmproxy itself is installed in this Python, "" where it is not."""
    path = [p for p in sys.path if os.path.abspath(p or ".") + os.sep != entities.LIB]
    spec = importlib.machinery.PathFinder.find_spec("mitmproxy", path)
    return os.path.dirname(spec.origin) if spec is not None and spec.origin else ""


class Handler(logging.Handler):
    """Hands records to the proxy's log."""

    def __init__(self, host):
        super().__init__()
        self.host = host

    def emit(self, record):
        try:
            text = self.format(record).replace("\r\n", "\n")
            if len(text) > 1 << 16:
                text = text[:1 << 16] + "..."
            level = record.levelno
            self.host.told(text, record)
            self.host.tell({"k": "log", "lv": level, "tx": text, "lg": "" if record.name == "root" else record.name})
        except wire.Closed:
            pass
        except Exception:
            self.handleError(record)


def prepare_logging(host):
    logging.addLevelName(21, "ALERT")
    root = logging.getLogger()
    root.setLevel(logging.DEBUG)
    handler = Handler(host)
    handler.setFormatter(logging.Formatter("%(message)s"))
    root.addHandler(handler)
    for name in ("tornado", "asyncio", "hpack", "quic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def load_module(path: str):
    """Runs the file of a script and returns its module."""
    folder = os.path.dirname(os.path.abspath(path))
    if folder not in sys.path:
        sys.path.insert(1, folder)
    name = "__mitmproxy_script__." + os.path.splitext(os.path.basename(path))[0]
    sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    if not isinstance(getattr(module, "name", None), str):
        module.name = path
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
