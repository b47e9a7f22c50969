import { follow, lines, piece } from '../core/api'
import { Charset } from './charset'
import { binary, dump, visible } from './octets'

export type As = 'text' | 'hex'

export interface Part {
  from: number // offset of its first octet
  to: number // offset behind its last
  text: string
}

// Found is what the core says of a search.
interface Found {
  places: number[]
  searched: number
  whole: boolean
  error?: string
}

const most = 4 // parts that are on the page
const stride: Record<As, number> = { text: 65_536, hex: 16_384 }
const scan = 262_144 // octets of one request that learns the size
const extra = 3 // octets fetched beyond a part, to end it at a character

// Window is the part of a body that is on the screen: at most four pieces that
// follow each other, fetched by range when they are come to. A 1 GiB body costs
// what a small one does.
export class Window {
  parts = $state.raw<Part[]>([])
  size = $state<number | null>(null)
  record = $state('')
  coding = $state('')
  trouble = $state('')
  loading = $state(false)
  as = $state<As>('text')
  raw = $state(false) // the octets as sent, content coding and all
  binary = $state(false)
  tail = $state(false) // what is new is shown as it comes
  hits = $state.raw<number[]>([])
  hit = $state(-1)
  searched = $state<number | null>(null) // octets looked through; null: no search runs
  whole = $state(false) // the search came to the end
  fetched = 0 // octets, in all
  private control = new AbortController()
  private hunt: AbortController | null = null
  private stream: AbortController | null = null
  private live = new Uint8Array(0)
  private charset: Charset

  constructor(
    private flow: number,
    private side: string,
    type: string, // Content-Type: its charset is that of text
  ) {
    this.charset = new Charset(type)
  }

  // wide says whether text has zeros in it, which else are a sign of none.
  get wide(): boolean {
    return this.charset.wide
  }

  private async get(from: number, n: number, signal: AbortSignal) {
    const p = await piece(this.flow, this.side, this.raw ? 'raw' : 'decoded', from, n, signal)
    this.fetched += p.octets.length
    if (p.size !== null) this.size = p.size
    this.record = p.record
    this.coding = p.coding
    return p.octets
  }

  // make makes a part of octets from an offset on. whole says that they begin with a
  // character, ended that all of them belong to it.
  private make(octets: Uint8Array, from: number, whole: boolean, ended: boolean): Part {
    if (this.as === 'hex') {
      const own = octets.subarray(0, stride.hex)
      return { from, to: from + own.length, text: dump(own, from) }
    }
    const spare = ended ? 0 : Math.min(extra, octets.length)
    const [a, b] = this.charset.edges(octets, from, whole, spare)
    const text = visible(this.charset.decode(octets.subarray(a, b)))
    return { from: from + a, to: from + b, text }
  }

  private async part(from: number, whole: boolean, signal: AbortSignal): Promise<Part | null> {
    const n = stride[this.as] + (this.as === 'hex' ? 0 : extra)
    const octets = await this.get(from, n, signal)
    if (octets.length === 0) return null
    if (from === 0) this.binary = !this.charset.wide && binary(octets)
    return this.make(octets, from, whole, octets.length < n)
  }

  // open shows the body from an offset on.
  async open(from = 0, as = this.as) {
    this.control.abort()
    this.stream?.abort()
    this.tail = false
    this.control = new AbortController()
    const signal = this.control.signal
    this.as = as
    this.loading = true
    this.trouble = ''
    try {
      const first = await this.part(from, from === 0, signal)
      this.parts = first ? [first] : []
      if (from === 0 && first && this.binary && as === 'text') return void (await this.open(0, 'hex'))
    } catch (e) {
      if (!signal.aborted) {
        this.parts = []
        this.trouble = e instanceof Error ? e.message : String(e)
      }
    } finally {
      if (this.control.signal === signal) this.loading = false
    }
  }

  async more(): Promise<boolean> {
    const last = this.parts.at(-1)
    if (this.loading || this.tail || !last || (this.size !== null && last.to >= this.size)) return false
    return this.add(async (signal) => {
      const next = await this.part(last.to, true, signal)
      if (next) this.parts = [...this.parts, next].slice(-most)
      else this.size ??= last.to
    })
  }

