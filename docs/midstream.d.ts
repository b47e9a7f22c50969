// The types of midstream's scripts. Put this file beside a script and write
//   /// <reference path="./midstream.d.ts" />
// on top of it. docs/scripts.md says what everything means.

type Bytes = Uint8Array;
/** What a chunk function may return: bytes, a string (sent as UTF-8), a list of them, or nothing. */
type Pieces = Bytes | string | Iterable<Bytes | string> | null | undefined | void;
type ChunkFunction = (chunk: Bytes) => Pieces | Promise<Pieces>;
type ChunkGenerator = (chunks: AsyncIterable<Bytes>) => AsyncIterable<Bytes | string | Iterable<Bytes | string> | null | undefined>;
interface NativeStream {}
type Stream =
  | boolean
  | null
  | ChunkFunction
  | ChunkGenerator
  | NativeStream
  | { transform: ChunkFunction | ChunkGenerator | NativeStream; decode?: boolean; keeps_length?: boolean };

/** An ordered list of names and values; a view, every change is written back. */
interface MultiDict<V> extends Iterable<[string, V]> {
  get(name: string, otherwise?: any): any;
  get_all(name: string): V[];
  set_all(name: string, values: Iterable<V | string | number>): void;
  add(name: string, value: V | string | number): void;
  insert(index: number, name: string, value: V | string | number): void;
  items(multi?: boolean | { multi: boolean }): [string, V][];
  keys(multi?: boolean | { multi: boolean }): string[];
  values(multi?: boolean | { multi: boolean }): V[];
  pop(name: string, otherwise?: any): any;
  setdefault(name: string, value: V | string | number): V;
  update(values: object): void;
  clear(): void;
  copy(): this;
  [name: string]: any;
}
/** Field names fold case; values of one name are joined with ", ". */
interface Headers extends MultiDict<string> {}

interface Message {
  headers: Headers;
  /** null when there are none. */
  trailers: Headers | null;
  /** The body without its content coding; null while it is not there, or when it passed unrecorded. */
  content: Bytes | null;
  /** The body as on the wire, the transfer coding removed. */
  raw_content: Bytes | null;
  text: string | null;
  get_content(strict?: boolean): Bytes | null;
  set_content(content: Bytes | null): void;
  get_text(strict?: boolean): string | null;
  set_text(text: string | null): void;
  json(): any;
  /** Takes the content coding off. */
  decode(strict?: boolean): void;
  /** Puts a content coding on: gzip, deflate, br, zstd, identity. */
  encode(coding: string): void;
  /** Counts in requestheaders (request) and responseheaders (response) only. */
  stream: Stream;
  http_version: string;
  readonly is_http10: boolean;
  readonly is_http11: boolean;
  readonly is_http2: boolean;
  readonly is_http3: boolean;
  /** Seconds since 1970. */
  timestamp_start: number | null;
  timestamp_end: number | null;
}

interface Request extends Message {
  method: string;
  url: string;
  /** url with the host that the client named. */
  readonly pretty_url: string;
  scheme: string;
  host: string;
  readonly pretty_host: string;
  port: number;
  /** Path and query, as sent. */
  path: string;
  host_header: string | null;
  authority: string;
  readonly first_line_format: "relative" | "absolute" | "authority";
  query: MultiDict<string>;
  cookies: MultiDict<string>;
  path_components: string[];
  urlencoded_form: MultiDict<string>;
  multipart_form: MultiDict<Bytes>;
  anticache(): void;
  anticomp(): void;
  constrain_encoding(): void;
}

interface Response extends Message {
  status_code: number;
  reason: string;
  /** Name to [value, attributes]. */
  cookies: MultiDict<[string, MultiDict<string | null>]>;
  copy(): Response;
}

