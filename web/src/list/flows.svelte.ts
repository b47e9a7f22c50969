import { call, Failure, get, post, root } from '../core/api'
import { Feed } from '../core/feed'
import { hidden } from '../core/secrets.svelte'
import type { Batch, Row, Rows, View } from '../core/types'
import { Cache } from './cache'
import { Growth } from './growth'
import { known, Past, shifted } from './past'
import { numbers } from './range'
import { clamp } from './scroll'
import { Turns } from './turns'

const margin = 20 // rows kept ready above and below the screen
const slack = 400 // rows behind the end that the feed may tell of in full
const apart = 250 // ms between two looks for rows that have moved

// Flows is the list: a view of the core, the part of it that is near the
// screen, and where the screen stands. What changes elsewhere never moves it.
export class Flows {
  filter = $state('')
  order = $state('number')
  descending = $state(false)
  total = $state(0)
  of = $state(0)
  seen = $state(0)
  running = $state(false)
  undecided = $state('')
  ready = $state(false) // there is a view
  wrong = $state<{ text: string; offset: number | null } | null>(null)
  top = $state(0) // rank of the first row on the screen, with a fraction
  page = $state(20) // rows that fit
  follow = $state(true)
  begun = $state<number | null>(null) // when the first flow of the session began, in ms
  hold = $state(false)
  waiting = $state(0) // rows that came since the list is held
  selected = $state<number | null>(null)
  changes = $state(0) // counts up when cached rows have changed
  away = $state<number | null>(null) // seconds until the next try; null: connected
  locked = $state(false) // the token is no longer good
  growth = new Growth()

  private cache: Cache
  private view = ''
  private seq = 0
  private base = $state(0) // rows there were when the newest were seen
  private facts = false // rows are to have theirs
  private ranked = 0 // seq of the batch that the ranks in the cache are of, -1 where they are of none
  private past = new Past()
  private feed: Feed | null = null
  private turns = new Turns((b) => this.batch(b))
  private window = { from: -1, n: 0 }
  private moving = false
  private dirty = false
  private sought: number | undefined // the flow that the next look is for
  private asleep = false // nobody sees the page
  private turn = 0 // of start; what an older one gets comes too late
  private told = { timer: undefined as ReturnType<typeof setTimeout> | undefined, at: 0 } // of the window: when the core knew it

  constructor(private other: (event: string, data: unknown) => void) {
    this.cache = new Cache(
      (from, n, signal) => get<Rows>(`/views/${this.view}/rows?from=${from}&n=${n}${this.more()}`, signal),
      (asked, since) => {
        for (const b of since) this.patch(b.rows)
        this.changes++
        if (asked < this.told.at) this.freshen(this.view)
      },
      (answer) => this.since(answer),
      (e) => this.trouble(e),
    )
  }

  // newest is the end where new rows come.
  get newest(): 'bottom' | 'top' | 'none' {
    if (this.order !== 'number' && this.order !== 'start') return 'none'
    return this.descending ? 'top' : 'bottom'
  }

  private more = () => (this.facts ? '&facts=1' : '')

  // rested says whether something may be drawn that comes by itself.
  get rested(): boolean {
    return this.turns.rested
  }

  // newer is how many rows came since the newest were seen.
  get newer(): number {
    return this.follow || this.running ? 0 : Math.max(0, this.total - this.base)
  }

  // wish says whether rows are to have their facts, and whether it is asked when the
  // first flow began.
  async wish(facts: boolean, begun: boolean) {
    const anew = facts && !this.facts
    this.facts = facts
    if (anew && this.ready) {
      this.window = { from: -1, n: 0 }
      this.changes++
      void this.look()
    }
    if (!begun || this.begun !== null) return
    try {
      const first = (await get<{ rows: Row[] | null }>('/flows?limit=1&order=oldest')).rows?.[0]
      if (first) this.begun = Date.parse(first.start)
    } catch {
      // It is asked again with the next change.
    }
  }

  row(rank: number): Row | undefined {
    return this.cache.get(rank)
  }

  rankOf(number: number): number | null {
    return this.cache.rankOf(number)
  }

  loaded(): Iterable<Row> {
    return this.cache.values()
  }

