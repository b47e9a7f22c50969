import { copy } from './clip'
import { deed, remove, which } from './deeds'
import { openly, text as fetchText } from './api'
import { headText } from '../flow/raw'
import { byId } from '../list/columns'
import type { App, Layout } from './app.svelte'
import { turned } from '../flow/sides'
import type { Flow, Row } from './types'
import { secrets } from './secrets.svelte'
import { termAt } from './terms'
import { ui } from './ui.svelte'

const region = (name: string) => document.querySelector<HTMLElement>(`[data-region="${name}"]`)
const regions = ['top', 'filter', 'list', 'detail', 'status']

export const tabs = ['answer', 'exchange', 'events', 'timing', 'connection', 'raw', 'facts', 'changes', 'resend']

function chosen(app: App): Row | undefined {
  const n = app.flows.selected
  if (n === null) return undefined
  const rank = app.flows.rankOf(n)
  return rank === null ? undefined : app.flows.row(rank)
}

function move(app: App, by: number) {
  const f = app.flows
  const rank = f.selected === null ? null : f.rankOf(f.selected)
  const to = rank === null ? Math.floor(f.top) : Math.max(0, Math.min(f.total - 1, rank + by))
  const row = f.row(to)
  f.show(to)
  if (row) app.choose(row.number)
}

// extend picks the row that is moved to as well.
function extend(app: App, by: number) {
  const was = app.flows.selected
  if (was !== null && !app.picks.has(was)) app.picks.toggle(was)
  move(app, by)
  const now = app.flows.selected
  if (now !== null && !app.picks.has(now)) app.picks.toggle(now)
}

// revert takes edited copies away; what they were made of is shown.
async function revert(app: App) {
  const done = await deed(app, 'revert', 'as before')
  const was = done?.numbers?.[0]
  if (was === undefined) return
  app.picks.clear()
  if (app.opened) app.open(was)
  else app.choose(was)
}

function cell(app: App, to: HTMLElement, hide: boolean, later: boolean) {
  let term = termAt(to)
  if (!term && to.closest('[data-testid=body]')) {
    app.tell('select a text, or click on a value of JSON: > and < then mean it')
    return
  }
  if (!term) {
    const row = chosen(app)
    const column = byId.get(app.shownColumns[ui.cell])
    if (!row || !column?.filter) return
    term = column.filter(row)
  }
  const filter = app.narrowed(hide ? `!${term}` : term)
  if (later) ui.draft = filter
  else void app.setFilter(filter)
}

// What the core writes of a request, by letter.
const kinds: Record<string, string> = { c: 'curl', i: 'httpie', y: 'python', f: 'fetch', g: 'go' }

// And of either side as it was sent, or both.
const raws: Record<string, string> = { q: 'raw-request', p: 'raw-response', b: 'raw' }
const mostCopied = 4_194_304 // octets of bodies

// copyAs puts one form of the chosen flow into the clipboard.
export async function copyAs(app: App, what: string, number = app.flows.selected) {
  if (number === null) return
  await app.attempt('copy', async () => {
    const flow = await openly<Flow>(`/flows/${number}`)
    let text = ''
    let beside = ''
    if (kinds[what]) {
      const got = await fetchText(`/flows/${number}/export?as=${kinds[what]}`)
      text = got.text.trimEnd()
      beside = got.file
    }
    else if (what === 'u') text = flow.url
    else if (what === 'h') text = headText(flow.response ?? flow.request)
    else if (what === 'head-request') text = headText(flow.request)
    else if (what === 'head-response') text = headText(flow.response)
    else if (raws[what]) {
      if (flow.request_body.recorded + flow.response_body.recorded > mostCopied) throw new Error('it is too large for the clipboard: save it')
      text = (await fetchText(`/flows/${number}/export?as=${raws[what]}`)).text
    }
    else if (what === 'l') text = location.origin + location.pathname + `?flow=${flow.number}`
    else return
    await copy(text)
    if (beside) download(`/api/v1/flows/${number}/request/body?as=raw`, beside)
    app.tell(beside ? `copied; it reads the body from ${beside}, which is saved: run it in that folder` : 'copied')
  })
}

