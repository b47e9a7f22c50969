import { get, root } from '../core/api'
import { seconds } from '../core/format'
import { octetsIn } from '../edit/content'
import { hidden } from '../core/secrets.svelte'
import type { Flow, Head, Message, Side } from '../core/types'
import { dump, pairs } from './octets'

const page = 100 // messages of a request
const keep = 40 // pages that are kept
const mostPings = 100_000 // that are known
const preview = 300 // characters of a message in the list

const field = (head: Head | null, name: string) => (head?.fields ?? []).find(([n]) => n.toLowerCase() === name)?.[1] ?? ''

// streams says which side of a flow is made of messages; null for neither.
export function streams(flow: Flow): Side | null {
  if (flow.kind === 'tcp') return 'response'
  if (flow.response?.status === 101 || flow.metadata?.websocket) return 'response'
  if (flow.response_body.messages > 0) return 'response'
  if (/^(text\/event-stream|application\/(x-ndjson|jsonl|json-seq|stream\+json|grpc|connect\+|vnd\.amazon\.eventstream)|multipart\/x-mixed-replace)/i.test(field(flow.response, 'content-type'))) return 'response'
  if (flow.request_body.messages > 0) return 'request'
  return null
}

export interface Line {
  index: number
  time: string
  gap: number | null // seconds behind the one before; null where that is not known
  near: boolean // the time is that of its arrival here
  kind: string
  from: string
  length: number
  text: string // the first of it
  error: string
}

// content is what a message says, as text: octets that are none as hex, those of the
// base64 that is given to `most`.
export function content(m: Message, most = Infinity): string {
  if (m.data !== undefined) return m.data
  if (m.text !== undefined) return m.text
  if (m.comment !== undefined) return `: ${m.comment}`
  if (m.code) return `${m.code} ${m.reason ?? ''}`
  if (m.base64 !== undefined) return pairs(octetsIn(m.base64.slice(0, most)))
  return ''
}

// laid is the same as it is read by a person: octets that are no text with their
// offsets and what of them is ASCII.
export function laid(m: Message, most: number): { text: string; cut: boolean } {
  if (m.base64 === undefined) return { text: content(m).slice(0, most), cut: content(m).length > most }
  const digits = (most >> 4) << 2 // of base64: a line of a dump has sixteen octets
  return { text: dump(octetsIn(m.base64.slice(0, digits)), 0), cut: m.base64.length > digits }
}

function kind(m: Message): string {
  if (m.event !== undefined) return m.event
  if (m.comment !== undefined && m.data === undefined) return 'comment'
  if (m.opcode) return m.opcode
  if (m.trailers) return 'trailers'
  return m.kind === 'server-sent events' ? 'message' : m.kind
}

// Messages are the messages of one side of a flow: pages of them near the
// screen, and while the flow lives those that come.
export class Messages {
  count = $state(0) // messages that are known to be there
  all = $state(false) // there are no more
  trouble = $state('')
  changes = $state(0)
  follow = $state(true)
  arrived = $state(0) // since following ended
  pings = $state(false) // they are shown; else the list closes up where some are known
  private known: number[] = [] // indexes of pings that were seen, in their order
  private pages = new Map<number, Line[]>()
  private asked = new Set<number>()
  private source: EventSource | null = null
  private control = new AbortController()

  constructor(
    private flow: number,
    readonly side: Side,
  ) {}

  line(index: number): Line | undefined {
    return this.pages.get(Math.floor(index / page))?.[index % page]
  }

  // shown is how many lines the list has, indexAt which message stands at a place of
  // it, and placeOf where a message does.
  get shown(): number {
    void this.changes
    return this.pings ? this.count : this.count - this.known.length
  }

  private before(index: number): number {
    let [from, to] = [0, this.known.length]
    while (from < to) {
      const mid = (from + to) >> 1
      if (this.known[mid] < index) from = mid + 1
      else to = mid
    }
    return from
  }

  placeOf(index: number): number {
    return this.pings ? index : index - this.before(index)
  }

  indexAt(place: number): number {
    if (this.pings) return place
    // The i-th ping has known[i]-i lines before it.
    let [from, to] = [0, this.known.length]
    while (from < to) {
      const mid = (from + to) >> 1
      if (this.known[mid] - mid <= place) from = mid + 1
      else to = mid
    }
    return place + from
  }

  private note(m: Message) {
    const ping = m.opcode === 'ping' || m.opcode === 'pong' || (m.comment !== undefined && m.data === undefined)
    if (!ping || this.known.length >= mostPings) return
    const at = this.before(m.index)
    if (this.known[at] !== m.index) this.known.splice(at, 0, m.index)
  }

