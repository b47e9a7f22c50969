import { tick } from 'svelte'

const rest = 9 // times as long as a drawing took the page draws nothing that comes by itself
const longest = 1000 // ms between two drawings

// Pace is how often what comes by itself is drawn. It measures what a drawing takes,
// which is more where the machine has other work, and leaves the more time to that.
export class Pace {
  private free = 0 // from when on there may be the next, by performance.now

  // left is how many ms it is until the next.
  left(): number {
    return this.free - performance.now()
  }

  // begin is called when something has changed that is to be drawn.
  async begin() {
    const begun = performance.now()
    this.free = begun + longest // where no frame comes nobody sees it
    await tick()
    const made = performance.now() - begun
    requestAnimationFrame(() => {
      const frame = performance.now()
      setTimeout(() => {
        const now = performance.now()
        this.free = now + Math.min(longest, rest * (made + now - frame))
      })
    })
  }
}
