import type { Row } from './types'

const units = ['B', 'kB', 'MB', 'GB', 'TB']

export function size(n: number | null | undefined): string {
  if (n === null || n === undefined || n < 0) return '–'
  let u = 0
  while (n >= 1000 && u < units.length - 1) {
    n /= 1000
    u++
  }
  return `${u === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[u]}`
}

export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return '–'
  if (seconds < 0) seconds = 0
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const s = Math.floor(seconds)
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`
  return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`
}

// precise is a duration for columns: to the millisecond below an hour.
export function precise(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !isFinite(seconds) || seconds < 1 || seconds >= 3600) return duration(seconds)
  if (seconds < 60) return `${seconds.toFixed(3)} s`
  const ms = Math.round(seconds * 1000)
  return `${Math.floor(ms / 60_000)} min ${((ms % 60_000) / 1000).toFixed(3)} s`
}

export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, '\u202f')
}

// some is a number of things: 1 flow, 3 flows.
export const some = (n: number, what: string) => `${count(n)} ${n === 1 ? what : what + 's'}`

// clock is local time of day with milliseconds; whole has date and zone.
export function clock(time: string | null | undefined): string {
  if (!time) return '–'
  const d = new Date(time)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${String(d.getMilliseconds()).padStart(3, '0')}`
}

export function whole(time: string | null | undefined): string {
  if (!time) return '–'
  const d = new Date(time)
  const east = -d.getTimezoneOffset()
  const zone = `${east < 0 ? '-' : '+'}${String(Math.floor(Math.abs(east) / 60)).padStart(2, '0')}:${String(Math.abs(east) % 60).padStart(2, '0')}`
  const two = (n: number) => String(n).padStart(2, '0')
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${clock(time)} ${zone}`
}

// seconds is the time between two, to the microsecond: a Date knows only whole
// milliseconds.
export function seconds(from: string | null | undefined, to: string | null | undefined): number | null {
  if (!from || !to) return null
  const part = (t: string) => Number('0.' + (/\.(\d+)/.exec(t)?.[1] ?? '0'))
  const full = (t: string) => Math.floor(Date.parse(t) / 1000)
  const s = full(to) - full(from) + (part(to) - part(from))
  return isFinite(s) ? Math.round(s * 1e9) / 1e9 : null
}

// brief makes of a media type the word that a list has room for.
export function brief(type: string): string {
  const t = type.split(';')[0].trim().toLowerCase()
  if (t === '') return ''
  if (t === 'text/event-stream') return 'sse'
  const [main, sub = ''] = t.split('/')
  if (main === 'image' || main === 'audio' || main === 'video' || main === 'font') return `${main} ${sub}`
  const plus = sub.lastIndexOf('+')
  const word = plus >= 0 ? sub.slice(plus + 1) : sub.replace(/^(x-|vnd\.)/, '')
  return word.slice(0, 24)
}

export interface Mark {
  glyph: string
  word: string
  role: string // a role of colour: live, ok, redirect, client-err, server-err, failed, dim, parked, evicted
}

// status is how a flow stands: a glyph, a word and a role of colour. A client
// that leaves is no error; a failure says its phase where the error tells it.
export function status(row: Row): Mark {
  if (row.held) return { glyph: '‖', word: 'parked', role: 'parked' }
  switch (ended(row.outcome)) {
    case 'running':
    case '':
      return row.status ? { glyph: '●', word: `${row.status} live`, role: 'live' } : { glyph: '◌', word: 'wait', role: 'dim' }
    case 'client left':
      return { glyph: '⏏', word: 'client left', role: 'dim' }
    case 'server cut':
      return row.status ? { glyph: '⇥', word: 'cut short', role: 'failed' } : { glyph: '✕', word: 'failed', role: 'failed' }
    case 'reset':
      return row.status ? { glyph: '⇥', word: 'cut short', role: 'failed' } : { glyph: '✕', word: 'reset', role: 'failed' }
    case 'timeout':
      return { glyph: row.status ? '⇥' : '✕', word: 'timeout', role: 'failed' }
    case 'killed':
      return { glyph: '⊘', word: 'killed', role: 'dim' }
    case 'refused':
      return { glyph: '⊘', word: 'refused', role: 'failed' }
    case 'interrupted':
      return { glyph: '⇥', word: 'interrupted', role: 'dim' }
    case 'failed':
      return { glyph: '✕', word: phase(row.error), role: 'failed' }
  }
  if (!row.status) return { glyph: '✓', word: 'done', role: 'ok' }
  const role = ['dim', 'dim', 'ok', 'redirect', 'client-err', 'server-err'][Math.floor(row.status / 100)] ?? 'dim'
  return { glyph: '', word: String(row.status), role }
}

