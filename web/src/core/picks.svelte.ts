// Picks are the flows that an act means: some by their numbers, or all that are
// shown. Without any the act means the row that is chosen.
export class Picks {
  numbers = $state.raw<Set<number>>(new Set())
  all = $state(false) // all that the filter shows, wherever they are
  private anchor: number | null = null

  has(number: number): boolean {
    return this.all || this.numbers.has(number)
  }

  get any(): boolean {
    return this.all || this.numbers.size > 0
  }

  toggle(number: number) {
    const next = new Set(this.all ? [] : this.numbers)
    if (!next.delete(number)) next.add(number)
    this.all = false
    this.numbers = next
    this.anchor = number
  }

  // from is where a range begins: the row that was picked last.
  from(otherwise: number): number {
    return this.anchor ?? otherwise
  }

  add(numbers: number[], anchor: number) {
    this.all = false
    this.numbers = new Set([...this.numbers, ...numbers])
    this.anchor = anchor
  }

  everything() {
    this.all = true
    this.numbers = new Set()
  }

  clear() {
    this.all = false
    this.numbers = new Set()
    this.anchor = null
  }
}
