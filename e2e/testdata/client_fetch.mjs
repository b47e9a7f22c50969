// The round that every client makes, with Node's fetch over a connector that
// asks the proxy for a tunnel.
import http from 'node:http';
import tls from 'node:tls';

const origin = process.env.ORIGIN;
const proxy = new URL(process.env.PROXY);
const data = Buffer.from('0123456789'.repeat(100000));

// Node's fetch has no setting for a proxy. Its default dispatcher shows itself
// once fetch has been used, and takes a connector.
await fetch('data:,');
const Agent = globalThis[Symbol.for('undici.globalDispatcher.1')].constructor;
const dispatcher = new Agent({
  connect({ hostname, port }, done) {
    const request = http.request({
      host: proxy.hostname, port: proxy.port, method: 'CONNECT', path: `${hostname}:${port}`,
    });
    request.once('connect', (response, socket) => {
      if (response.statusCode !== 200) return done(new Error(`CONNECT: ${response.statusCode}`), null);
      const secure = tls.connect({ socket, servername: hostname }, () => done(null, secure));
      secure.once('error', (error) => done(error, null));
    });
    request.once('error', (error) => done(error, null));
    request.end();
  },
});
const ask = (path, options) => fetch(origin + path, { dispatcher, ...options });

let r = await ask('/hello');
console.log('hello', r.status, (await r.text()).trim());
r = await ask('/sink?upload', { method: 'POST', body: data });
console.log('upload', (await r.text()).trim());
const parts = new ReadableStream({
  at: 0,
  pull(controller) {
    if (this.at >= data.length) return controller.close();
    controller.enqueue(data.subarray(this.at, this.at + 7001));
    this.at += 7001;
  },
});
r = await ask('/sink?chunked', { method: 'POST', body: parts, duplex: 'half' });
console.log('chunked', (await r.text()).trim());
r = await ask('/events?id=round&n=5');
let buffer = '';
for await (const piece of r.body.pipeThrough(new TextDecoderStream())) {
  buffer += piece;
  for (let end; (end = buffer.indexOf('\n\n')) >= 0;) {
    const [first, second] = buffer.slice(0, end).split('\n');
    buffer = buffer.slice(end + 2);
    if (first.startsWith('id: ')) {
      console.log(second.slice('data: '.length));
      await (await ask('/ack?id=round')).arrayBuffer();
    } else {
      console.log('end', second.slice('data: '.length));
    }
  }
}
await dispatcher.close();
