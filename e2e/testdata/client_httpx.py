"""httpx with HTTP/2: requests at once, an upload that is a generator, events."""
import asyncio
import hashlib
import os

import httpx

origin = os.environ["ORIGIN"]


async def main():
    async with httpx.AsyncClient(http2=True, verify=os.environ["CA"], proxies=os.environ["PROXY"], timeout=60) as client:
        first = await client.get(origin + "/small/0", headers=[("cookie", "a=1"), ("cookie", "b=2")])
        print("version", first.http_version)
        answers = await asyncio.gather(*(client.get(f"{origin}/small/{i}") for i in range(80)))
        print("small", all(a.text.startswith(f"/small/{i} ") for i, a in enumerate(answers)), len(first.headers.get_list("set-cookie")))

        async def body():
            for _ in range(300):
                yield b"0123456789" * 1000

        up = await client.post(origin + "/echo", content=body())
        print("echo", len(up.content), hashlib.sha256(up.content).hexdigest())
        head = await client.head(origin + "/small/1")
        print("head", head.status_code, len(head.content))
        async with client.stream("GET", origin + "/events") as events:
            async for line in events.aiter_lines():
                if line.startswith("data: "):
                    print("event", line[6:].strip())
                    await client.post(origin + "/came", content=line[6:].strip())


asyncio.run(main())
