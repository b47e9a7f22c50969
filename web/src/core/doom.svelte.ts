import { post, root } from './api'
import type { Done, Which } from './types'

const grace = 10 // seconds in which a deletion can be undone

// Doom is a deletion that has not been done yet: for some seconds the flows are
// there still, shown as what they will be, and one key keeps them.
export class Doom {
  which = $state.raw<Which | null>(null)
  count = $state(0)
  left = $state(0) // seconds
  paused = false // somebody is at the buttons: the time stands still
  private numbers = new Set<number>()
  private timer: ReturnType<typeof setInterval> | undefined

  // stands says whether time stands still: while it is not known what the numbers mean.
  constructor(private told: (text: string) => void, private stands: () => boolean) {}

  has(number: number): boolean {
    return this.which !== null && (this.which.numbers === undefined ? number <= (this.which.last ?? Infinity) : this.numbers.has(number))
  }

  // of takes flows to be deleted; what waited before is deleted now.
  of(which: Which, count: number) {
    void this.now()
    this.which = which
    this.count = count
    this.numbers = new Set(which.numbers ?? [])
    this.left = grace
    this.paused = false
    this.timer = setInterval(() => {
      if (this.paused || this.stands()) return
      this.left--
      if (this.left <= 0) void this.now()
    }, 1000)
  }

  undo(): boolean {
    if (!this.which) return false
    const n = this.count
    this.end()
    this.told(n === 1 ? 'the flow stays' : `${n} flows stay`)
    return true
  }

  // forget gives it up without a word.
  forget() {
    this.end()
  }

  async now() {
    const which = this.which
    if (!which) return
    this.end()
    try {
      const done = await post<Done>('/flows/delete', which)
      this.told(`${done.done} ${done.done === 1 ? 'flow is' : 'flows are'} deleted${done.failed?.length ? `; ${done.failed[0].text}` : ''}`)
    } catch (e) {
      this.told(`delete: ${e instanceof Error ? e.message : String(e)}`)
    }
  }

  // leave is for a page that goes: what was said stands.
  leave() {
    if (!this.which) return
    void fetch(`${root}/flows/delete`, { method: 'POST', body: JSON.stringify(this.which), keepalive: true, headers: { 'Content-Type': 'application/json' } }).catch(() => {})
    this.end()
  }

  private end() {
    clearInterval(this.timer)
    this.which = null
    this.numbers = new Set()
  }
}
