// The shapes of docs/openapi.yaml, as far as the page reads them.

export type Side = 'request' | 'response'

export interface RowBody {
  disposition: string
  size: number
  record: string
}

export interface Row {
  rank?: number
  held?: string
  number: number
  id: string
  kind: string
  start: string
  duration_seconds: number | null
  method: string
  url: string
  host: string
  path: string
  status: number
  type: string
  request_body: RowBody
  response_body: RowBody
  answered: number
  outcome: string
  error: string
  marker: string
  facts?: Facts
}

// Term is a part of a filter, and what it matches.
export interface Term {
  text: string
  alone: number | null
  rest?: string
  without?: number | null
}

export interface Why {
  flows: number | null
  terms: Term[]
  kin: Term[]
}

// Facts are there while a column shows one of them.
export interface Facts {
  first_byte_seconds: number | null
  client: string
  agent: string
  replayed: boolean
  version: string
  reason: string
}

export interface Undecided {
  flows: number
  text: string
}

export interface View {
  id: string
  filter: string
  order: string
  descending: boolean
  state: string
  seq: number
  total: number
  of: number
  seen: number
  undecided?: Undecided | null
}

export interface Rows {
  seq: number
  total: number
  from: number
  rank?: number
  rows: Row[] | null
}

export interface Batch {
  seq: number
  total: number
  of: number
  appended: number
  shifted: boolean
  // Where shifted, unless they are too many: ranks of before that left, and those of
  // now that came, without the appended. Each is a run: its first rank, and how many.
  left?: [number, number][]
  came?: [number, number][]
  rows?: Row[] | null
  state?: string
  seen?: number
}

// Visitor is a client that has asked for the page with the certificate.
export interface Visitor {
  client: string
  device: string
  through: boolean
  trusted: boolean
  last: string
}

export interface State {
  version: string
  pid: number
  listeners: { mode: string; addresses: string[] }[] | null
  proxies: string[] | null
  elsewhere?: string[] | null
  view_filter?: string
  visitors?: Visitor[] | null
  browser?: string // that can be opened, '' for none
  ca: string
  session: { dir: string; named: boolean; size: number; max_size: number; failure: string } | null
  capture: boolean
  readonly: boolean
  intercept: { filter: string; active: boolean; held: number; next?: '' | 'waiting' | 'caught' } | null
}

export interface LogEntry {
  seq: number
  time: string
  level: string
  text: string
}

export interface Held {
  number: number
  id: string
  stage: 'request' | 'response' | 'message'
  since: string
  deadline: string | null
  method: string
  url: string
  status: number
  message: number
  side: Side
}

export type Field = [string, string]

export interface RequestHead {
  method: string
  url: string
  fields: Field[] | null
  trailers: Field[] | null
}

export interface ResponseHead {
  status: number
  reason: string
  fields: Field[] | null
  trailers: Field[] | null
}

export interface HeldMessage {
  kind: string
  event?: string
  id?: string
  retry?: string
  comment?: string
  text?: string
  base64?: string
}

export interface HeldDetail {
  held: Held
  request: RequestHead
  response: ResponseHead | null
  body: { size: number; editable: boolean; reason: string } | null
  message: HeldMessage | null
}

export interface BodyFacts {
  disposition: string
  reason: string
  changes: { offset?: number; reason?: string; to?: string }[] | null
  declared: number
  received: number
  sent: number
  record: string
  recorded: number
  removed: number
  cut_reason: string
  transformed: boolean
  ended: boolean
  messages: number
}

export interface Certificate {
  subject?: string
  issuer?: string
  not_before?: string
  not_after?: string
  names?: string[]
  sha256?: string
  [key: string]: unknown
}

export interface Leg {
  address: string
  peer: string
  local: string
  mode: string
  start: string
  connected: string | null
  secured: string | null
  end: string | null
  tls: Record<string, unknown> | null
}

export interface Head {
  line: string
  method?: string
  url?: string
  status?: number
  reason?: string
  version: string
  fields: Field[] | null
  trailers: Field[] | null
  start: string
  end: string | null
}