  // start begins a view anew; a wrong filter leaves the old one as it is.
  async start(filter: string, order = this.order, descending = this.descending) {
    const turn = ++this.turn
    let view: View
    try {
      view = await post<View>(hidden('/views'), { filter, order, descending })
    } catch (e) {
      if (turn !== this.turn) return
      if (e instanceof Failure && e.code === 'filter') this.wrong = { text: e.message, offset: e.offset }
      else this.trouble(e, () => this.start(filter, order, descending))
      return
    }
    const old = this.view
    if (turn !== this.turn) {
      void call('DELETE', `/views/${view.id}`).catch(() => {})
      return
    }
    this.feed?.close()
    this.turns.forget()
    this.cache.stop()
    if (old) void call('DELETE', `/views/${old}`).catch(() => {})
    this.wrong = null
    this.filter = filter
    this.order = order
    this.descending = descending
    this.view = view.id
    this.window = { from: -1, n: 0 }
    this.hold = false
    this.cache.replace(0, [])
    this.sought = undefined
    this.position(view)
    this.ready = true
    this.away = null
    this.locked = false
    this.follow = this.newest !== 'none' && this.selected === null
    if (this.newest === 'none' && this.selected === null) this.top = 0
    this.feed = new Feed(view.id, (event, data) => this.heard(event, data), (s) => this.lost(s), () => this.gone(turn))
    if (this.asleep) this.feed.hush(true)
    await this.look(this.selected ?? undefined)
  }

  private position(v: View) {
    this.seq = this.ranked = v.seq
    this.total = this.base = v.total
    this.of = v.of
    this.seen = v.seen
    this.running = v.state === 'running'
    this.undecided = v.undecided?.flows ? v.undecided.text || `${v.undecided.flows} flows cannot be told` : ''
  }

  private heard(event: string, data: unknown) {
    if (event === 'batch') {
      this.turns.add(data as Batch)
    } else if (event === 'position') {
      this.turns.now()
      this.away = null
      const v = data as View
      if ((v.seq !== this.seq || v.total !== this.total) && !this.hold) {
        this.position(v)
        this.stale()
        void this.look()
      }
      this.other(event, data)
    } else if (event === 'resync') {
      this.turns.now()
      this.stale()
      if (!this.hold) void this.look()
      this.seq = (data as View).seq
      this.other('position', data) // what was lost may have been of another kind
    } else this.other(event, data)
  }

  private batch(b: Batch) {
    const gap = b.seq !== this.seq + 1
    this.seq = b.seq
    this.of = b.of
    if (b.state && this.running && b.state !== 'running') this.base = b.total
    if (b.state) this.running = b.state === 'running'
    if (b.seen !== undefined) this.seen = b.seen
    if (gap || this.hold || this.asleep) this.stale()
    if (this.hold) this.waiting = Math.max(0, b.total - this.total)
    if (this.hold || this.asleep) return
    this.past.add(b)
    if (this.moving || b.seq <= this.ranked || !this.apply(b)) this.patch(b.rows)
    if (!this.moving && this.ranked < b.seq) void this.look()
  }

  // stale notes that what is known of ranks is of no batch.
  private stale() {
    this.ranked = -1
    this.past.forget()
  }

  // apply moves what is known to where it is behind the next batch, and tells whether
  // it could: what is first on the screen stays there, unless the list follows.
  private apply(b: Batch): boolean {
    if (b.seq !== this.ranked + 1 || !known(b)) return false
    if (b.shifted) {
      const first = Math.floor(this.top)
      this.cache.shift(b, first)
      if (!this.follow) this.top += shifted(first, b) - first
    }
    for (const row of b.rows ?? []) this.renew(row.rank!, row)
    this.total = b.total
    this.ranked = b.seq
    if (this.follow) this.base = this.total
    if (this.follow && this.newest === 'bottom') this.top = this.end()
    else if (b.shifted) this.top = clamp(this.top, this.total, 1, this.page)
    this.changes++
    return true
  }

  // patch takes what is new about rows whose ranks may have moved.
  private patch(rows: Row[] | null | undefined) {
    for (const row of rows ?? []) {
      const rank = this.cache.rankOf(row.number)
      if (rank !== null) this.renew(rank, row)
    }
    this.changes++
  }

  // renew puts a row in the place of what is known of it; what only tells how far a
  // flow is leaves its facts as they were.
  private renew(rank: number, row: Row) {
    const old = this.cache.get(rank)
    this.growth.note(old, row)
    if (!row.facts && old?.number === row.number) row.facts = old.facts
    this.cache.put(rank, row)
    if (this.begun === null && row.number === 1) this.begun = Date.parse(row.start)
  }

