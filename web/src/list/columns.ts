import { brief, clock, elapsed, ended, precise, reasonOf, sender, size } from '../core/format'
import { escaped, literal, quote } from '../core/terms'
import type { Row } from '../core/types'

export interface Column {
  id: string
  title: string
  order?: string // the order of a view that it sorts by
  width: number // pixels, when nothing else was chosen
  right?: boolean
  facts?: boolean // it shows what the index does not hold
  text: (row: Row, now: number, begun: number | null) => string // begun: when the first flow began, in ms
  // filter says of a cell's value: only flows like this one.
  filter?: (row: Row) => string
}

const host = (row: Row) => row.host.replace(/:\d+$/, '')

export const columns: Column[] = [
  { id: 'number', title: '#', order: 'number', width: 64, right: true, text: (r) => String(r.number) },
  { id: 'method', title: 'Method', order: 'method', width: 68, text: (r) => r.method || r.kind, filter: (r) => (r.method ? `~m ${literal(r.method)}` : `~${r.kind}`) },
  { id: 'host', title: 'Host', order: 'host', width: 190, text: (r) => r.host, filter: (r) => `~d ${literal(host(r))}` },
  { id: 'path', title: 'Path', order: 'path', width: 340, text: (r) => r.path, filter: (r) => `~u ${quote(escaped(r.path.split('?')[0]))}` },
  { id: 'status', title: 'Status', order: 'status', width: 108, text: () => '', filter: (r) => (r.outcome !== 'completed' ? `~outcome ${quote(ended(r.outcome))}` : r.status ? `~c ${r.status}` : '~q') },
  { id: 'type', title: 'Type', order: 'type', width: 84, text: (r) => brief(r.type), filter: (r) => `~ts ${quote(escaped(r.type.split(';')[0]))}` },
  { id: 'size', title: 'Size', order: 'size', width: 84, right: true, text: (r) => size(r.response_body.size) + (r.outcome === 'running' && r.status ? ' +' : '') },
  { id: 'duration', title: 'Time', order: 'duration', width: 104, right: true, text: (r, now) => precise(elapsed(r, now)) },
  { id: 'first_byte', title: 'First byte', width: 92, right: true, facts: true, text: (r, now) => (!r.facts ? '' : r.facts.first_byte_seconds !== null ? precise(r.facts.first_byte_seconds) : r.outcome === 'running' ? `> ${precise(elapsed(r, now))}` : '–') },
  { id: 'request_size', title: 'Sent', order: 'request_size', width: 84, right: true, text: (r) => size(r.request_body.size) },
  { id: 'start', title: 'Start', order: 'start', width: 104, text: (r) => clock(r.start) },
  { id: 'after', title: 'After', order: 'start', width: 112, right: true, text: (r, _, begun) => (begun === null ? '' : `+${precise((Date.parse(r.start) - begun) / 1000)}`) },
  { id: 'sender', title: 'Sent by', width: 190, facts: true, text: sender, filter: (r) => (r.facts?.replayed ? '~replayq' : `~src ${quote('^' + escaped(r.facts?.client ?? '') + ':')}`) },
  { id: 'reason', title: 'Reason', width: 150, facts: true, text: reasonOf, filter: (r) => `~c ${r.status}` },
  { id: 'url', title: 'URL', order: 'url', width: 420, text: (r) => r.url, filter: (r) => `~u ${literal(r.url)}` },
  { id: 'outcome', title: 'End', order: 'outcome', width: 96, text: (r) => r.outcome, filter: (r) => `~outcome ${quote(ended(r.outcome))}` },
  { id: 'disposition', title: 'Body', width: 120, text: (r) => (r.response_body.disposition === 'none' ? '' : r.response_body.disposition), filter: (r) => `~disp ${r.response_body.disposition}` },
  { id: 'waterfall', title: 'Waterfall', order: 'start', width: 160, text: () => '' },
  { id: 'error', title: 'Error', width: 260, text: (r) => r.error, filter: () => '~e' },
]

export const usual = ['number', 'method', 'host', 'path', 'status', 'type', 'size', 'duration']
export const byId = new Map(columns.map((c) => [c.id, c]))