// Original is a body before it was changed.
export interface Original {
  size: number
  sha256: string
  text?: string | null // null where it was not kept
  base64?: string
}

// Before is what of a flow was changed on the way, as it was.
export interface Before {
  by: string[]
  request: Head | null
  response: Head | null
  request_body: Original | null
  response_body: Original | null
}

export interface Flow {
  number: number
  id: string
  kind: string
  url: string
  start: string
  end: string | null
  duration_seconds: number | null
  client: Leg | null
  server: Leg | null
  request: Head | null
  response: Head | null
  interim: Head[] | null
  before: Before | null
  request_body: BodyFacts
  response_body: BodyFacts
  tries: { address: string; start: string; reused: boolean; error: string }[] | null
  findings: { code?: string; text?: string }[] | null
  outcome: { kind: string; text: string; bytes: number; phase: string; error: string; answered: number } | null
  marker: string
  comment: string
  metadata: Record<string, unknown> | null
  [key: string]: unknown
}

export interface Message {
  index: number
  kind: string
  offset: number
  length: number
  time?: string
  event?: string
  data?: string
  id?: string
  retry?: string
  comment?: string
  from?: string
  opcode?: string
  code?: number
  reason?: string
  compressed?: boolean
  trailers?: boolean
  end?: boolean
  headers?: unknown[]
  fields?: Field[]
  text?: string
  base64?: string
  cut?: boolean
  unfinished?: boolean
  lost?: boolean
  error?: string
}

export interface Option {
  name: string
  type: string
  optional: boolean
  value: unknown
  default: unknown
  source: string
  place: string
  set: boolean
  secret: boolean
  choices?: string[]
  group: string
  accepts: string
  help: string
}

export interface Script {
  path: string
  loaded: boolean
  error: string
}

export interface ToolCall {
  id: string
  name: string
  arguments: string | null
  input?: unknown
  output?: unknown
}

export interface Output {
  index: number
  role: string
  text: string
  reasoning?: string
  refusal?: string
  tool_calls?: ToolCall[]
  citations?: unknown[]
  audio_bytes?: number
  finish_reason: string | null
}

// Answer is what a language model has answered, as `llm` of a flow.
export interface Answer {
  format: string
  complete: boolean
  end: string | null
  id: string | null
  model: string | null
  error: unknown
  outputs: Output[] | null
  usage: { input: number; output: number; cached?: number; reasoning?: number } | null
  server_tokens_per_second?: number
  counts: { events: number; comments?: number; pings?: number; unread?: number }
  timing?: {
    first_event_s?: number
    first_token_s?: number
    first_answer_s?: number
    duration_s?: number
    tokens_per_second?: number
    token_source?: string
    content_events: number
    median_gap_s?: number
    longest_gap_s?: number
    stalls: number
    stalled_s?: number
  }
  truncated?: boolean
}

// Lines is a window of a body by one of the core's views.
export interface Lines {
  view: string
  syntax?: string
  from: number
  lines: string[]
  more: boolean
  notes?: string[]
  editable?: boolean
  views: string[]
}

// Which says which flows are meant; one of the two.
export interface Which {
  numbers?: number[]
  filter?: string
  last?: number // the newest flow that the filter means
}

export interface Done {
  done: number
  failed: { number: number; text: string }[] | null
  numbers?: number[]
}

export interface Rule {
  name: string
  on: boolean
  when: string
  do: string
  params: Record<string, string>
  from: string
  option?: string
  hits: number
}

export interface Rules {
  rules: Rule[]
  file: string
  fault?: { text: string; place?: string; rule?: string; param?: string } | null
}

export interface RuleKind {
  name: string
  brief: string
  params: { name: string; required: boolean; help: string }[]
}

export interface Trials {
  flows: number
  whole: boolean
  rules: { name: string; matched: number; changes: { number: number; method: string; url: string; changes: string[] | null }[] | null }[] | null
}
