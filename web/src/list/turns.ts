import type { Batch } from '../core/types'
import { Pace } from './pace'

const most = 64 // batches that wait

// Turns has batches wait until they can be drawn. What is parked waits for nothing.
export class Turns {
  private batches: Batch[] = []
  private timer: ReturnType<typeof setTimeout> | undefined
  private pace = new Pace()

  constructor(private take: (b: Batch) => void) {}

  // rested says whether something may be drawn that comes by itself.
  get rested(): boolean {
    return this.pace.left() <= 0
  }

  add(b: Batch) {
    this.batches.push(b)
    if (this.rested || this.batches.length >= most || b.rows?.some((row) => row.held)) this.now()
    else if (this.timer === undefined) this.wait()
  }

  private wait() {
    this.timer = setTimeout(() => (this.rested ? this.now() : this.wait()), this.pace.left())
  }

  // now takes what waits.
  now() {
    const batches = this.batches
    this.forget()
    if (batches.length === 0) return
    for (const b of batches) this.take(b)
    void this.pace.begin()
  }

  forget() {
    this.batches = []
    clearTimeout(this.timer)
    this.timer = undefined
  }
}
