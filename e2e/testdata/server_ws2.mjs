// A server of HTTP/2 alone that allows WebSocket on its streams (RFC 8441): it
// serves a page, sends each frame back without its mask, and prints what the page
// reports.
import fs from "node:fs";
import http2 from "node:http2";

const server = http2.createSecureServer({ cert: fs.readFileSync(process.env.CERT), key: fs.readFileSync(process.env.KEY), settings: { enableConnectProtocol: true } });
const page = fs.readFileSync(process.env.PAGE);

function echo(stream) {
  let have = Buffer.alloc(0);
  stream.on("data", (data) => {
    have = Buffer.concat([have, data]);
    for (;;) {
      if (have.length < 2) return;
      let length = have[1] & 127, at = 2;
      if (length === 126) { if (have.length < 4) return; length = have.readUInt16BE(2); at = 4; }
      if (length === 127) { if (have.length < 10) return; length = Number(have.readBigUInt64BE(2)); at = 10; }
      if (have.length < at + 4 + length) return;
      const mask = have.subarray(at, at + 4), payload = Buffer.from(have.subarray(at + 4, at + 4 + length));
      for (let i = 0; i < length; i++) payload[i] ^= mask[i & 3];
      const head = Buffer.from(have.subarray(0, at));
      head[1] &= 127;
      stream.write(Buffer.concat([head, payload]));
      if ((head[0] & 15) === 8) stream.end();
      have = have.subarray(at + 4 + length);
    }
  });
  stream.on("error", () => {});
}

server.on("stream", (stream, headers) => {
  if (headers[":method"] === "CONNECT" && headers[":protocol"] === "websocket") {
    stream.respond({ ":status": 200, "sec-websocket-protocol": headers["sec-websocket-protocol"], "sec-websocket-extensions": "permessage-deflate" });
    echo(stream);
  } else if (headers[":path"] === "/report") {
    let text = "";
    stream.on("data", (d) => (text += d));
    stream.on("end", () => { stream.respond({ ":status": 204 }); stream.end(); console.log("report", text); });
  } else if (headers[":path"] === "/page") {
    stream.respond({ ":status": 200, "content-type": "text/html; charset=utf-8" });
    stream.end(page);
  } else {
    stream.respond({ ":status": 404 });
    stream.end();
  }
});
server.listen(0, "127.0.0.1", () => console.log("port", server.address().port));