  // since are the batches between rows that were asked for by rank and what is on the
  // screen. Where new ones come at the end, ranks stay; elsewhere all of them have to be
  // known, or the screen is looked at anew.
  private since(answer: Rows): Batch[] | null {
    this.turns.now()
    const since = this.ranked < answer.seq ? null : this.past.since(answer.seq, this.ranked)
    if (since || this.newest === 'bottom') return since ?? []
    void this.look()
    return null
  }

  // look fetches what is on the screen anew, and puts the row that was first on
  // it where it was. One at a time; what happens meanwhile makes one more. While
  // nobody sees the page it does nothing: wake looks.
  private async look(at?: number) {
    if (this.asleep) return
    if (this.moving) {
      this.dirty = true
      this.sought = at ?? this.sought
      return
    }
    this.moving = true
    const began = performance.now()
    const view = this.view
    try {
      const n = Math.min(1000, 2 * Math.ceil(this.page) + 4 * margin)
      const first = Math.floor(this.top)
      const anchor = at ?? this.cache.get(first)?.number
      let path = `from=${Math.max(0, first - margin)}`
      if (at === undefined && this.follow && this.newest === 'bottom') path = `from=${-n}`
      else if (at === undefined && this.follow && this.newest === 'top') path = 'from=0'
      else if (anchor !== undefined) path = `around=${anchor}`
      const around = path.startsWith('around')
      const answer = await get<Rows>(`/views/${view}/rows?${path}&n=${n}${this.more()}`)
      if (view !== this.view || this.hold || this.asleep) return
      this.turns.now()
      this.cache.replace(answer.from, answer.rows ?? [])
      this.total = answer.total
      this.ranked = answer.seq
      if (this.follow) this.base = this.total
      if (at !== undefined) {
        if (around && answer.rank !== undefined && answer.rank >= 0) this.top = clamp(answer.rank - this.page / 2, this.total, 1, this.page)
        else if (this.newest === 'bottom') this.top = this.end()
        else this.top = 0
      } else if (this.follow && this.newest === 'bottom') this.top = this.end()
      else if (this.follow && this.newest === 'top') this.top = 0
      else {
        // Whoever scrolled meanwhile has moved by rows, and keeps what that was.
        if (around && answer.rank !== undefined && answer.rank >= 0) this.top += answer.rank - first
        this.top = clamp(this.top, this.total, 1, this.page)
      }
      for (const b of this.past.since(answer.seq, this.seq) ?? []) this.apply(b)
      if (this.ranked < this.seq) this.dirty = true
      this.changes++
    } catch (e) {
      this.trouble(e)
    } finally {
      this.moving = false
      if (this.dirty && view === this.view) {
        this.dirty = false
        const sought = this.sought // who asks for a flow does not wait
        this.sought = undefined
        setTimeout(() => this.look(sought), sought !== undefined ? 0 : Math.max(0, apart - (performance.now() - began)))
      } else if (view !== this.view) {
        this.dirty = false
        this.sought = undefined
        void this.look(this.selected ?? undefined)
      }
    }
  }

  private end(): number {
    return Math.max(0, this.total - this.page)
  }

  // paint is called before rows are drawn: it asks for what is missing and
  // tells the core what is on the screen.
  paint(a: number, b: number, resting: boolean) {
    if (!this.ready || this.hold || this.asleep) return
    const last = this.follow && this.newest === 'bottom' // the core has the window go with the end
    const head = this.follow && this.newest === 'top' // and what follows the top stands still
    if (resting) this.cache.need(last ? a : a - margin, b + margin, this.total)
    const w = this.window
    if (w.n > 0 && (last ? w.from < 0 && b - a <= w.n : w.from >= 0 && a >= w.from && b <= w.from + w.n)) return
    const n = Math.min(1000, last ? Math.max(b - a, Math.ceil(this.page)) + margin : b - a + 2 * margin + (head ? 0 : slack))
    const from = last ? -n : Math.max(0, a - margin)
    this.window = { from, n }
    clearTimeout(this.told.timer)
    const view = this.view
    const known = () => {
      this.told.at = performance.now()
      this.freshen(view)
    }
    this.told.timer = setTimeout(() => void call('PUT', `/views/${view}/window`, { from, n, facts: this.facts }).then(known, () => {}), 60)
  }

  // freshen asks again for rows on the screen that run: of one that has ended after
  // it was asked for, and before the core knew that it is seen, nobody tells.
  private freshen(view: string) {
    if (view !== this.view || this.asleep || this.hold) return
    for (let rank = Math.floor(this.top); rank < this.top + this.page; rank++) {
      if (this.cache.get(rank)?.duration_seconds !== null) continue
      void this.look()
      return
    }
  }

