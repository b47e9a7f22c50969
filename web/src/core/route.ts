// What is looked at stands in the URL, so that a reload, a link or a second
// window shows the same: ?filter=…&order=-size&flow=4471&tab=events.

export interface Place {
  filter: string
  order: string
  descending: boolean
  flow: number | null
  tab: string
  screen: string
}

export function read(search: string): Place {
  const q = new URLSearchParams(search)
  const order = q.get('order') ?? 'number'
  const flow = Number(q.get('flow'))
  return {
    filter: q.get('filter') ?? '',
    order: order.replace(/^-/, ''),
    descending: order.startsWith('-'),
    flow: Number.isInteger(flow) && flow > 0 ? flow : null,
    tab: q.get('tab') ?? '',
    screen: q.get('screen') ?? 'flows',
  }
}

export function write(p: Place): string {
  const q = new URLSearchParams()
  if (p.filter) q.set('filter', p.filter)
  if (p.order !== 'number' || p.descending) q.set('order', (p.descending ? '-' : '') + p.order)
  if (p.flow !== null) q.set('flow', String(p.flow))
  if (p.flow !== null && p.tab) q.set('tab', p.tab)
  if (p.screen !== 'flows') q.set('screen', p.screen)
  const text = q.toString()
  return text ? '?' + text : ''
}
