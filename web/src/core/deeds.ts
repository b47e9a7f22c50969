import { post } from './api'
import type { App } from './app.svelte'
import { some } from './format'
import type { Done, Which } from './types'

// which are the flows that an act means: those that are picked, else the row that
// is chosen; null for none. All that is shown are those of now, not those that come.
export function which(app: App): Which | null {
  if (app.picks.all) return { filter: app.flows.filter, last: app.flows.of }
  if (app.picks.numbers.size > 0) return { numbers: [...app.picks.numbers] }
  return app.flows.selected === null ? null : { numbers: [app.flows.selected] }
}

// howMany is the number of them.
export function howMany(app: App): number {
  return app.picks.all ? app.flows.total : app.picks.numbers.size || (app.flows.selected === null ? 0 : 1)
}

const said = (n: number, what: string) => `${some(n, 'flow')} ${what}`

// deed does something to the flows that are meant, and tells what came of it.
export async function deed(app: App, verb: string, what: string, more: Record<string, unknown> = {}, on = which(app)): Promise<Done | null> {
  if (!on) return null
  let done: Done | null = null
  await app.attempt(verb, async () => {
    done = await post<Done>(`/flows/${verb}`, { ...on, ...more })
    const first = done.failed?.[0]
    app.tell(said(done.done, what) + (first ? `; ${done.failed!.length} could not be: ${first.text}` : ''))
  })
  return done
}

// remove gives the flows that are meant up; the row behind them is chosen.
export function remove(app: App) {
  const on = which(app)
  if (!on) return
  const f = app.flows
  const n = howMany(app)
  const rank = f.selected === null ? null : f.rankOf(f.selected)
  app.doom.of(on, n)
  app.picks.clear()
  if (on.filter !== undefined || rank === null) return
  let next = f.row(rank + 1) ?? f.row(rank - 1)
  for (let r = rank + 1; next && app.doom.has(next.number); r++) next = f.row(r)
  if (!next && app.opened) app.close()
  app.choose(next?.number ?? null)
}