function download(from: string, name: string) {
  const a = document.createElement('a')
  a.href = from
  a.download = name
  a.click()
}

// act does what a verb says, and tells whether it did.
export function act(app: App, id: string, e: KeyboardEvent | null): boolean {
  const f = app.flows
  const to = (e?.target ?? document.body) as HTMLElement
  const inList = app.screen === 'flows' && (to === document.body || to.closest('[data-region=list]') !== null || e === null)
  const moves = /^(up|down|select\.(up|down)|page\.|first|newest|open|cell\.(left|right))/.test(id)
  const letter = e !== null && e.key.length === 1 // End and its like scroll what has the focus
  if (moves && !inList && !(id === 'newest' && letter && app.screen === 'flows')) return false
  switch (id) {
    case 'keys':
    case 'commands':
      ui.question = ''
      ui.palette = true
      return true
    case 'back':
      if (ui.copying) ui.copying = false
      else if (app.picks.any) app.picks.clear()
      else if (app.screen !== 'flows') app.go('flows')
      else if (app.opened) {
        app.close()
        queueMicrotask(() => requestAnimationFrame(() => region('list')?.focus()))
      } else app.choose(null)
      return true
    case 'filter': {
      app.go('flows')
      requestAnimationFrame(() => document.querySelector<HTMLInputElement>('#filter')?.select())
      return true
    }
    case 'filter.toggle': app.toggleFilter(); return true
    case 'options': app.go('options'); return true
    case 'browser':
      if (app.state?.browser) void app.browse()
      return !!app.state?.browser
    case 'connect': ui.connect = true; return true
    case 'rules': app.go('rules'); return true
    case 'log': app.go('log'); return true
    case 'flows': app.go('flows'); return true
    case 'layout': {
      const order: Layout[] = ['below', 'beside', 'alone']
      app.setLayout(order[(order.indexOf(app.layout) + 1) % 3])
      return true
    }
    case 'sides': {
      const there = document.querySelector<HTMLElement>('[data-sides]')
      if (there) app.setSides(turned(there.clientWidth, app.sides))
      return there !== null
    }
    case 'region.next':
    case 'region.previous': {
      const there = regions.map(region)
      const at = there.findIndex((r) => r?.contains(document.activeElement))
      const from = at < 0 && id === 'region.previous' ? 0 : at
      for (let i = 1; i <= there.length; i++) {
        const by = id === 'region.next' ? i : -i
        const next = there[(from + by + there.length) % there.length]
        if (!next) continue
        const stop = next.tabIndex >= 0 ? next : next.querySelector<HTMLElement>('button:not(:disabled), input, select, [tabindex="0"]')
        if (stop) {
          stop.focus()
          break
        }
      }
      return true
    }
    case 'undo': return app.doom.undo()
    case 'select.all': if (inList) app.picks.everything(); return inList
    case 'select.down': extend(app, 1); return true
    case 'select.up': extend(app, -1); return true
    case 'down': move(app, 1); return true
    case 'up': move(app, -1); return true
    case 'page.down': move(app, Math.max(1, Math.floor(f.page) - 1)); return true
    case 'page.up': move(app, -Math.max(1, Math.floor(f.page) - 1)); return true
    case 'first': f.moveTo(0); return true
    case 'newest': f.toNewest(); return true
    case 'follow': if (f.follow) f.follow = false; else f.toNewest(); return true
    case 'hold': if (f.hold) f.release(); else f.freeze(); return true
    case 'open': {
      if (f.selected === null) move(app, 0)
      if (f.selected !== null) app.open(f.selected)
      return f.selected !== null
    }
    case 'cell.left': ui.cell = Math.max(0, ui.cell - 1); return true
    case 'cell.right': ui.cell = Math.min(app.shownColumns.length - 1, ui.cell + 1); return true
    case 'cell.keep': cell(app, to, false, e?.altKey === true); return true
    case 'cell.hide': cell(app, to, true, e?.altKey === true); return true
    case 'order': {
      const order = byId.get(app.shownColumns[ui.cell])?.order
      if (order) void app.setOrder(order)
      else app.tell(`the list has no order by ${byId.get(app.shownColumns[ui.cell])?.title ?? 'this'}`)
      return true
    }
    case 'columns': ui.columns = true; return true
    case 'save': ui.files = 'save'; return true
    case 'load': ui.files = 'load'; return true
    case 'next': move(app, 1); return true
    case 'previous': move(app, -1); return true
    case 'tab.next':
    case 'tab.previous': {
      if (!app.opened) return false
      const all = [...document.querySelectorAll<HTMLElement>('[role=tab]')]
      const at = all.findIndex((t) => t.getAttribute('aria-selected') === 'true')
      all[(at + (id === 'tab.next' ? 1 : all.length - 1)) % all.length]?.click()
      return true
    }
    case 'tab.number': {
      const tab = document.querySelectorAll<HTMLElement>('#page [role=tablist][aria-label="Parts of the flow"] [role=tab]')[Number(e?.key) - 1]
      tab?.click()
      return tab !== undefined
    }
    case 'find': if (app.opened) ui.find++; return app.opened
    case 'find.next': ui.step++; return app.opened
    case 'find.previous': ui.step--; return app.opened
    case 'view': {
      const tab = document.querySelector('#tab-answer[aria-selected=true]') ? 'raw' : app.tab === 'raw' && document.querySelector('#tab-answer') ? 'answer' : ''
      if (tab) document.querySelector<HTMLElement>(`#tab-${tab}`)?.click()
      else ui.view++
      return app.opened
    }
    case 'credentials':
      if (app.opened && f.selected !== null) secrets.toggle(f.selected)
      else if (app.screen === 'intercept' && ui.held !== null) secrets.toggle(ui.held)
      else return false
      return true
    case 'resume': {
      const n = app.screen === 'intercept' ? ui.held : f.selected
      if (n !== null && app.held.some((h) => h.number === n)) void app.resume([n])
      else if (app.held.length > 0) void app.resume([app.held[0].number])
      return app.held.length > 0
    }
    case 'resume.all': if (app.held.length > 0) void app.resumeAll(); return app.held.length > 0
    case 'intercept': {
      const i = app.state?.intercept
      if (!i || !app.canIntercept) return false
      if (i.next === 'caught') {
        void app.catchNext(true)
        return true
      }
      void app.attempt('intercept', () => app.setOptions({ intercept_active: !i.active }))
      return true
    }
    case 'intercept.filter':
      if (!app.canIntercept) return false
      app.go('intercept')
      requestAnimationFrame(() => document.querySelector<HTMLInputElement>('#intercept-filter')?.select())
      return true
  }
  const able = !app.state?.readonly
  // What is parked is ended by its own number. Elsewhere a key does nothing to rows
  // that nobody sees.
  if (id === 'kill' && app.screen === 'intercept') {
    if (able && ui.held !== null) void app.kill(ui.held)
    return able && ui.held !== null
  }
  if (which(app) === null || (e !== null && app.screen !== 'flows')) return false
  switch (id) {
    case 'kill': void deed(app, 'kill', 'ended'); return true
    case 'replay': {
      const one = which(app)?.numbers
      if (able && one?.length === 1) void app.again(one[0])
      else if (able) void deed(app, 'replay', 'sent again')
      return able
    }
    case 'duplicate': if (able) void deed(app, 'duplicate', 'copied'); return able
    case 'revert': if (able) void revert(app); return able
    case 'delete': if (able) remove(app); return able
    case 'mark':
      if (!app.picks.any) break
      void deed(app, 'mark', 'marked', { marker: ':default:' })
      return true
  }
  const row = chosen(app)
  if (!row) return false
  switch (id) {
    case 'mark': void app.mark(row); return true
    case 'select': app.picks.toggle(row.number); return true
    case 'resend':
    case 'edit':
      if (!able) return false
      app.tab = 'resend'
      app.open(row.number)
      return true
    case 'comment':
      app.tab = 'facts'
      app.open(row.number)
      ui.comment = row.number
      return true
    case 'copy':
      ui.copying = true
      app.tell('copy: c curl, i httpie, y python, f fetch, g go, u URL, h fields, q request, p response, b both, l link')
      return true
    case 'body': {
      download(`/api/v1/flows/${row.number}/response/body`, '')
      return true
    }
  }
  return false
}
