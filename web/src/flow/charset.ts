import { edges } from './octets'

// Text in another charset than UTF-8, in pieces. Where a character has two octets or
// more, a piece begins and ends where none can be cut: behind an octet below '0', which
// is never the second one of a character.

const safe = 0x30
const search = 1024 // octets in which such a place is looked for

// Charset is how the octets of a body are read, by the charset that its type names.
export class Charset {
  private label: string
  private bytes: 1 | 2 | 'utf-8' | 'many' // of a character

  constructor(type: string) {
    const name = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(type)?.[1] ?? ''
    this.label = 'utf-8'
    try {
      if (name) this.label = new TextDecoder(name).encoding
    } catch {
      // A charset that nobody knows is read as most texts are.
    }
    if (this.label === 'utf-8') this.bytes = 'utf-8'
    else if (this.label.startsWith('utf-16')) this.bytes = 2
    else this.bytes = /^(gb|big5|euc|shift|iso-2022)/.test(this.label) ? 'many' : 1
  }

  // wide says whether its text has zeros, as octets that are no text do.
  get wide(): boolean {
    return this.bytes === 2
  }

  decode(octets: Uint8Array): string {
    return new TextDecoder(this.label).decode(octets)
  }

  // edges cuts a piece that begins at an offset of the body at characters: [a, b) of the
  // octets. `whole` says that it begins with a character, `extra` is how many octets at
  // the end belong to the next piece.
  edges(octets: Uint8Array, from: number, whole: boolean, extra: number): [number, number] {
    if (this.bytes === 'utf-8') return edges(octets, from === 0, extra)
    let a = 0
    let b = Math.max(0, octets.length - extra)
    if (this.bytes === 2) {
      a = from % 2
      if (extra > 0) {
        b -= (b - a) % 2
        const high = octets[this.label === 'utf-16be' ? b - 2 : b - 1]
        if (b - a > 2 && high >= 0xd8 && high < 0xdc) b -= 2 // half of a pair
      }
    } else if (this.bytes === 'many') {
      if (!whole) for (let i = 0; i < Math.min(search, b); i++) if (octets[i] < safe) { a = i + 1; break }
      if (extra > 0) for (let i = b; i > Math.max(a, b - search); i--) if (octets[i - 1] < safe) { b = i; break }
    }
    return [a, Math.max(a, b)]
  }

  // sought is a text as the octets that are looked for, as a part of an address.
  sought(text: string): string {
    if (this.bytes === 'utf-8' || this.bytes === 'many') return encodeURIComponent(text)
    const octets: number[] = []
    const of = this.bytes === 1 ? this.single() : null
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i)
      if (of) octets.push(of.get(text[i]) ?? 0x3f)
      else octets.push(...(this.label === 'utf-16be' ? [c >> 8, c & 255] : [c & 255, c >> 8]))
    }
    return octets.map((o) => '%' + o.toString(16).padStart(2, '0')).join('')
  }

  private single(): Map<string, number> {
    return new Map(Array.from({ length: 256 }, (_, i) => [this.decode(Uint8Array.of(i)), i]))
  }
}
