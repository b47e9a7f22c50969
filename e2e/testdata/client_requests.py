# The round that every client makes, with the requests library.
import os
import sys

import requests

origin = os.environ["ORIGIN"]
s = requests.Session()
s.trust_env = False
s.proxies = {"http": os.environ["PROXY"], "https": os.environ["PROXY"]}
s.verify = os.environ["CA"]
data = b"0123456789" * 100000

r = s.get(origin + "/hello")
print("hello", r.status_code, r.text.strip())
print("upload", s.post(origin + "/sink?upload", data=data).text.strip())
parts = (data[i:i + 7001] for i in range(0, len(data), 7001))
print("chunked", s.post(origin + "/sink?chunked", data=parts).text.strip())
acks = requests.Session()
acks.trust_env, acks.proxies, acks.verify = False, s.proxies, s.verify
with s.get(origin + "/events?id=round&n=5", stream=True) as r:
    buffer = b""
    for piece in r.iter_content(chunk_size=None):
        buffer += piece
        while b"\n\n" in buffer:
            event, buffer = buffer.split(b"\n\n", 1)
            lines = event.decode().split("\n")
            if lines[0].startswith("id: "):
                print(lines[1][len("data: "):])
                sys.stdout.flush()
                acks.get(origin + "/ack?id=round")
            else:
                print("end", lines[1][len("data: "):])
