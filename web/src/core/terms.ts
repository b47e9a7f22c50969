// Terms of the filter language for what is on the page: a value that is looked at
// becomes a filter for flows that have it too.

import type { Side } from './types'

export const quote = (text: string) => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`
export const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
// Dots stand for a credential that is not shown.
const seen = (text: string) => escaped(text).replace(/•{8}/g, '.*')
export const literal = (text: string) => quote('^' + seen(text) + '$')
const most = 2000 // characters of a value

// fieldTerm is for a line of a head.
export function fieldTerm(side: Side, name: string, value: string): string {
  const line = value.length > most ? seen(`${name}: ${value.slice(0, most)}`) : seen(`${name}: ${value}`) + '\\r?$'
  return `~h${side === 'request' ? 'q' : 's'} ${quote('^' + line)}`
}

// addressTerm is for a client, whichever port it came from, or for a server.
export function addressTerm(side: 'client' | 'server', address: string): string {
  if (!address) return ''
  const bare = address.replace(/[[\]]/g, '')
  return side === 'client' ? `~src ${quote('^' + escaped(bare.replace(/:\d+$/, '')) + ':')}` : `~dst ${literal(bare)}`
}

const told = new Set(['version', 'cipher', 'sni', 'alpn'])

// tlsTerm is for what is known of the TLS of a side, '' where no filter asks for it.
export function tlsTerm(side: 'client' | 'server', name: string, value: string): string {
  return told.has(name) ? `~tls ${literal(`${side} ${name}: ${value}`)}` : ''
}

// bodyTerm is for a text in a body.
const bodyTerm = (side: Side, pattern: string) => `~b${side === 'request' ? 'q' : 's'} ${quote(pattern)}`

// valueTerm is for a line of JSON that has a name and a value, however its members are
// set apart; '' for any other line.
export function valueTerm(side: Side, line: string): string {
  const m = /^\s*("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null)\s*,?\s*$/.exec(line.slice(0, 2 * most))
  if (!m) return ''
  return bodyTerm(side, seen(m[1]) + '\\s*:\\s*' + seen(m[2]) + (m[2].startsWith('"') ? '' : '\\s*[,}]'))
}

// termAt is the term for what has the focus, '' where there is none: a row that says
// which, what is selected in a body, or the line of JSON where the mouse or the search
// has stopped.
export function termAt(to: HTMLElement): string {
  const row = to.closest<HTMLElement>('[data-term]')
  if (row) return row.dataset.term!
  const body = to.closest<HTMLElement>('[data-testid=body]')
  if (!body) return ''
  const side = body.dataset.side as Side
  const chosen = getSelection()
  const inside = chosen !== null && chosen.anchorNode !== null && body.contains(chosen.anchorNode)
  const text = inside ? chosen.toString() : ''
  if (text.trim() !== '') return bodyTerm(side, seen(text.slice(0, most)))
  const found = typeof Highlight === 'undefined' ? undefined : [...(CSS.highlights.get(side === 'response' ? 'found' : 'found-request') ?? [])][0]
  const at: [Node, number] | null = inside ? [chosen.anchorNode!, chosen.anchorOffset] : found ? [found.startContainer, found.startOffset] : null
  if (!at || !(at[0] instanceof Text)) return ''
  const all = at[0].data
  const begin = all.lastIndexOf('\n', at[1] - 1) + 1
  const end = all.indexOf('\n', at[1])
  return valueTerm(side, all.slice(begin, end < 0 ? undefined : end))
}

// rove has the arrows go through the rows of a table that have terms; one of them is
// a stop of Tab.
export function rove(table: HTMLElement) {
  const key = (e: KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[e.key]
    if (!by || e.altKey || e.ctrlKey || e.metaKey) return
    const rows = [...table.querySelectorAll<HTMLElement>('[data-term]')]
    const next = rows[rows.indexOf(document.activeElement as HTMLElement) + by]
    if (!next || !rows.includes(document.activeElement as HTMLElement)) return
    e.preventDefault()
    e.stopPropagation()
    next.focus()
  }
  const focus = (e: FocusEvent) => {
    const row = (e.target as HTMLElement).closest<HTMLElement>('[data-term]')
    if (!row) return
    for (const other of table.querySelectorAll<HTMLElement>('[data-term][tabindex="0"]')) other.tabIndex = -1
    row.tabIndex = 0
  }
  table.addEventListener('keydown', key)
  table.addEventListener('focusin', focus)
  return () => {
    table.removeEventListener('keydown', key)
    table.removeEventListener('focusin', focus)
  }
}

export const hint = '> keeps only flows like this, < hides them; with Alt the filter waits for Enter'