interface Connection {
  readonly id: string;
  readonly peername: [string, number] | null;
  readonly sockname: [string, number] | null;
  /** Settable on data.server in server_connect. */
  address: [string, number] | null;
  /**
   * The parent proxy on the way. Settable on flow.server_conn in http_connect,
   * requestheaders and request, and on data.server in server_connect: a URL (which
   * may hold credentials for this parent), a pair, or null for none.
   */
  via: ["http" | "https", [string, number]] | string | null;
  /** Set in client_connected or server_connect, it refuses the connection. */
  error: string | null;
  readonly tls: boolean;
  readonly tls_established: boolean;
  readonly tls_version: string | null;
  readonly cipher: string | null;
  readonly sni: string | null;
  readonly alpn: string | null;
  readonly alpn_offers: string[] | null;
  readonly proxy_mode: string | null;
  readonly connected: boolean;
  readonly timestamp_start: number | null;
  readonly timestamp_tcp_setup: number | null;
  readonly timestamp_tls_setup: number | null;
  readonly timestamp_end: number | null;
}

interface HTTPFlow {
  readonly id: string;
  /** In the session, from 1. */
  readonly number: number;
  readonly type: "http";
  readonly request: Request;
  response: Response | null;
  readonly error: { msg: string } | null;
  readonly client_conn: Connection;
  readonly server_conn: Connection | null;
  marked: string;
  comment: string;
  metadata: Record<string, any>;
  /** Which side is not there: the request was sent again, or the response comes from a recording. */
  readonly is_replay: "request" | "response" | null;
  readonly live: boolean;
  readonly killable: boolean;
  /** From websocket_start on. */
  readonly websocket: WebSocketData | null;
  readonly timestamp_start: number | null;
  readonly timestamp_created: number | null;
  kill(): void;
  /** Anything of a script's own. */
  [name: string]: any;
}

/** The fields of a server-sent event; null where there is none. Lines of data and comment are joined with "\n". */
interface SSEFields {
  event?: string | null;
  data?: string | null;
  id?: string | null;
  retry?: string | number | null;
  comment?: string | null;
}
interface SSEEvent {
  event: string | null;
  data: string | null;
  id: string | null;
  retry: string | null;
  comment: string | null;
  /** Counts the events of the body from 0. */
  readonly index: number;
  /** data, parsed. */
  json(): any;
  /** Keeps it from being sent. */
  drop(): void;
  /** Sends others before it; a string is data. */
  insert_before(...events: (SSEFields | string)[]): void;
  insert_after(...events: (SSEFields | string)[]): void;
}

/** A message of gRPC, gRPC-Web, Connect (grpc_message), or of another format (stream_message). */
interface StreamMessage {
  readonly kind: "grpc" | "grpc-web" | "connect" | "ndjson" | "json-seq" | "aws" | "multipart";
  /** It is in a request. */
  readonly from_client: boolean;
  /** Counts the messages of the body from 0. */
  readonly index: number;
  /** What it says, not compressed: payload, line, JSON text, body of the part. A copy; assigned anew it changes the message. */
  content: Bytes;
  /** content, as text. */
  text: string;
  /** The payload is compressed on the wire (grpc-encoding, connect-content-encoding). */
  compressed: boolean;
  /** No message, but what ends the body: the trailer section of gRPC-Web, the JSON object of Connect. */
  readonly trailers: boolean;
  /** Of a part; the headers of an AWS message, as text. */
  readonly fields: [string, string][];
  readonly dropped: boolean;
  /** text, parsed. */
  json(): any;
  /** Keeps it from being sent. */
  drop(): void;
  /** The same as drop. */
  kill(): void;
  /** Sends others before it, not compressed and otherwise framed as this one. */
  insert_before(...content: (Bytes | string)[]): void;
  insert_after(...content: (Bytes | string)[]): void;
}

interface WebSocketMessage {
  readonly from_client: boolean;
  /** A copy; assigned anew it changes the message. */
  content: Bytes;
  /** Of text messages only. */
  text: string;
  readonly is_text: boolean;
  /** 1 is text, 2 is binary. */
  readonly type: 1 | 2;
  readonly timestamp: number;
  readonly dropped: boolean;
  readonly injected: false;
  /** Keeps it from being sent. */
  drop(): void;
  /** The same as drop. */
  kill(): void;
}
interface WebSocketData {
  /** The current message, or else the last one; [-1] is the same. */
  readonly messages: WebSocketMessage[];
  /** How many there have been. */
  readonly message_count: number;
  /** What follows is null until websocket_end. */
  readonly closed_by_client: boolean | null;
  /** 1005: a close frame without a code. 1006: no close frame. */
  readonly close_code: number | null;
  readonly close_reason: string | null;
  readonly timestamp_end: number | null;
  /** Sends a message behind the current one; no hook sees it. A string is text unless told. */
  inject(to_client: boolean, content: Bytes | string, is_text?: boolean): void;
}