  // moveTo puts a rank to the top of the screen, as a person does by scrolling.
  moveTo(top: number) {
    this.top = clamp(top, this.total, 1, this.page)
    const end = this.end()
    const there = this.newest === 'bottom' ? this.top >= end - 0.5 : this.newest === 'top' && this.top < 0.5
    this.follow = there && !this.hold
    if (this.follow) this.base = this.total
  }

  // toNewest shows the newest row and follows; in an order that has no end for it,
  // the row is shown where it stands.
  toNewest() {
    if (this.hold) this.release()
    this.follow = this.newest !== 'none'
    this.base = this.total
    if (this.newest === 'none') {
      void this.toLast()
      return
    }
    if (this.newest === 'top') this.top = 0
    else this.top = this.end()
    if (this.newest === 'top') void this.look()
  }

  private async toLast() {
    try {
      const filter = this.filter ? `&filter=${encodeURIComponent(this.filter)}` : ''
      const last = (await get<{ rows: Row[] | null }>(`/flows?limit=1${filter}`)).rows?.[0]
      if (!last) return
      this.selected = last.number
      await this.look(last.number)
    } catch (e) {
      this.trouble(e)
    }
  }

  // show brings a rank onto the screen, moving as little as it takes.
  show(rank: number) {
    if (rank < this.top) this.moveTo(rank)
    else if (rank > this.top + this.page - 1) this.moveTo(rank - this.page + 1)
  }

  // numbers are the flows of ranks [a, b], at most ten thousand.
  numbers(a: number, b: number): Promise<number[]> {
    return numbers(this.view, a, Math.min(b, a + 9_999))
  }

  // freeze keeps the rows as they are; traffic goes on.
  freeze() {
    this.turns.now()
    this.hold = true
    this.waiting = 0
    this.follow = false
  }

  release() {
    this.hold = false
    this.waiting = 0
    void this.look()
  }

  // sleep is for a page that nobody sees: the core tells of no rows, and none are
  // drawn. wake has the list catch up.
  sleep() {
    if (this.asleep) return
    this.asleep = true
    this.turns.now()
    this.feed?.hush(true)
    clearTimeout(this.told.timer)
    if (this.view) void call('PUT', `/views/${this.view}/window`, { from: 0, n: 0 }).catch(() => {})
  }

  wake() {
    if (!this.asleep) return
    this.asleep = false
    this.feed?.hush(false)
    this.window = { from: -1, n: 0 }
    if (this.view && !this.hold) void this.look()
  }

  private lost(seconds: number) {
    this.away = seconds
  }

  private async gone(turn: number): Promise<boolean> {
    if (turn !== this.turn) return true
    try {
      await get<View>(`/views/${this.view}`)
      return false
    } catch (e) {
      if (e instanceof Failure && e.status === 404) {
        this.view = ''
        void this.start(this.filter)
        return true
      }
      if (e instanceof Failure && e.status === 401) this.locked = true
      return false
    }
  }

  // count learns how many flows there are: of those that a filter leaves out the
  // feed says nothing.
  async count() {
    if (!this.view || !this.filter || this.hold || this.away !== null) return
    try {
      const newest = await get<{ rows: Row[] | null }>('/flows?limit=1')
      this.of = Math.max(this.of, newest.rows?.[0]?.number ?? 0)
      const v = await get<View>(`/views/${this.view}`)
      if (v.id !== this.view) return
      this.undecided = v.undecided?.flows ? v.undecided.text || `${v.undecided.flows} flows cannot be told` : ''
    } catch {
      // The feed notices what is wrong.
    }
  }

  retry() {
    if (this.feed) void this.feed.retry()
    else void this.start(this.filter)
  }

  private trouble(e: unknown, again?: () => void) {
    if (e instanceof DOMException && e.name === 'AbortError') return
    if (e instanceof Failure && e.status === 401) this.locked = true
    else if (e instanceof Failure && e.status < 500 && e.status !== 404) this.wrong = { text: e.message, offset: null }
    if (again && !this.feed && !(e instanceof Failure)) {
      this.away = 2
      setTimeout(again, 2000)
    }
  }

  // begin forgets what was looked at: it is of another session.
  begin() {
    this.selected = this.begun = null
    this.follow = this.newest !== 'none'
    void this.look()
  }

  // leave ends the view when the page goes.
  leave() {
    if (this.view) void fetch(`${root}/views/${this.view}`, { method: 'DELETE', keepalive: true }).catch(() => {})
  }
}
