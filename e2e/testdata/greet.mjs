// Asks for the page given, through the proxy in PROXY where there is one.
import https from "node:https";
import http from "node:http";

const url = new URL(process.argv[2]);

function get(options) {
  https.get(url, options, (res) => {
    res.setEncoding("utf8");
    let text = "";
    res.on("data", (piece) => { text += piece; });
    res.on("end", () => { console.log(text); process.exit(0); });
  });
}

if (process.env.PROXY) {
  const proxy = new URL(process.env.PROXY);
  http.request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: url.host })
    .on("connect", (res, socket) => get({ socket, agent: false }))
    .end();
} else {
  get({ agent: false });
}
