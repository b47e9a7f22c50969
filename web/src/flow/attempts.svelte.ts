import { get } from '../core/api'
import type { Row } from '../core/types'

const pace = 500 // ms between two looks at one that runs

// Attempts are the flows that one was sent again as, and how the one that is
// looked at stands.
export class Attempts {
  list = $state<number[]>([])
  row = $state.raw<Row | null>(null)
  private place = $state(-1)
  private timer: ReturnType<typeof setTimeout> | undefined
  private control = new AbortController()

  // looked is the flow that is open, which may be one of them.
  constructor(numbers: number[], looked: number) {
    this.list = [...numbers]
    const at = this.list.indexOf(looked)
    this.at = at >= 0 ? at : this.list.length - 1
  }

  get at(): number {
    return this.place
  }
  set at(place: number) {
    this.place = place
    this.row = null
    void this.look()
  }

  // take has the numbers there are by now; a new one is looked at.
  take(numbers: number[]) {
    if (numbers.length === this.list.length && numbers.at(-1) === this.list.at(-1)) return
    this.list = [...numbers]
    this.at = this.list.length - 1
  }

  private async look() {
    clearTimeout(this.timer)
    const number = this.list[this.place]
    if (number === undefined) return
    try {
      const got = await get<{ rows: Row[] | null }>(`/flows?after=${number - 1}&before=${number + 1}&limit=1`, this.control.signal)
      if (this.list[this.place] !== number) return
      this.row = got.rows?.[0] ?? null
    } catch {
      // Asked again.
    }
    if (!this.control.signal.aborted && (this.row === null || this.row.outcome === 'running')) this.timer = setTimeout(() => void this.look(), pace)
  }

  close() {
    this.control.abort()
    clearTimeout(this.timer)
  }
}