/** What has arrived in one piece over a raw tunnel. */
interface TCPMessage {
  readonly from_client: boolean;
  /** A copy; assigned anew it changes what is sent. Empty sends nothing. */
  content: Bytes;
  readonly timestamp: number;
}
/** A raw tunnel: neither HTTP nor ignored. */
interface TCPFlow {
  readonly id: string;
  readonly number: number;
  readonly type: "tcp";
  /** The current message, or else the last one; [-1] is the same. */
  readonly messages: TCPMessage[];
  readonly error: { readonly msg: string } | null;
  readonly client_conn: Connection;
  readonly server_conn: Connection;
  marked: string | boolean;
  comment: string;
  metadata: any;
  readonly live: boolean;
  readonly killable: boolean;
  /** Ends the connection, visibly for both sides. */
  kill(): void;
  /** Sends octets behind the current message; no hook sees them. A string is sent as UTF-8. */
  inject(to_client: boolean, content: Bytes | string): void;
  [attribute: string]: any;
}

interface ServerConnectionData {
  client: Connection;
  server: Connection;
}

type OptionTypeName = "bool" | "int" | "str" | "Optional[int]" | "Optional[str]" | "Sequence[str]";
interface Loader {
  add_option(name: string, type: OptionTypeName | Function, value: any, help?: string, choices?: string[]): void;
  add_option(option: { name: string; type: OptionTypeName | Function; default: any; help?: string; choices?: string[] }): void;
}

/** What a module may export, and an object in addons may have. */
interface Addon {
  name?: string;
  /** Looks at bodies only: nothing is held for it. */
  observe?: boolean;
  /** Must not be passed by: a failure ends the exchange with 502. */
  required?: boolean;
  addons?: Iterable<Addon>;
  load?(loader: Loader): void | Promise<void>;
  configure?(updated: Set<string>): void | Promise<void>;
  running?(): void | Promise<void>;
  done?(): void | Promise<void>;
  client_connected?(client: Connection): void | Promise<void>;
  client_disconnected?(client: Connection): void | Promise<void>;
  server_connect?(data: ServerConnectionData): void | Promise<void>;
  server_connected?(data: ServerConnectionData): void | Promise<void>;
  server_connect_error?(data: ServerConnectionData): void | Promise<void>;
  server_disconnected?(data: ServerConnectionData): void | Promise<void>;
  http_connect?(flow: HTTPFlow): void | Promise<void>;
  requestheaders?(flow: HTTPFlow): void | Promise<void>;
  request?(flow: HTTPFlow): void | Promise<void>;
  responseheaders?(flow: HTTPFlow): void | Promise<void>;
  response?(flow: HTTPFlow): void | Promise<void>;
  error?(flow: HTTPFlow): void | Promise<void>;
  /** Each event of a text/event-stream body, before it is sent on. */
  sse_event?(flow: HTTPFlow, event: SSEEvent): void | Promise<void>;
  /** Each message of gRPC, gRPC-Web and Connect, in both directions, before it is sent on. */
  grpc_message?(flow: HTTPFlow, message: StreamMessage): void | Promise<void>;
  /** Each line, JSON text, AWS message or part of the other formats, before it is sent on. */
  stream_message?(flow: HTTPFlow, message: StreamMessage): void | Promise<void>;
  websocket_start?(flow: HTTPFlow): void | Promise<void>;
  /** Each text and binary message, before it is sent on: flow.websocket.messages[-1]. */
  websocket_message?(flow: HTTPFlow): void | Promise<void>;
  websocket_end?(flow: HTTPFlow): void | Promise<void>;
  /** A raw tunnel begins. */
  tcp_start?(flow: TCPFlow): void | Promise<void>;
  /** What has arrived in one piece, before it is sent on: flow.messages[-1]. */
  tcp_message?(flow: TCPFlow): void | Promise<void>;
  tcp_end?(flow: TCPFlow): void | Promise<void>;
  /** Instead of tcp_end, when the tunnel broke: flow.error.msg says why. */
  tcp_error?(flow: TCPFlow): void | Promise<void>;
}

