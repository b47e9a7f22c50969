"""Hooks that wait: one awaits, one has a thread."""
import asyncio
import threading

from mitmproxy.script import concurrent

go = asyncio.Event()
thread = threading.Event()


async def request(flow):
    if flow.request.host == "waits.example":
        await go.wait()
    elif flow.request.host == "goes.example":
        go.set()
        thread.set()


@concurrent
def responseheaders(flow):
    if flow.request.host == "waits.example":
        thread.wait()
        flow.response.headers["X-Waited"] = flow.request.path
