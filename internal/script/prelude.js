(function (native) {
  "use strict";
  const g = globalThis;
  const hide = (o, name, value) =>
    Object.defineProperty(o, name, { value, writable: true, configurable: true, enumerable: false });

  if (!Symbol.asyncIterator) {
    Object.defineProperty(Symbol, "asyncIterator", { value: Symbol("Symbol.asyncIterator") });
  }

  class OptionsError extends Error {}
  hide(OptionsError.prototype, "name", "OptionsError");
  hide(g, "OptionsError", OptionsError);

  // buffers ------------------------------------------------------------------
  const views = ["Int8", "Uint8", "Uint8Clamped", "Int16", "Uint16", "Int32", "Uint32", "Float32", "Float64", "BigInt64", "BigUint64"];
  for (const name of ["ArrayBuffer"].concat(views.map((v) => v + "Array"))) {
    const made = g[name];
    if (!made) continue;
    const size = made.BYTES_PER_ELEMENT || 1;
    const bounded = function (...args) {
      if (!new.target) throw new TypeError("Constructor " + name + " requires 'new'");
      if (args.length > 0 && typeof args[0] !== "object") native.buffer(args[0] * size);
      return Reflect.construct(made, args, new.target === bounded ? made : new.target);
    };
    Object.setPrototypeOf(bounded, Object.getPrototypeOf(made));
    for (const key of Reflect.ownKeys(made)) Object.defineProperty(bounded, key, Object.getOwnPropertyDescriptor(made, key));
    hide(made.prototype, "constructor", bounded);
    hide(g, name, bounded);
  }

  // console ------------------------------------------------------------------
  const show = (v, depth, seen) => {
    switch (typeof v) {
      case "string": return depth === 0 ? v : JSON.stringify(v);
      case "function": return "[function " + (v.name || "anonymous") + "]";
      case "symbol": return v.toString();
      case "bigint": return v + "n";
      case "object": break;
      default: return String(v);
    }
    if (v === null) return "null";
    if (v instanceof Error) return v.stack || String(v);
    if (v instanceof Uint8Array) return "Uint8Array(" + v.length + ")";
    if (v instanceof Date || v instanceof RegExp) return String(v);
    if (native.isOwn(v)) return String(v);
    if (seen.includes(v)) return "[circular]";
    if (depth > 3) return Array.isArray(v) ? "[...]" : "{...}";
    seen = seen.concat([v]);
    const inner = (x) => show(x, depth + 1, seen);
    if (Array.isArray(v)) return "[" + v.slice(0, 100).map(inner).join(", ") + (v.length > 100 ? ", ..." : "") + "]";
    if (v instanceof Set) return "Set {" + Array.from(v).map(inner).join(", ") + "}";
    if (v instanceof Map) return "Map {" + Array.from(v).map(([k, x]) => inner(k) + " => " + inner(x)).join(", ") + "}";
    return "{" + Object.keys(v).slice(0, 100).map((k) => k + ": " + inner(v[k])).join(", ") + "}";
  };
  const line = (args) => Array.from(args, (v) => show(v, 0, [])).join(" ");
  const console = {};
  hide(console, "log", function () { native.print(line(arguments)); });
  for (const [name, level] of [["debug", "debug"], ["info", "info"], ["warn", "warn"], ["error", "error"], ["trace", "debug"]]) {
    hide(console, name, function () { native.log(level, line(arguments)); });
  }
  hide(g, "console", console);
  const log = function (text, level) { native.log(level || "info", line([text])); };
  for (const level of ["debug", "info", "warn", "warning", "error", "alert"]) {
    hide(log, level, function () { native.log(level, line(arguments)); });
  }
  hide(g, "ctx", { log, options: native.options, master: { shutdown() { native.shutdown(); } } });
  hide(g, "print", console.log);

  // text and bytes -----------------------------------------------------------
  hide(g, "TextEncoder", class TextEncoder {
    get encoding() { return "utf-8"; }
    encode(s = "") { return native.encodeText(String(s)); }
    encodeInto(s, into) {
      const all = native.encodeText(String(s));
      let n = Math.min(all.length, into.length);
      while (n < all.length && n > 0 && (all[n] & 0xc0) === 0x80) n--;
      into.set(all.subarray(0, n));
      return { read: native.decodeText("utf-8", all.subarray(0, n), false, false)[0].length, written: n };
    }
  });
  hide(g, "TextDecoder", class TextDecoder {
    constructor(label = "utf-8", options = {}) {
      this.encoding = native.label(String(label));
      this.fatal = !!options.fatal;
      this.ignoreBOM = !!options.ignoreBOM;
      hide(this, "rest", null);
      hide(this, "begun", false);
    }
    decode(data = new Uint8Array(0), options = {}) {
      if (this.rest) data = g.bytes.concat(this.rest, data);
      const [text, left] = native.decodeText(this.encoding, data, this.fatal, !!options.stream);
      this.rest = left;
      let out = text;
      if (!this.begun && !this.ignoreBOM && out.charCodeAt(0) === 0xfeff) out = out.slice(1);
      this.begun = !!options.stream && (this.begun || text.length > 0);
      return out;
    }
  });
  hide(g, "atob", (s) => native.atob(String(s)));
  hide(g, "btoa", (s) => native.btoa(String(s)));
  hide(g, "queueMicrotask", (f) => {
    if (typeof f !== "function") throw new TypeError("queueMicrotask takes a function");
    Promise.resolve().then(() => f());
  });

  // structuredClone ----------------------------------------------------------
  const clone = (v, seen) => {
    if (typeof v === "function" || typeof v === "symbol") throw new TypeError("structuredClone cannot copy a " + typeof v);
    if (typeof v !== "object" || v === null) return v;
    if (seen.has(v)) return seen.get(v);
    const keep = (c) => (seen.set(v, c), c);
    if (v instanceof Date) return keep(new Date(v.getTime()));
    if (v instanceof RegExp) return keep(new RegExp(v.source, v.flags));
    if (v instanceof ArrayBuffer) return keep(v.slice(0));
    if (ArrayBuffer.isView(v)) return keep(v.slice ? v.slice() : new DataView(v.buffer.slice(0), v.byteOffset, v.byteLength));
    if (v instanceof Map) {
      const m = keep(new Map());
      v.forEach((x, k) => m.set(clone(k, seen), clone(x, seen)));
      return m;
    }
    if (v instanceof Set) {
      const s = keep(new Set());
      v.forEach((x) => s.add(clone(x, seen)));
      return s;
    }
    if (v instanceof Error) {
      const err = keep(Object.create(Object.getPrototypeOf(v)));
      hide(err, "message", v.message);
      hide(err, "stack", v.stack);
      return err;
    }
    const c = keep(Array.isArray(v) ? [] : {});
    for (const k of Object.keys(v)) c[k] = clone(v[k], seen);
    return c;
  };
  hide(g, "structuredClone", (v) => clone(v, new Map()));

  // URL ----------------------------------------------------------------------
  class URLSearchParams {
    constructor(init = "") {
      hide(this, "list", []);
      hide(this, "changed", null);
      if (typeof init === "string") {
        this.parse(init);
      } else if (init && typeof init[Symbol.iterator] === "function") {
        for (const [k, v] of init) this.list.push([String(k), String(v)]);
      } else if (init) {
        for (const k of Object.keys(init)) this.list.push([k, String(init[k])]);
      }
    }
    parse(s) { this.list = native.parseQuery(s.replace(/^\?/, "")); }
    note() { if (this.changed) this.changed(this.toString()); }
    get size() { return this.list.length; }
    append(k, v) { this.list.push([String(k), String(v)]); this.note(); }
    delete(k) { this.list = this.list.filter((p) => p[0] !== String(k)); this.note(); }
    get(k) { const p = this.list.find((q) => q[0] === String(k)); return p ? p[1] : null; }
    getAll(k) { return this.list.filter((p) => p[0] === String(k)).map((p) => p[1]); }
    has(k) { return this.list.some((p) => p[0] === String(k)); }
    set(k, v) {
      const i = this.list.findIndex((p) => p[0] === String(k));
      if (i < 0) { this.append(k, v); return; }
      this.list[i][1] = String(v);
      this.list = this.list.filter((p, j) => j <= i || p[0] !== String(k));
      this.note();
    }
    sort() { this.list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)); this.note(); }
    forEach(f, self) { for (const [k, v] of this.list) f.call(self, v, k, this); }
    keys() { return this.list.map((p) => p[0])[Symbol.iterator](); }
    values() { return this.list.map((p) => p[1])[Symbol.iterator](); }
    entries() { return this.list.map((p) => [p[0], p[1]])[Symbol.iterator](); }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return native.printQuery(this.list); }
  }
  hide(g, "URLSearchParams", URLSearchParams);

  const parts = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];
  class URL {
    constructor(url, base) {
      hide(this, "p", native.parseURL(String(url), base === undefined ? "" : String(base)));
      const params = new URLSearchParams(this.p.search);
      params.changed = (s) => { this.p.search = s ? "?" + s : ""; };
      hide(this, "searchParams", params);
    }
    get host() { return this.p.hostname + (this.p.port ? ":" + this.p.port : ""); }
    set host(v) {
      const m = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(String(v));
      if (m) { this.p.hostname = m[1]; if (m[2] !== undefined) this.port = m[2]; }
    }
    get origin() { return this.p.protocol + "//" + this.host; }
    get href() {
      const user = this.p.username ? this.p.username + (this.p.password ? ":" + this.p.password : "") + "@" : "";
      const slashes = this.p.hostname || this.p.protocol === "file:" ? "//" : "";
      return this.p.protocol + slashes + user + this.host + this.p.pathname + this.p.search + this.p.hash;
    }
    set href(v) { this.p = native.parseURL(String(v), ""); this.searchParams.parse(this.p.search); }
    toString() { return this.href; }
    toJSON() { return this.href; }
    static canParse(u, b) { try { new URL(u, b); return true; } catch (e) { return false; } }
  }
  const fix = {
    protocol: (v) => v.replace(/:?$/, ":"),
    port(v) { return v === native.defaultPort(this.protocol) ? "" : v; },
    pathname: (v) => (v.startsWith("/") ? v : "/" + v),
    search: (v) => (v === "" || v.startsWith("?") ? (v === "?" ? "" : v) : "?" + v),
    hash: (v) => (v === "" || v.startsWith("#") ? (v === "#" ? "" : v) : "#" + v),
  };
  for (const name of parts) {
    Object.defineProperty(URL.prototype, name, {
      enumerable: true, configurable: true,
      get() { return this.p[name]; },
      set(v) {
        this.p[name] = fix[name] ? fix[name].call(this.p, String(v)) : String(v);
        if (name === "search") this.searchParams.parse(this.p.search);
      },
    });
  }
  hide(g, "URL", URL);
})
