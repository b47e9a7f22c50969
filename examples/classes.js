// Addons as objects: each has hooks and a state of its own.

class Counter {
  constructor(host) {
    this.name = "counter of " + host;
    this.host = host;
    this.n = 0;
  }
  requestheaders(flow) {
    if (flow.request.pretty_host === this.host) this.n += 1;
  }
  done() {
    console.log(this.host, this.n);
  }
}

export const addons = [new Counter("example.com"), new Counter("example.org")];
