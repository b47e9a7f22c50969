'use strict';
// Written by midstream. Node before 22.21 and 24.5 reads no proxy variables:
// this sends what fetch and the default agents of http and https ask for through
// the proxy that http_proxy names, by CONNECT. Later ones do it by themselves, and
// then nothing here does anything.
const http = require('http');
const https = require('https');
const net = require('net');
const tls = require('tls');

const address = process.env.https_proxy || process.env.http_proxy;
if (address) {
  const proxy = new URL(address);

  // tunnel asks the proxy for a connection to host and port.
  const tunnel = (host, port, done) => {
    const authority = (host.includes(':') && !host.startsWith('[') ? `[${host}]` : host) + ':' + port;
    const request = http.request({
      agent: false, method: 'CONNECT', path: authority, headers: { host: authority },
      host: proxy.hostname.replace(/^\[|\]$/g, ''), port: proxy.port || 80,
    });
    request.once('connect', (response, socket, head) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        done(new Error(`proxy ${proxy.host}: CONNECT ${authority}: ${response.statusCode}`));
        return;
      }
      if (head.length > 0) socket.unshift(head);
      done(null, socket);
    });
    request.once('error', done);
    request.end();
  };

  // secure shakes hands inside a tunnel. An address cannot be a server name; the
  // certificate is checked against it all the same.
  const secure = (socket, options, done) => {
    const host = (options.servername || options.host).replace(/^\[|\]$/g, '');
    const inside = tls.connect({ ...options, socket, host, servername: net.isIP(host) ? '' : host, port: undefined, path: undefined });
    const failed = (error) => { inside.destroy(); done(error); };
    inside.once('error', failed);
    inside.once('secureConnect', () => { inside.off('error', failed); done(null, inside); });
  };

  const agents = () => {
    for (const module of [http, https]) {
      const agent = module.globalAgent;
      if (agent.options && agent.options.proxyEnv) continue;
      agent.createConnection = (options, done) => {
        if (options.socketPath) return Object.getPrototypeOf(agent).createConnection.call(agent, options, done);
        const host = options.host || 'localhost';
        tunnel(host, options.port, (error, socket) => {
          if (error || module === http) done(error, socket);
          else secure(socket, { ...options, host }, done);
        });
      };
    }
  };

  // The dispatcher of fetch shows itself once fetch has been loaded. One that
  // somebody has set is left alone.
  const dispatcher = () => {
    const symbol = Symbol.for('undici.globalDispatcher.1');
    void globalThis.Headers;
    const present = globalThis[symbol];
    if (!present || present.constructor.name !== 'Agent') return;
    globalThis[symbol] = new present.constructor({
      connect: (options, done) => {
        const port = options.port || (options.protocol === 'https:' ? 443 : 80);
        tunnel(options.hostname, port, (error, socket) => {
          if (error || options.protocol !== 'https:') done(error, error ? null : socket);
          else secure(socket, { host: options.hostname, servername: options.servername, ALPNProtocols: ['http/1.1'] }, (failed, inside) => done(failed, failed ? null : inside));
        });
      },
    });
  };

  agents();
  if (typeof globalThis.fetch === 'function') {
    const fetch = globalThis.fetch;
    let ready = false;
    const proxied = function (...args) {
      if (!ready) { ready = true; dispatcher(); }
      return fetch.apply(this, args);
    };
    Object.defineProperty(proxied, 'name', { value: 'fetch' });
    Object.defineProperty(globalThis, 'fetch', { value: proxied, writable: true, configurable: true, enumerable: true });
  }
}
