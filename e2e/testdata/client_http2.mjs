// A client of Node's http2 module in a tunnel: a hundred small requests at once,
// an upload, trailers and events, all over one connection.
import { createHash } from "node:crypto";
import fs from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import tls from "node:tls";

const origin = new URL(process.env.ORIGIN), proxy = new URL(process.env.PROXY);
const socket = net.connect(proxy.port, proxy.hostname);
socket.write(`CONNECT ${origin.host} HTTP/1.1\r\nHost: ${origin.host}\r\n\r\n`);
const status = await new Promise((done) => socket.once("data", (d) => done(d.toString().split(" ")[1])));
const secured = tls.connect({ socket, servername: origin.hostname, ca: fs.readFileSync(process.env.CA), ALPNProtocols: ["h2"] });
await new Promise((done, fail) => secured.once("secureConnect", done).once("error", fail));
const session = http2.connect(origin, { createConnection: () => secured });

function ask(headers, body) {
  return new Promise((done, fail) => {
    const stream = session.request(headers);
    const got = { chunks: [], head: null, trailers: null, size: 0 };
    stream.on("response", (h) => (got.head = h));
    stream.on("trailers", (t) => (got.trailers = t));
    stream.on("data", (d) => { got.chunks.push(d); got.size += d.length; });
    stream.on("end", () => done(got));
    stream.on("error", fail);
    stream.end(body);
  });
}
const text = (got) => Buffer.concat(got.chunks).toString();

console.log("tunnel", status, secured.alpnProtocol);
const all = await Promise.all(Array.from({ length: 100 }, (_, i) => ask({ ":path": `/small/${i}`, cookie: ["a=1", "b=2"] })));
console.log("small", all.every((got, i) => text(got) === `/small/${i} ["a=1; b=2"]` && got.head["set-cookie"].length === 2));
const body = Buffer.alloc(3_000_000, "0123456789");
const up = await ask({ ":method": "POST", ":path": "/echo" }, body);
console.log("echo", up.size, createHash("sha256").update(Buffer.concat(up.chunks)).digest("hex"));
console.log("trailers", (await ask({ ":path": "/trailers" })).trailers["x-sum"]);
const head = await ask({ ":method": "HEAD", ":path": "/small/1" });
console.log("head", head.head[":status"], head.size);
session.close();