declare const Response: {
  /** Strings become ISO 8859-1 where they fit and the headers name no charset, else UTF-8. */
  make(status_code?: number, content?: string | Bytes, headers?: object): Response;
};
declare const Headers: { new (init?: object): Headers };
declare const http: { Response: typeof Response; Headers: typeof Headers };

interface Log {
  (text: any, level?: string): void;
  debug(...args: any[]): void;
  info(...args: any[]): void;
  warn(...args: any[]): void;
  warning(...args: any[]): void;
  error(...args: any[]): void;
  alert(...args: any[]): void;
}
declare const ctx: {
  log: Log;
  /** All options by name; an unknown one throws, assigning changes it. */
  options: Record<string, boolean | number | string | string[] | null>;
  master: { shutdown(): void };
};
/** Thrown from configure it refuses the change. */
declare class OptionsError extends Error {}

declare const stream: {
  /** Replaces every match, also across pieces. RegExp: no lookaround, no back-references; $1, $&, $<name> in the replacement. */
  replace(old: string | Bytes | RegExp, replacement: string | Bytes, options?: { decode?: boolean }): NativeStream;
  /** Calls fn with each line, without its ending; nothing takes the line away, a list makes several. */
  lines(fn: (line: string) => Pieces, options?: { decode?: boolean }): NativeStream;
  /** Lets a function see the bytes without their content coding; it is put on again. */
  decoded(fn: ChunkFunction | ChunkGenerator | NativeStream): NativeStream;
};

declare const bytes: {
  from(data: string | Bytes): Bytes;
  /** UTF-8; octets that are not become U+DC80 to U+DCFF, and from() brings them back. */
  text(data: Bytes | string): string;
  concat(...parts: (Bytes | string)[]): Bytes;
  concat(parts: (Bytes | string)[]): Bytes;
  equal(a: Bytes | string, b: Bytes | string): boolean;
  index_of(data: Bytes | string, part: Bytes | string): number;
  replace(data: Bytes | string, old: string | Bytes | RegExp, replacement: string | Bytes): Bytes;
  decode(data: Bytes, coding: string): Bytes;
  encode(data: Bytes | string, coding: string): Bytes;
};

/** A file that is written. Writing waits for the disk, and the flow with it. */
interface OutputFile {
  readonly path: string;
  /** Throws where it cannot be written, or was closed. */
  write(data: string | Bytes): void;
  /** Twice is fine. */
  close(): void;
}
/** Files with the rights of the user that midstream runs as, at most 256 open at once. */
declare const files: {
  /** A new file, or an old one emptied; folders that are missing are made. */
  create(path: string): OutputFile;
  /** As create, but what is there stays, and more is written behind it. */
  append(path: string): OutputFile;
};

declare function print(...args: any[]): void;
declare const console: {
  log(...args: any[]): void;
  debug(...args: any[]): void;
  info(...args: any[]): void;
  warn(...args: any[]): void;
  error(...args: any[]): void;
  trace(...args: any[]): void;
};
declare function setTimeout(fn: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function setInterval(fn: (...args: any[]) => void, ms?: number, ...args: any[]): number;
declare function clearTimeout(id?: number): void;
declare function clearInterval(id?: number): void;
declare function queueMicrotask(fn: () => void): void;
declare function structuredClone<T>(value: T): T;
declare function atob(s: string): string;
declare function btoa(s: string): string;

declare module "midstream" {
  const c: typeof ctx, h: typeof http, r: typeof Response, hd: typeof Headers, s: typeof stream, b: typeof bytes;
  export { c as ctx, h as http, r as Response, hd as Headers, s as stream, b as bytes };
  export const OptionsError: any;
}
