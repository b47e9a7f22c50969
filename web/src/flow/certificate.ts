// What a certificate (RFC 5280) says, as far as a person asks: names, dates,
// key, and the whole as PEM. What does not parse is shown as PEM alone.

interface Node {
  tag: number
  from: number // of the content
  to: number
  start: number // of the node
}

class Der {
  constructor(readonly octets: Uint8Array) {}

  at(start: number, end: number): Node {
    let i = start
    if (i + 2 > end) throw new Error('cut short')
    const tag = this.octets[i++]
    let length = this.octets[i++]
    if (length & 0x80) {
      let n = length & 0x7f
      if (n === 0 || n > 4) throw new Error('a length that none has')
      for (length = 0; n > 0; n--) length = length * 256 + this.octets[i++]
    }
    if (!(i + length <= end)) throw new Error('cut short')
    return { tag, from: i, to: i + length, start }
  }

  inside(n: Node): Node[] {
    const out: Node[] = []
    for (let i = n.from; i < n.to && out.length < 200; ) {
      const child = this.at(i, n.to)
      out.push(child)
      i = child.to
    }
    return out
  }

  text(n: Node): string {
    const part = this.octets.subarray(n.from, n.to)
    return n.tag === 0x1e ? new TextDecoder('utf-16be').decode(part) : new TextDecoder().decode(part)
  }

  oid(n: Node): string {
    const out: number[] = []
    let value = 0
    for (let i = n.from; i < n.to; i++) {
      value = value * 128 + (this.octets[i] & 0x7f)
      if (this.octets[i] & 0x80) continue
      if (out.length === 0) out.push(Math.min(2, Math.floor(value / 40)), value - 40 * Math.min(2, Math.floor(value / 40)))
      else out.push(value)
      value = 0
    }
    return out.join('.')
  }
}

const attributes: Record<string, string> = { '2.5.4.3': 'CN', '2.5.4.6': 'C', '2.5.4.7': 'L', '2.5.4.8': 'ST', '2.5.4.10': 'O', '2.5.4.11': 'OU' }
const keys: Record<string, string> = {
  '1.2.840.113549.1.1.1': 'RSA', '1.2.840.10045.2.1': 'EC', '1.3.101.112': 'Ed25519',
  '1.2.840.10045.3.1.7': 'P-256', '1.3.132.0.34': 'P-384', '1.3.132.0.35': 'P-521',
}

function name(d: Der, n: Node): string {
  return d.inside(n).flatMap((set) => d.inside(set)).map((pair) => {
    const [type, value] = d.inside(pair)
    const id = d.oid(type)
    return `${attributes[id] ?? id}=${d.text(value)}`
  }).join(', ')
}

// time reads UTCTime and GeneralizedTime, both in UTC.
function time(d: Der, n: Node): string {
  const t = d.text(n)
  const year = n.tag === 0x17 ? (Number(t.slice(0, 2)) < 50 ? '20' : '19') + t.slice(0, 2) : t.slice(0, 4)
  const rest = n.tag === 0x17 ? t.slice(2) : t.slice(4)
  return `${year}-${rest.slice(0, 2)}-${rest.slice(2, 4)} ${rest.slice(4, 6)}:${rest.slice(6, 8)}:${rest.slice(8, 10)} UTC`
}

function key(d: Der, n: Node): string {
  const [algorithm, bits] = d.inside(n)
  const [id, parameter] = d.inside(algorithm)
  const kind = keys[d.oid(id)] ?? d.oid(id)
  if (kind === 'EC' && parameter?.tag === 6) return `EC ${keys[d.oid(parameter)] ?? d.oid(parameter)}`
  if (kind !== 'RSA') return kind
  const [modulus] = d.inside(d.at(bits.from + 1, bits.to))
  const zero = d.octets[modulus.from] === 0 ? 1 : 0
  return `RSA ${(modulus.to - modulus.from - zero) * 8}`
}

function alternatives(d: Der, n: Node): string[] {
  return d.inside(n).flatMap((x) => {
    if (x.tag === 0x82 || x.tag === 0x81 || x.tag === 0x86) return [d.text(x)]
    if (x.tag !== 0x87) return []
    const o = [...d.octets.subarray(x.from, x.to)]
    if (o.length === 4) return [o.join('.')]
    return [o.map((v, i) => v.toString(16).padStart(2, '0') + (i % 2 === 1 && i < 15 ? ':' : '')).join('')]
  })
}

// read takes base64 of DER and gives names with values, in the order to show.
export function read(base64: string): [string, string][] {
  const out: [string, string][] = []
  try {
    const d = new Der(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)))
    const certificate = d.at(0, d.octets.length)
    const parts = d.inside(d.inside(certificate)[0])
    const first = parts[0].tag === 0xa0 ? 1 : 0
    const [serial, , issuer, validity, subject, spki] = parts.slice(first)
    out.push(['subject', name(d, subject) || 'none'], ['issuer', name(d, issuer)])
    const [from, to] = d.inside(validity)
    out.push(['valid from', time(d, from)], ['valid to', time(d, to)])
    const extensions = parts.find((p) => p.tag === 0xa3)
    for (const e of extensions ? d.inside(d.inside(extensions)[0]) : []) {
      const [id, ...rest] = d.inside(e)
      if (d.oid(id) !== '2.5.29.17') continue
      const value = rest.at(-1)!
      out.push(['names', alternatives(d, d.at(value.from, value.to)).slice(0, 200).join(', ')])
    }
    out.push(['key', key(d, spki)])
    out.push(['serial', [...d.octets.subarray(serial.from, serial.to)].map((v) => v.toString(16).padStart(2, '0')).join('')])
  } catch (e) {
    out.push(['unreadable', e instanceof Error ? e.message : String(e)])
  }
  out.push(['PEM', `-----BEGIN CERTIFICATE-----\n${base64.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END CERTIFICATE-----`])
  return out
}