  // make is a message as a line of a list; the gap is known where the one before is.
  make(m: Message, near: boolean): Line {
    const text = content(m, preview & ~3)
    const before = this.line(m.index - 1)
    const gap = seconds(before?.time, m.time)
    return {
      index: m.index, time: m.time ?? '', gap, near, kind: kind(m).slice(0, 60), from: m.from ?? '', length: m.length,
      text: text.slice(0, preview).replace(/\s+/g, ' '), error: (m.error ?? '').slice(0, 300),
    }
  }

  private put(m: Message, near = false) {
    const n = Math.floor(m.index / page)
    const lines = this.pages.get(n) ?? []
    lines[m.index % page] = this.make(m, near)
    this.pages.set(n, lines)
    this.note(m)
    if (m.index >= this.count) this.count = m.index + 1
  }

  // need sees to it that messages [a, b) come.
  need(a: number, b: number) {
    const last = Math.floor(Math.max(a, b - 1) / page)
    for (let n = Math.floor(a / page); n <= last; n++) {
      if (this.asked.has(n) || this.asked.size > 2) continue
      const lines = this.pages.get(n)
      const upTo = Math.min(page, this.count - n * page)
      let whole = lines !== undefined
      for (let i = 0; whole && i < upTo; i++) if (!lines![i]) whole = false
      if (whole && (upTo > 0 || this.all)) continue
      void this.ask(n)
    }
    while (this.pages.size > keep) {
      const far = [...this.pages.keys()].sort((x, y) => Math.abs(y - last) - Math.abs(x - last))[0]
      this.pages.delete(far)
    }
  }

  private async ask(n: number) {
    this.asked.add(n)
    try {
      const answer = await get<{ messages: Message[] | null; more: boolean; error?: string }>(
        `/flows/${this.flow}/${this.side}/messages?from=${n * page}&n=${page}`, this.control.signal)
      const got = answer.messages ?? []
      for (const m of got) this.put(m)
      if (answer.more) this.count = Math.max(this.count, n * page + got.length + 1)
      else this.all = true
      if (answer.error) this.trouble = answer.error
      this.changes++
      if (answer.more && this.source === null && this.follow && !this.all) this.need(this.count - 1, this.count)
    } catch (e) {
      if (!this.control.signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
    } finally {
      this.asked.delete(n)
    }
  }

  // begin loads the first page, and follows what comes.
  async begin(known: number, live: boolean) {
    this.count = Math.max(this.count, known)
    if (!live) {
      await this.ask(0)
      return
    }
    if (known > page) await this.ask(Math.floor((known - 1) / page))
    else await this.ask(0)
    if (this.control.signal.aborted) return
    const source = new EventSource(root + hidden(`/flows/${this.flow}/${this.side}/messages?follow=1&from=${this.count}`))
    this.source = source
    let waiting: [Message, boolean][] = []
    const flush = () => {
      const got = waiting
      waiting = []
      const before = this.count
      for (const [m, near] of got) this.put(m, near)
      if (!this.follow) this.arrived += this.count - before
      this.changes++
    }
    source.addEventListener('message', (e) => {
      // Of what has just come the core may not know the time yet; then it is the
      // time at which it came here.
      const m = JSON.parse(e.data) as Message
      const near = m.time === undefined
      if (near) m.time = new Date().toISOString()
      waiting.push([m, near])
      if (waiting.length === 1) setTimeout(flush, 50)
      else if (waiting.length > 2000) flush()
    })
    const over = () => {
      source.close()
      if (this.source === source) this.source = null
    }
    source.addEventListener('end', () => {
      flush()
      this.all = true
      this.pages.clear() // they are fetched again, with the times of the record
      this.changes++
      over()
    })
    source.addEventListener('failed', (e) => {
      flush()
      this.trouble = JSON.parse((e as MessageEvent<string>).data).error?.text ?? 'the messages cannot be read any more'
      over()
    })
    source.onerror = () => {
      over()
      if (!this.control.signal.aborted && !this.all) setTimeout(() => !this.control.signal.aborted && void this.begin(this.count, true), 1500)
    }
  }

  whole(index: number, fetch = get): Promise<Message | undefined> {
    return fetch<{ messages: Message[] | null }>(`/flows/${this.flow}/${this.side}/messages?from=${index}&n=1`, this.control.signal).then((a) => a.messages?.[0])
  }

  close() {
    this.control.abort()
    this.source?.close()
    this.source = null
  }
}
