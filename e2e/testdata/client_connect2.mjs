// A client of Node's http2 module that speaks HTTP/2 to the proxy: twenty tunnels
// at once on one connection, each with TLS and a request inside.
import fs from "node:fs";
import http2 from "node:http2";
import tls from "node:tls";

const origin = new URL(process.env.ORIGIN), proxy = process.env.PROXY, ca = fs.readFileSync(process.env.CA);
const session = http2.connect(proxy, { ca, servername: "localhost" });
session.on("error", (e) => console.log("session", e.message));

async function ask(i) {
  const stream = session.request({ ":method": "CONNECT", ":authority": origin.host });
  const status = await new Promise((done, fail) => stream.once("response", (h) => done(h[":status"])).once("error", fail));
  const secured = tls.connect({ socket: stream, servername: origin.hostname, ca });
  await new Promise((done, fail) => secured.once("secureConnect", done).once("error", fail));
  secured.write(`GET /small/${i} HTTP/1.1\r\nHost: ${origin.host}\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of secured) text += chunk;
  return `${status} ${text.split("\r\n")[0]} ${text.includes(`/small/${i} `)}`;
}

const all = await Promise.all(Array.from({ length: 20 }, (_, i) => ask(i)));
console.log("tunnels", all.length, [...new Set(all)].join("; "));
console.log("protocol", session.alpnProtocol);
const refused = session.request({ ":method": "CONNECT", ":authority": "nowhere" });
console.log("refused", await new Promise((done) => refused.once("response", (h) => done(h[":status"]))));
refused.close();
session.close();
