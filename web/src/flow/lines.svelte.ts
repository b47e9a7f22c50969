import { get } from '../core/api'
import type { Lines as Answer, Side } from '../core/types'
import { visible } from './octets'

const block = 400 // lines of a request
const most = 4 // blocks that are on the page

export interface Block {
  from: number // number of its first line
  n: number // lines
  text: string
}

// Lines is the part of a body that one of the core's views shows on the screen:
// at most four blocks of lines that follow each other.
export class Lines {
  parts = $state.raw<Block[]>([])
  view = $state('') // the one that was taken
  views = $state.raw<string[]>([])
  notes = $state.raw<string[]>([])
  ended = $state(false) // the last block has the last line
  loading = $state(false)
  trouble = $state('')
  private wish = 'auto'
  private control = new AbortController()

  constructor(
    private flow: number,
    private side: Side,
  ) {}

  private async get(from: number, n: number, signal: AbortSignal): Promise<Block> {
    const a = await get<Answer>(`/flows/${this.flow}/${this.side}/view?as=${this.wish}&from=${from}&n=${n}`, signal)
    this.view = a.view
    this.views = a.views
    this.notes = a.notes ?? []
    this.ended = !a.more
    return { from, n: a.lines.length, text: visible(a.lines.join('\n')) }
  }

  // open shows the first lines by a view, or by the one that fits.
  async open(wish: string) {
    this.control.abort()
    this.control = new AbortController()
    const signal = this.control.signal
    this.wish = wish
    this.trouble = ''
    this.loading = true
    try {
      const first = await this.get(0, block, signal)
      this.parts = [first]
    } catch (e) {
      if (signal.aborted) return
      this.parts = []
      this.trouble = e instanceof Error ? e.message : String(e)
    } finally {
      if (this.control.signal === signal) this.loading = false
    }
  }

  async more(): Promise<boolean> {
    const last = this.parts.at(-1)
    if (!last || this.ended) return false
    return this.add(async (signal) => {
      const next = await this.get(last.from + last.n, block, signal)
      if (next.n > 0) this.parts = [...this.parts, next].slice(-most)
    })
  }

  async less(): Promise<boolean> {
    const first = this.parts[0]
    if (!first || first.from === 0) return false
    const from = Math.max(0, first.from - block)
    return this.add(async (signal) => {
      const before = await this.get(from, first.from - from, signal)
      this.ended = false
      this.parts = [before, ...this.parts].slice(0, most)
    })
  }

  // refresh shows what has been added to a body that grows, where its end is shown.
  async refresh() {
    const last = this.parts.at(-1)
    if (!last || !this.ended) return
    await this.add(async (signal) => {
      const now = await this.get(last.from, block, signal)
      this.parts = [...this.parts.slice(0, -1), now]
    })
  }

  private async add(how: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    if (this.loading) return false
    const signal = this.control.signal
    this.loading = true
    try {
      await how(signal)
      return !signal.aborted
    } catch (e) {
      if (!signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
      return false
    } finally {
      if (this.control.signal === signal) this.loading = false
    }
  }

  close() {
    this.control.abort()
  }
}