  async less(): Promise<boolean> {
    const first = this.parts[0]
    if (this.loading || this.tail || !first || first.from === 0) return false
    const from = Math.max(0, first.from - stride[this.as])
    return this.add(async (signal) => {
      const n = first.from - from
      const octets = await this.get(from, n, signal)
      this.parts = [this.make(octets, from, from === 0, true), ...this.parts].slice(0, most)
    })
  }

  private async add(how: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    const signal = this.control.signal
    this.loading = true
    try {
      await how(signal)
      return !signal.aborted
    } catch (e) {
      if (!signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
      return false
    } finally {
      this.loading = false
    }
  }

  // end shows the last piece. Where the size is not known, the octets are
  // walked through to learn it.
  async end() {
    if (this.size === null && !(await this.measure())) return
    const back = Math.max(0, this.size! - stride[this.as])
    await this.open(this.as === 'hex' ? back - (back % 16) : back)
  }

  // measure walks through the octets, and tells whether it came to the end.
  private async measure(): Promise<boolean> {
    const signal = this.control.signal
    try {
      let at = this.parts.at(-1)?.to ?? 0
      for (;;) {
        const octets = await this.get(at, scan, signal)
        at += octets.length
        if (octets.length < scan) break
      }
      this.size = at
      return !signal.aborted
    } catch (e) {
      if (!signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
      return false
    }
  }

  // live follows a body that still grows, from where the parts end.
  async followIt() {
    this.stream?.abort()
    const control = new AbortController()
    this.stream = control
    this.tail = true
    const first = this.parts.at(-1)?.to ?? 0
    let at = first
    this.live = new Uint8Array(0)
    let asked = false
    const draw = () => {
      asked = false
      if (control.signal.aborted) return
      const parts = this.parts.filter((p) => p.to <= at)
      this.parts = [...parts, this.make(this.live, at, true, true)].slice(-most)
    }
    const take = (octets: Uint8Array) => {
      this.fetched += octets.length
      const all = new Uint8Array(this.live.length + octets.length)
      all.set(this.live)
      all.set(octets, this.live.length)
      this.live = all
      while (this.live.length > stride[this.as]) {
        const [, b] = this.charset.edges(this.live.subarray(0, stride[this.as]), at, true, extra)
        const cut = this.as === 'hex' ? stride.hex : Math.max(1, b)
        const done = this.make(this.live.slice(0, cut), at, true, true)
        this.parts = [...this.parts.filter((p) => p.to <= at), done].slice(-most)
        this.live = this.live.slice(cut)
        at += cut
      }
      this.size = at + this.live.length
      if (!asked) {
        asked = true
        setTimeout(draw, 50)
      }
    }
    try {
      await follow(this.flow, this.side, first, take, control.signal)
    } catch (e) {
      if (!control.signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
    } finally {
      if (this.stream === control) this.tail = false
    }
  }

  stopFollowing() {
    this.stream?.abort()
    this.tail = false
  }

  // find has the core look for a word in the whole body; it stops at a thousand
  // places, or at the first.
  async find(word: string, first = false) {
    this.hunt?.abort()
    this.hits = []
    this.hit = -1
    this.whole = false
    this.searched = null
    if (!word) return
    const control = new AbortController()
    this.hunt = control
    this.searched = 0
    const as = this.raw ? 'raw' : 'decoded'
    try {
      await lines<Found>(
        `/flows/${this.flow}/${this.side}/find?as=${as}&n=${first ? 1 : 1000}&text=${this.charset.sought(word)}`,
        (found) => {
          if (control.signal.aborted) return
          if (found.places.length > 0) this.hits = [...this.hits, ...found.places]
          this.searched = found.searched
          this.whole = found.whole
          if (found.error) this.trouble = found.error
          if (this.hits.length > 0 && this.hit < 0) void this.step(1)
        },
        control.signal,
      )
    } catch (e) {
      if (!control.signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
    } finally {
      if (this.hunt === control) this.searched = null
    }
  }

  stopFinding() {
    this.hunt?.abort()
    this.searched = null
  }

  // step goes to the next place found, or to the one before.
  async step(by: number) {
    if (this.hits.length === 0) return
    this.hit = (this.hit + by + this.hits.length) % this.hits.length
    const at = this.hits[this.hit]
    if (this.parts.some((p) => at >= p.from && at < p.to)) return
    const from = Math.max(0, at - 4096)
    await this.open(this.as === 'hex' ? from - (from % 16) : from)
  }

  close() {
    this.control.abort()
    this.hunt?.abort()
    this.stream?.abort()
  }
}
