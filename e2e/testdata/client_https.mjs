// The round that every client makes, with Node's https module and an agent that
// asks the proxy for a tunnel.
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';

const origin = process.env.ORIGIN;
const proxy = new URL(process.env.PROXY);
const data = Buffer.from('0123456789'.repeat(100000));

class TunnelAgent extends https.Agent {
  createConnection(options, done) {
    const request = http.request({
      host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: `${options.host}:${options.port}`,
    });
    request.once('connect', (response, socket) => {
      if (response.statusCode !== 200) return done(new Error(`CONNECT: ${response.statusCode}`));
      done(null, tls.connect({ socket, servername: options.host }));
    });
    request.once('error', done);
    request.end();
  }
}
const agent = new TunnelAgent({ keepAlive: true });

const ask = (path, options = {}, send = (r) => r.end()) => new Promise((resolve, reject) => {
  const request = https.request(origin + path, { agent, ...options }, resolve);
  request.once('error', reject);
  send(request);
});
const text = async (response) => {
  let all = '';
  for await (const piece of response.setEncoding('utf8')) all += piece;
  return all;
};

let r = await ask('/hello');
console.log('hello', r.statusCode, (await text(r)).trim());
r = await ask('/sink?upload', { method: 'POST', headers: { 'Content-Length': data.length } }, (q) => q.end(data));
console.log('upload', (await text(r)).trim());
r = await ask('/sink?chunked', { method: 'POST' }, (q) => {
  for (let i = 0; i < data.length; i += 7001) q.write(data.subarray(i, i + 7001));
  q.end();
});
console.log('chunked', (await text(r)).trim());
r = await ask('/events?id=round&n=5');
let buffer = '';
for await (const piece of r.setEncoding('utf8')) {
  buffer += piece;
  for (let end; (end = buffer.indexOf('\n\n')) >= 0;) {
    const [first, second] = buffer.slice(0, end).split('\n');
    buffer = buffer.slice(end + 2);
    if (first.startsWith('id: ')) {
      console.log(second.slice('data: '.length));
      (await ask('/ack?id=round')).resume();
    } else {
      console.log('end', second.slice('data: '.length));
    }
  }
}
agent.destroy();
