# The round that every client makes, with Python's own library.
import http.client
import os
import ssl
import urllib.parse

origin = urllib.parse.urlsplit(os.environ["ORIGIN"])
proxy = urllib.parse.urlsplit(os.environ["PROXY"])
context = ssl.create_default_context(cafile=os.environ["CA"])
data = b"0123456789" * 100000


def connect():
    c = http.client.HTTPSConnection(proxy.hostname, proxy.port, context=context)
    c.set_tunnel(origin.hostname, origin.port)
    return c


c = connect()
c.request("GET", "/hello")
r = c.getresponse()
print("hello", r.status, r.read().decode().strip())
c.request("POST", "/sink?upload", body=data)
print("upload", c.getresponse().read().decode().strip())
parts = (data[i:i + 7001] for i in range(0, len(data), 7001))
c.request("POST", "/sink?chunked", body=parts, headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
print("chunked", c.getresponse().read().decode().strip())
ack = connect()
c.request("GET", "/events?id=round&n=5")
r = c.getresponse()
event = []
for line in r:
    line = line.decode().rstrip("\n")
    if line:
        event.append(line)
        continue
    if event[0].startswith("id: "):
        print(event[1][len("data: "):], flush=True)
        ack.request("GET", "/ack?id=round")
        ack.getresponse().read()
    else:
        print("end", event[1][len("data: "):])
    event = []
