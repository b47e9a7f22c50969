import { SvelteMap } from 'svelte/reactivity'
import { Flows } from '../list/flows.svelte'
import { Doom } from './doom.svelte'
import { Picks } from './picks.svelte'
import { Memory } from '../flow/draft'
import { byId, usual } from '../list/columns'
import { get, post, call, Failure } from './api'
import { use } from './keymap'
import { keep, load, visited } from './prefs'
import { read, write } from './route'
import type { Held, LogEntry, Row, State } from './types'

export type Theme = 'system' | 'light' | 'dark'
export type Layout = 'below' | 'beside' | 'alone' // of the list and a flow
export type Sides = 'side' | 'stacked' | 'single' // of request and response

const lines = 500 // of the log that the page keeps

// App is what all parts of the page share.
export class App {
  state = $state<State | null>(null)
  screen = $state('flows')
  tab = $state('')
  opened = $state(false) // a flow is shown, not only the row chosen
  theme = $state<Theme>(load('theme', 'system'))
  layout = $state<Layout>(load('layout', 'below'))
  sides = $state<Sides | ''>(load('sides', '')) // '': as fits
  splits = $state<Partial<Record<Layout | Sides, number>>>(load('splits', {}))
  shownColumns = $state<string[]>(load('columns', usual))
  widths = $state<Record<string, number>>(load('widths', {}))
  letters = $state(load('letters', true)) // letter keys act
  history = $state<string[]>(load('history', []))
  saved = $state<{ name: string; filter: string }[]>(load('saved', []))
  held = $state<Held[]>([])
  canIntercept = $state(false)
  drafts = new SvelteMap<number, () => Promise<unknown>>() // parked and edited: has it go on with its changes
  log = $state.raw<LogEntry[]>([])
  said = $state('') // one sentence for those who hear the page
  alert = $state('')
  note = $state('') // what was just done, or could not be
  optionsChanged = $state(0)
  rulesChanged = $state(0)
  private unsure = false // whether the session is the one that it was
  private news = 0 // counts up when the state changes by what is told
  private heldNews: [string, unknown][] | null = null // while what is parked is asked for
  before = $state<string | null>(null) // the filter that was in use before this one
  aside = '' // the filter while it is switched off
  picks = new Picks()
  typed = new Memory()
  doom = new Doom((text) => this.tell(text), () => this.unsure || this.flows.away !== null)
  flows: Flows
  private attempts = new SvelteMap<number, number[]>() // flow -> what it was sent again as
  private noteTimer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    const place = read(location.search)
    this.flows = new Flows((event, data) => this.heard(event, data))
    this.flows.order = place.order
    this.flows.descending = place.descending
    this.flows.selected = place.flow
    this.opened = place.flow !== null
    this.tab = place.tab
    this.screen = place.screen
    void this.flows.wish(this.wanted(), this.shownColumns.includes('after'))
    if (place.filter || place.flow !== null || visited()) void this.flows.start(place.filter)
    else void this.firstVisit()
    void this.begin()
    void this.fetchLog()
    addEventListener('pagehide', () => {
      this.doom.leave()
      this.flows.leave()
    })
    addEventListener('pageshow', (e) => {
      if (e.persisted) void this.flows.start(this.flows.filter)
    })
    document.addEventListener('visibilitychange', () => (document.visibilityState === 'hidden' ? this.flows.sleep() : this.flows.wake()))
    setInterval(() => {
      if (document.visibilityState !== 'visible') return
      void this.flows.count()
      void this.refresh()
    }, 3000)
    this.paint()
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.paint())
  }

  // firstVisit begins with the filter that midstream was started with.
  private async firstVisit() {
    let filter = ''
    try {
      filter = (await get<State>('/state')).view_filter ?? ''
    } catch {
      // The list says what is wrong.
    }
    await this.flows.start(filter)
    this.remember()
  }

  // remember writes what is looked at into the URL.
  remember() {
    const to = write({
      filter: this.flows.filter,
      order: this.flows.order,
      descending: this.flows.descending,
      flow: this.opened ? this.flows.selected : null,
      tab: this.tab,
      screen: this.screen,
    })
    if (to !== location.search) history.replaceState(null, '', location.pathname + to)
  }

  async begin() {
    try {
      await this.learn()
    } catch (e) {
      if (e instanceof Failure && e.status === 401) this.flows.locked = true
      return
    }
    await this.fetchHeld()
    try {
      const keys = await get<{ verbs: { id: string; keys: string[] }[]; error?: string }>('/keymap')
      use(keys.verbs)
      if (keys.error) this.tell(keys.error)
    } catch {
      // The keys are as they are built in.
    }
  }

  // refresh learns what no event tells: how large the session is by now.
  private async refresh() {
    if (this.flows.away !== null || this.flows.locked) return
    try {
      await this.learn()
      if (this.held.length > 0) await this.fetchHeld() // until when they wait may be another
    } catch {
      // The feed notices what is wrong.
    }
  }

  // learn takes the state that is answered. Where one was told while the answer was on
  // its way either may be older, and it is asked for again.
  private async learn(ask = () => get<State>('/state')) {
    for (let n = 0; n < 5; n++) {
      const news = this.news
      const state = await ask()
      if (news === this.news || this.state === null) {
        this.take(state)
        return
      }
      ask = () => get<State>('/state')
    }
  }

  // take notes a state. In another session numbers mean other flows: what was chosen,
  // typed and to be deleted is of the one before.
  private take(state: State) {
    const was = this.state?.session?.dir
    this.state = state
    this.unsure = false
    if (was === undefined || was === state.session?.dir) return
    this.doom.forget()
    this.picks.clear()
    this.typed.forget()
    this.attempts.clear()
    this.opened = false
    this.flows.begin()
    this.remember()
    this.tell('midstream records into another session: the flows before are in the session before')
  }

  // fetchHeld learns what is parked. What was parked or let go while the answer was
  // on its way may be newer than it, and is done again.
  async fetchHeld() {
    const meanwhile: [string, unknown][] = []
    this.heldNews = meanwhile
    try {
      const held = (await get<{ held: Held[] | null }>('/intercept')).held ?? []
      if (this.heldNews !== meanwhile) return // it was asked again
      this.heldNews = null
      this.held = held
      for (const [event, data] of meanwhile) this.heldChanged(event, data)
      this.canIntercept = true
    } catch {
      this.canIntercept = false
    }
  }

  private async fetchLog() {
    try {
      this.log = ((await get<{ entries: LogEntry[] | null }>('/log')).entries ?? []).slice(-lines)
    } catch {
      this.log = []
    }
  }

  private heard(event: string, data: unknown) {
    if (event === 'state') {
      this.take(data as State)
      this.news++
    } else if (event === 'position') {
      this.unsure = true
      void this.fetchHeld() // before that the feed told nothing
      void this.refresh()
    } else if (event === 'held' || event === 'released') {
      if (event === 'held' && this.held.length === 0) this.alert = `parked: ${(data as Held).method} ${(data as Held).url}`
      this.heldNews?.push([event, data])
      this.heldChanged(event, data)
    } else if (event === 'log') {
      const entry = data as LogEntry
      if (entry.seq > (this.log.at(-1)?.seq ?? 0)) this.log = [...this.log.slice(1 - lines), entry]
    } else if (event === 'options') this.optionsChanged++
    else if (event === 'rules') this.rulesChanged++
  }

  private heldChanged(event: string, data: unknown) {
    const h = data as Held // of what was let go there is the number
    this.held = this.held.filter((x) => x.number !== h.number)
    if (event !== 'held') return
    this.held = [...this.held, h]
    const i = this.state?.intercept
    if (i?.next !== 'waiting') return
    this.state = { ...this.state!, intercept: { ...i, next: 'caught', active: false } }
    this.news++
  }

  tell(text: string) {
    this.note = text
    clearTimeout(this.noteTimer)
    this.noteTimer = setTimeout(() => (this.note = ''), 8000)
  }

  // attempt runs an act of the person's and tells how it failed.
  async attempt(what: string, act: () => Promise<unknown>, done = ''): Promise<boolean> {
    try {
      await act()
      if (done) this.tell(done)
      return true
    } catch (e) {
      this.tell(`${what}: ${e instanceof Error ? e.message : String(e)}`)
      return false
    }
  }

  paint() {
    const dark = this.theme === 'dark' || (this.theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
    document.documentElement.dataset.theme = dark ? 'dark' : 'light'
  }

  setTheme(theme: Theme) {
    this.theme = theme
    keep('theme', theme)
    this.paint()
  }

  // setSplit has what comes first take that part of the place, in per cent, in a layout.
  setSplit(layout: Layout | Sides, part: number) {
    this.splits = { ...this.splits, [layout]: Math.round(Math.max(15, Math.min(85, part)) * 10) / 10 }
    keep('splits', this.splits)
  }

  setLayout(layout: Layout) {
    this.layout = layout
    keep('layout', layout)
  }

  setSides(sides: Sides) {
    this.sides = sides
    keep('sides', sides)
  }

  setColumns(ids: string[]) {
    this.shownColumns = ids
    keep('columns', ids)
    void this.flows.wish(this.wanted(), ids.includes('after'))
  }

  // wanted says whether a column shows what the index does not hold.
  private wanted(): boolean {
    return this.shownColumns.some((id) => byId.get(id)?.facts)
  }

  setWidth(id: string, width: number) {
    this.widths = { ...this.widths, [id]: Math.max(32, Math.min(1200, Math.round(width))) }
    keep('widths', this.widths)
  }

  setLetters(on: boolean) {
    this.letters = on
    keep('letters', on)
  }

  // setFilter shows other flows; a filter that works is remembered.
  async setFilter(filter: string) {
    this.picks.clear()
    const was = this.flows.filter
    await this.flows.start(filter)
    if (!this.flows.wrong && this.flows.filter !== was) this.before = was || null
    if (!this.flows.wrong && filter) {
      this.history = [filter, ...this.history.filter((f) => f !== filter)].slice(0, 50)
      keep('history', this.history)
    }
    this.remember()
  }

  toggleFilter() {
    if (this.flows.filter) {
      this.aside = this.flows.filter
      void this.setFilter('')
    } else if (this.aside) void this.setFilter(this.aside)
  }

  // narrowed is the filter with one more term.
  narrowed(term: string): string {
    const f = this.flows.filter
    return f ? `(${f}) & ${term}` : term
  }

  saveFilter(name: string) {
    this.saved = [...this.saved.filter((s) => s.name !== name), { name, filter: this.flows.filter }]
    keep('saved', this.saved)
  }

  dropFilter(name: string) {
    this.saved = this.saved.filter((s) => s.name !== name)
    keep('saved', this.saved)
  }

  async setOrder(order: string) {
    const f = this.flows
    await f.start(f.filter, order, f.order === order ? !f.descending : false)
    this.remember()
  }

  go(screen: string) {
    this.screen = screen
    this.remember()
  }

  open(number: number) {
    this.flows.selected = number
    this.flows.follow = false
    this.opened = true
    this.screen = 'flows'
    this.remember()
  }

  close() {
    this.opened = false
    this.remember()
  }

  choose(number: number | null) {
    this.flows.selected = number
    if (this.opened) this.remember()
  }

  // attempted notes that a flow was sent again as another.
  attempted(number: number, as: number) {
    this.attempts.set(number, [...(this.attempts.get(number) ?? []), as].slice(-100))
    if (this.attempts.size > 100) this.attempts.delete(this.attempts.keys().next().value!)
  }

  // rootOf is the flow that one is an attempt of, itself where it is none.
  rootOf(number: number): number {
    for (const [root, as] of this.attempts) if (as.includes(number)) return root
    return number
  }

  // again sends a request again as it is.
  again(number: number) {
    return this.attempt('send again', async () => {
      const made = await post<{ number: number }>(`/flows/${number}/resend`, {})
      if (made.number > 0) this.attempted(this.rootOf(number), made.number)
      this.tell(made.number > 0 ? `sent again, as flow ${made.number}` : 'sent again; it is not recorded')
    })
  }

  attemptsOf(number: number): number[] {
    return this.attempts.get(number) ?? []
  }

  mark(row: Row) {
    return this.attempt('mark', () => post('/flows/mark', { numbers: [row.number], marker: row.marker ? '' : ':default:' }))
  }

  kill(number: number) {
    return this.attempt('end', () => post('/flows/kill', { numbers: [number] }), `flow ${number} is ended`)
  }

  comment(number: number, comment: string) {
    return this.attempt('comment', () => post('/flows/comment', { numbers: [number], comment }), 'comment kept')
  }

  browse() {
    return this.attempt('browser', () => post('/browser'), `${this.state?.browser} is open, with a fresh profile`)
  }

  // touch tells that a parked flow is edited: its time begins anew.
  async touch(number: number) {
    try {
      const { deadline } = await post<{ deadline: string | null }>(`/intercept/${number}/touch`)
      this.held = this.held.map((h) => (h.number === number ? { ...h, deadline } : h))
    } catch {
      // It is not held any more.
    }
  }

  // catchNext has only the next flow held, or all again.
  catchNext(only: boolean) {
    return this.attempt('intercept', () => this.learn(() => call<State>('PUT', '/intercept/next', { only })))
  }

  // goesOn is in how many seconds a parked flow goes on by itself, null for never.
  goesOn(number: number, now: number): number | null {
    const h = this.held.find((h) => h.number === number)
    if (!h?.deadline || this.drafts.has(number)) return null
    return Math.max(0, (Date.parse(h.deadline) - now) / 1000)
  }

  resume(numbers: number[]) {
    return this.attempt('resume', () => post('/flows/resume', { numbers }))
  }

  // resumeAll lets all that is parked go on: what was edited with its changes. What
  // cannot be read stays, and says why.
  async resumeAll() {
    const edited = [...this.drafts]
    const rest = this.held.map((h) => h.number).filter((n) => !this.drafts.has(n))
    await Promise.all([rest.length > 0 ? this.resume(rest) : null, ...edited.map(([, go]) => go())])
  }

  async capture(on: boolean) {
    await this.attempt('capture', () => this.learn(() => call<State>('PUT', '/capture', { on })))
  }

  setOptions(values: Record<string, unknown>) {
    return call('PATCH', '/options', values)
  }
}
