"""Says something into a WebSocket, once in reply and then by itself."""
import asyncio

from mitmproxy import ctx, http


def websocket_message(flow: http.HTTPFlow):
    last = flow.websocket.messages[-1]
    if last.is_text and "inject" in last.text and not last.injected:
        ctx.master.commands.call("inject.websocket", flow, not last.from_client, b"in reply")


async def repeat(flow):
    for i in range(3):
        if flow.websocket.timestamp_end is not None:
            return
        ctx.master.commands.call("inject.websocket", flow, True, b"by itself %d" % i)
        await asyncio.sleep(0)


def websocket_start(flow: http.HTTPFlow):
    if "inject" in flow.request.path:
        asyncio.create_task(repeat(flow))
