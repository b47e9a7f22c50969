// What may be typed into the filter, for completion.

export const operators: [string, string][] = [
  ['~d', 'host'], ['~u', 'URL'], ['~m', 'method'], ['~c', 'status: 404, 5xx, >=400'], ['~t', 'Content-Type of either side'],
  ['~tq', 'Content-Type of the request'], ['~ts', 'Content-Type of the response'], ['~a', 'scripts, styles, images, fonts'],
  ['~h', 'a field of either side'], ['~hq', 'a field of the request'], ['~hs', 'a field of the response'],
  ['~b', 'content of either side'], ['~bq', 'content of the request'], ['~bs', 'content of the response'],
  ['~event', 'one event or message of a stream'], ['~q', 'has no response'], ['~s', 'has a response'], ['~e', 'ended with an error'],
  ['~outcome', 'how it ended'], ['~websocket', 'is WebSocket'], ['~http', 'is HTTP'], ['~tcp', 'is a raw tunnel'], ['~dns', 'is DNS'],
  ['~proto', 'h1, h2, h3, ws, grpc, sse'], ['~src', 'client, address:port'], ['~dst', 'server, host:port'],
  ['~tls', 'TLS of either side: version, cipher, sni, alpn'], ['~size', 'octets: >1m, 1k-2k'], ['~dur', 'time it took: >2s'], ['~age', 'how long ago: <1h'], ['~disp', 'tee, hold or pass'],
  ['~finding', 'has a finding'], ['~marked', 'is marked'], ['~marker', 'the mark'], ['~comment', 'the comment'], ['~meta', 'metadata'],
  ['~replay', 'was sent again'], ['~all', 'every flow'],
]

const fixed: Record<string, string[]> = {
  '~m': ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT'],
  '~c': ['2xx', '3xx', '4xx', '5xx', '>=400', '404'],
  '~proto': ['h1', 'h2', 'h3', 'ws', 'grpc', 'sse'],
  '~disp': ['tee', 'hold', 'pass'],
  '~outcome': ['running', 'completed', '"client left"', '"server cut"', 'timeout', 'reset', 'killed', 'failed', 'refused'],
  '~size': ['>1m', '>100k', '<1k'],
  '~dur': ['>1s', '>10s', '<100ms'],
  '~age': ['<5m', '<1h', '>1d'],
}

export interface Suggestion {
  text: string // what is put in the place of the word
  says: string
}

// suggest gives at most ten completions of the word that ends at the caret, and
// where that word begins. hosts and types are some that were seen.
export function suggest(text: string, caret: number, hosts: string[], types: string[]): { from: number; list: Suggestion[] } {
  const before = text.slice(0, caret)
  const from = before.search(/[^\s()!&|]*$/)
  const word = before.slice(from)
  if (word.startsWith('~')) {
    return { from, list: operators.filter(([o]) => o.startsWith(word)).slice(0, 10).map(([o, says]) => ({ text: o, says })) }
  }
  const operator = /(~\w+)\s+$/.exec(before.slice(0, from))?.[1] ?? ''
  let values = fixed[operator] ?? []
  if (operator === '~d' || operator === '~dst') values = hosts
  if (operator === '~t' || operator === '~ts') values = types
  const low = word.toLowerCase()
  return { from, list: values.filter((v) => v.toLowerCase().includes(low) && v !== word).slice(0, 10).map((v) => ({ text: v, says: '' })) }
}

// soughtIn is the text that a filter asks the content of a side for, '' for none:
// what has signs of a regular expression is no text.
export function soughtIn(filter: string, side: 'request' | 'response'): string {
  const asked = new RegExp(`(?<!!\\s*)~b${side === 'request' ? 'q' : 's'}?\\s+("[^"]*"|'[^']*'|[^\\s()&|!]+)`).exec(filter)?.[1] ?? ''
  const text = /^["']/.test(asked) ? asked.slice(1, -1) : asked
  return /[\\^$.*+?()[\]{}|]/.test(text) ? '' : text
}
