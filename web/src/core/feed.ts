import { root } from './api'

export type Heard = (event: string, data: unknown) => void

const names = ['position', 'batch', 'resync', 'held', 'released', 'log', 'options', 'rules', 'state']

// Feed reads the change feed of one view, and opens it again when it breaks:
// after a second at first, then later and later, never later than 15 s.
export class Feed {
  private source: EventSource | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private wait = 1
  private over = false
  private hushed = false
  private missed = '' // the last batch that nobody was told of

  constructor(
    private view: string,
    private heard: Heard,
    // broken is told when the link is lost, with the seconds until the next try
    // begins; gone is asked then whether the view is no more.
    private broken: (seconds: number) => void,
    private gone: () => Promise<boolean>,
  ) {
    this.open()
  }

  private open() {
    if (this.over) return
    const source = new EventSource(`${root}/views/${encodeURIComponent(this.view)}/feed`)
    this.source = source
    for (const name of names) {
      source.addEventListener(name, (e) => {
        if (this.source !== source) return
        this.wait = 1
        if (this.hushed && name === 'batch') {
          this.missed = (e as MessageEvent<string>).data
          return
        }
        this.heard(name, JSON.parse((e as MessageEvent<string>).data))
      })
    }
    source.onerror = () => {
      if (this.source !== source) return
      source.close()
      this.source = null
      const seconds = Math.min(15, this.wait) * (0.75 + Math.random() / 2)
      this.wait *= 2
      this.broken(seconds)
      this.timer = setTimeout(() => this.retry(), seconds * 1000)
    }
  }

  // hush keeps batches to itself; when it ends the last of them is told.
  hush(on: boolean) {
    this.hushed = on
    const missed = this.missed
    this.missed = ''
    if (missed && !on) this.heard('batch', JSON.parse(missed))
  }

  // retry opens the feed at once.
  async retry() {
    clearTimeout(this.timer)
    if (this.over || this.source) return
    if (await this.gone()) return
    this.open()
  }

  close() {
    this.over = true
    clearTimeout(this.timer)
    this.source?.close()
    this.source = null
  }
}
