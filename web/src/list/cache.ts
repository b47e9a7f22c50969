import type { Batch, Row, Rows } from '../core/types'
import { place } from './past'

const block = 256
const most = 64 * block // rows that are kept
const flight = 3 // requests at once
const near = 2 * block // rows on each side that are kept where ranks move

export type Fetch = (from: number, n: number, signal: AbortSignal) => Promise<Rows>

// Cache keeps rows by rank, near what is looked at, and fetches what is missing
// in blocks. Requests of blocks that are out of sight again are ended.
export class Cache {
  private rows = new Map<number, Row>()
  private ranks = new Map<number, number>() // number -> rank
  private asked = new Map<number, AbortController>()

  constructor(
    private fetch: Fetch,
    private came: (asked: number, since: Batch[]) => void, // asked: when, by performance.now
    // since are the batches that lie between an answer and what is on the screen, null
    // where they are not known.
    private since: (answer: Rows) => Batch[] | null,
    private failed: (e: unknown) => void,
  ) {}

  get(rank: number): Row | undefined {
    return this.rows.get(rank)
  }

  put(rank: number, row: Row) {
    this.drop(rank)
    this.rows.set(rank, row)
    this.ranks.set(row.number, rank)
  }

  private drop(rank: number) {
    const was = this.rows.get(rank)
    if (was === undefined) return
    this.rows.delete(rank)
    if (this.ranks.get(was.number) === rank) this.ranks.delete(was.number)
  }

  rankOf(number: number): number | null {
    return this.ranks.get(number) ?? null
  }

  // shift moves all rows to where they are behind a batch; those far from a rank are
  // forgotten instead.
  shift(b: Batch, middle: number) {
    const rows = [...this.rows]
    this.rows.clear()
    this.ranks.clear()
    for (const [rank, row] of rows) {
      const to = Math.abs(rank - middle) > near ? null : place(rank, b)
      if (to !== null) this.put(to, row)
    }
  }

  values(): Iterable<Row> {
    return this.rows.values()
  }

  // replace takes fresh rows for all there was: ranks have moved.
  replace(from: number, rows: Row[]) {
    this.stop()
    this.rows.clear()
    this.ranks.clear()
    rows.forEach((row, i) => this.put(from + i, row))
  }

  stop() {
    for (const c of this.asked.values()) c.abort()
    this.asked.clear()
  }

  // need sees to it that ranks [a, b) come, and forgets what is far from them.
  need(a: number, b: number, total: number) {
    a = Math.max(0, a)
    b = Math.min(b, total)
    const first = Math.floor(a / block)
    const last = Math.floor(Math.max(a, b - 1) / block)
    for (const [n, c] of this.asked) {
      if (n < first - 1 || n > last + 1) {
        c.abort()
        this.asked.delete(n)
      }
    }
    for (let n = first; n <= last; n++) {
      if (this.asked.has(n) || this.asked.size >= flight) continue
      const from = Math.max(a, n * block)
      const to = Math.min(b, (n + 1) * block)
      for (let rank = from; rank < to; rank++) {
        if (this.rows.has(rank)) continue
        this.ask(n, total)
        break
      }
    }
    if (this.rows.size > most) {
      const middle = (a + b) / 2
      for (const rank of this.rows.keys()) {
        if (Math.abs(rank - middle) > most / 4) this.drop(rank)
      }
    }
  }

  private ask(n: number, total: number) {
    const control = new AbortController()
    this.asked.set(n, control)
    const began = performance.now()
    this.fetch(n * block, Math.min(block, total - n * block), control.signal).then(
      (answer) => {
        if (this.asked.get(n) !== control) return
        this.asked.delete(n)
        const since = this.since(answer)
        if (!since) return
        answer.rows?.forEach((row, i) => {
          const rank = since.reduce((at: number | null, b) => (at === null ? null : place(at, b)), answer.from + i)
          if (rank !== null) this.put(rank, row)
        })
        this.came(began, since)
      },
      (e) => {
        if (this.asked.get(n) !== control) return
        this.asked.delete(n)
        if (!control.signal.aborted) this.failed(e)
      },
    )
  }
}