// ended is the kind of an outcome: it may go on to say after how many octets.
export function ended(outcome: string): string {
  return outcome.replace(/ after \d+ bytes$/, '')
}

function phase(error: string): string {
  if (/\bTLS\b|certificate/i.test(error)) return 'TLS'
  if (/look up|no such host|resolve|DNS/i.test(error)) return 'DNS'
  if (/\bconnect to\b|\bdial\b/i.test(error)) return 'connect'
  if (/reset/i.test(error)) return 'reset'
  return 'failed'
}

// elapsed is how long a flow took, or has taken at now.
export function elapsed(row: Row, now: number): number {
  return row.duration_seconds ?? (now - Date.parse(row.start)) / 1000
}

// spoken is a row as one sentence, for those who hear it.
export function spoken(row: Row, now: number): string {
  const parts = [String(row.number), `${row.method || row.kind} ${row.host}${row.path}`, status(row).word, duration(elapsed(row, now))]
  if (row.marker) parts.push('marked')
  return parts.join(', ')
}

// reasonOf is the reason phrase of a row: as it came, else, for versions that have
// none on the wire, what the status is called, with a mark that says so.
export function reasonOf(row: Row): string {
  const f = row.facts
  if (!f || !row.status) return ''
  return f.reason || (/^HTTP\/[23]/.test(f.version) && reasons[row.status] ? `${reasons[row.status]}*` : '')
}

// sender is who sent a request, as far as it is known: its address, and what it
// calls itself.
export function sender(row: Row): string {
  const f = row.facts
  if (!f) return ''
  if (f.replayed) return 'midstream, sent again'
  return [f.client, f.agent].filter(Boolean).join(' ')
}

export interface Part {
  text: string
  role: string // dim, host, '', name or value
}

const mostNames = 12 // of a query that are told apart

// urlParts takes a URL, or its path, to pieces that are told apart by colour.
export function urlParts(url: string): Part[] {
  const out: Part[] = []
  const m = /^([a-z][a-z0-9+.-]*:\/\/)([^/?#]*)/i.exec(url)
  let rest = url
  if (m) {
    const port = /:\d+$/.exec(m[2])?.[0] ?? ''
    out.push({ text: m[1], role: 'dim' }, { text: m[2].slice(0, m[2].length - port.length), role: 'host' })
    if (port) out.push({ text: port, role: 'dim' })
    rest = url.slice(m[0].length)
  }
  const q = rest.indexOf('?')
  out.push({ text: (q < 0 ? rest : rest.slice(0, q)).slice(0, 600), role: '' })
  if (q < 0) return out
  const pairs = rest.slice(q + 1, q + 400).split('&')
  pairs.slice(0, mostNames).forEach((pair, i) => {
    const eq = pair.indexOf('=')
    out.push({ text: i === 0 ? '?' : '&', role: 'dim' }, { text: eq < 0 ? pair : pair.slice(0, eq), role: 'key' })
    if (eq >= 0) out.push({ text: '=', role: 'dim' }, { text: pair.slice(eq + 1), role: 'string' })
  })
  if (pairs.length > mostNames) out.push({ text: '&' + pairs.slice(mostNames).join('&'), role: 'dim' })
  return out
}

// reasons are names of statuses, for versions that carry none on the wire.
export const reasons: Record<number, string> = {
  100: 'Continue', 101: 'Switching Protocols', 103: 'Early Hints',
  200: 'OK', 201: 'Created', 202: 'Accepted', 203: 'Non-Authoritative Information', 204: 'No Content', 205: 'Reset Content',
  206: 'Partial Content', 301: 'Moved Permanently', 302: 'Found', 303: 'See Other', 304: 'Not Modified', 307: 'Temporary Redirect',
  308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed',
  406: 'Not Acceptable', 407: 'Proxy Authentication Required', 408: 'Request Timeout', 409: 'Conflict', 410: 'Gone', 411: 'Length Required',
  412: 'Precondition Failed', 413: 'Content Too Large', 414: 'URI Too Long', 415: 'Unsupported Media Type', 416: 'Range Not Satisfiable',
  417: 'Expectation Failed', 418: '(Unused)', 421: 'Misdirected Request', 422: 'Unprocessable Content', 425: 'Too Early',
  426: 'Upgrade Required', 428: 'Precondition Required', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large',
  451: 'Unavailable For Legal Reasons', 500: 'Internal Server Error', 501: 'Not Implemented', 502: 'Bad Gateway',
  503: 'Service Unavailable', 504: 'Gateway Timeout', 505: 'HTTP Version Not Supported', 511: 'Network Authentication Required',
}
