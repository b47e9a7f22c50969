// JSON, set out over lines, in pieces: what a piece leaves open is in the state
// that the next one begins with. It changes white space outside of strings and
// nothing else, so JSON that is broken or cut is shown as far as it is there.

export interface Depth {
  depth: number
  inside: boolean // of a string
  escaped: boolean // behind a backslash
  fresh: boolean // behind an opening bracket, nothing in it yet
}

export const begin: Depth = { depth: 0, inside: false, escaped: false, fresh: false }

export function pretty(text: string, from: Depth): { text: string; state: Depth } {
  let { depth, inside, escaped, fresh } = from
  const out: string[] = []
  const line = () => out.push('\n' + '  '.repeat(Math.min(depth, 64)))
  let run = 0 // where what is copied as it is begins
  for (let i = 0; i < text.length; i++) {
    const c = text[i]
    if (inside) {
      if (escaped) escaped = false
      else if (c === '\\') escaped = true
      else if (c === '"') inside = false
      continue
    }
    const plain = !(c === '{' || c === '[' || c === '}' || c === ']' || c === ',' || c === ':' || c === ' ' || c === '\n' || c === '\r' || c === '\t')
    if (plain) {
      if (fresh) {
        out.push(text.slice(run, i))
        run = i
        line()
        fresh = false
      }
      if (c === '"') inside = true
      continue
    }
    out.push(text.slice(run, i))
    run = i + 1
    if (c === '{' || c === '[') {
      if (fresh) line()
      out.push(c)
      depth++
      fresh = true
    } else if (c === '}' || c === ']') {
      depth = Math.max(0, depth - 1)
      if (!fresh) line()
      fresh = false
      out.push(c)
    } else if (c === ',') {
      fresh = false
      out.push(c)
      line()
    } else if (c === ':') out.push(': ')
  }
  out.push(text.slice(run))
  return { text: out.join(''), state: { depth, inside, escaped, fresh } }
}
