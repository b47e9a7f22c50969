import { get } from '../core/api'
import type { Message, Side } from '../core/types'
import type { Line } from './messages.svelte'

const page = 200 // messages of a request
const most = 10_000 // that are kept
const pace = 1000 // ms until a living flow is asked for more

export interface Wish {
  find: string
  kind: string
  sender: string
  quiet: boolean // no pings and comments
}

// Sought are the messages of a side that a person asks for: the core looks
// through them, as far as is scrolled to.
export class Sought {
  lines = $state.raw<Line[]>([])
  more = $state(false)
  full = $state(false) // there are more than are kept
  seen = $state(0) // messages that were looked through
  trouble = $state('')
  private busy = false
  private control = new AbortController()
  private timer: ReturnType<typeof setTimeout> | undefined
  private query = ''

  constructor(
    private flow: number,
    private side: Side,
    private make: (m: Message) => Line,
    private live: () => boolean,
  ) {}

  begin(wish: Wish) {
    this.close()
    this.control = new AbortController()
    this.lines = []
    this.seen = 0
    this.more = true
    this.full = false
    this.trouble = ''
    this.busy = false
    this.query = new URLSearchParams({ find: wish.find, kind: wish.kind, sender: wish.sender, ...(wish.quiet ? { quiet: '1' } : {}) }).toString()
    void this.need(page)
  }

  // need looks on until there are so many, or none any more.
  async need(n: number) {
    const signal = this.control.signal
    if (this.busy) return
    this.busy = true
    try {
      while (this.more && this.lines.length < Math.min(n, most)) {
        const got = await get<{ messages: Message[] | null; more: boolean; next?: number; error?: string }>(
          `/flows/${this.flow}/${this.side}/messages?from=${this.seen}&n=${page}&${this.query}`, signal)
        if (signal.aborted) return
        this.lines = [...this.lines, ...(got.messages ?? []).map(this.make)].slice(0, most)
        this.full = this.lines.length >= most
        this.seen = Math.max(this.seen, got.next ?? this.seen)
        this.more = got.more
        if (got.error) this.trouble = got.error
      }
    } catch (e) {
      if (!signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
      this.more = false
    } finally {
      if (this.control.signal === signal) this.busy = false
    }
    if (!signal.aborted && !this.more && !this.full && this.live()) {
      clearTimeout(this.timer)
      this.timer = setTimeout(() => {
        this.more = true
        void this.need(this.lines.length + 1)
      }, pace)
    }
  }

  close() {
    this.control.abort()
    clearTimeout(this.timer)
  }
}
