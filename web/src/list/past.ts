import type { Batch } from '../core/types'

const most = 64 // batches that are remembered

// known says whether a batch tells where everything is behind it.
export function known(b: Batch): boolean {
  return !b.shifted || b.left !== undefined || b.came !== undefined
}

// shifted is the rank, behind a batch, of what was at `rank`; where that has left, of
// what came next.
export function shifted(rank: number, b: Batch): number {
  let to = rank
  for (const [first, n] of b.left ?? []) {
    if (first >= rank) break
    to -= Math.min(n, rank - first)
  }
  for (const [first, n] of b.came ?? []) {
    if (first > to) break
    to += n
  }
  return to
}

// place is the same, null for what has left.
export function place(rank: number, b: Batch): number | null {
  return b.left?.some(([first, n]) => first <= rank && rank < first + n) ? null : shifted(rank, b)
}

// Past has the last batches: with them an answer that is older than what is on the
// screen is brought up to date.
export class Past {
  private batches: Batch[] = []

  add(b: Batch) {
    if (this.batches.length > 0 && this.batches.at(-1)!.seq + 1 !== b.seq) this.batches = []
    this.batches.push(b)
    if (this.batches.length > most) this.batches.shift()
  }

  forget() {
    this.batches = []
  }

  // since are the batches behind `seq`, up to `to`; null where one is missing, or does
  // not tell where everything is.
  since(seq: number, to: number): Batch[] | null {
    const some = this.batches.filter((b) => b.seq > seq && b.seq <= to)
    return some.length === to - seq && some.every(known) ? some : null
  }
}
