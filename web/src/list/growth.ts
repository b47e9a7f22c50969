import type { Row } from '../core/types'

const most = 500 // flows that are remembered
const lately = 1200 // ms

// Growth is which flows have grown lately.
export class Growth {
  private when = new Map<number, number>()

  // note takes what is known of a flow now, and what was before.
  note(old: Row | undefined, row: Row) {
    if (!old || (old.response_body.size === row.response_body.size && old.request_body.size === row.request_body.size)) return
    if (this.when.size > most) this.when.clear()
    this.when.set(row.number, performance.now())
  }

  has(number: number): boolean {
    return performance.now() - (this.when.get(number) ?? -Infinity) < lately
  }
}
