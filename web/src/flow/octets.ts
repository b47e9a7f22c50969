// Octets as text, in pieces that need not begin or end at a character.

// edges cuts a piece at characters of UTF-8: [a, b) of the octets. `extra` is
// how many octets at the end belong to the next piece.
export function edges(octets: Uint8Array, first: boolean, extra: number): [number, number] {
  let a = 0
  if (!first) while (a < 3 && a < octets.length && (octets[a] & 0xc0) === 0x80) a++
  let b = Math.max(a, octets.length - extra)
  while (b < octets.length && (octets[b] & 0xc0) === 0x80) b++
  return [a, b]
}

// binary says whether octets are hardly text: a NUL, or many controls.
export function binary(octets: Uint8Array): boolean {
  let odd = 0
  const n = Math.min(octets.length, 1024)
  for (let i = 0; i < n; i++) {
    const c = octets[i]
    if (c === 0) return true
    if (c < 9 || (c > 13 && c < 32 && c !== 27)) odd++
  }
  return odd > n / 10
}

// visible shows controls as pictures, so that nothing hides or rings.
export function visible(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, (c) => {
    const n = c.charCodeAt(0)
    return n < 32 ? String.fromCharCode(0x2400 + n) : n === 127 ? '\u2421' : '\ufffd'
  })
}

const hex = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

// pairs is octets as hex, with spaces between.
export const pairs = (octets: Uint8Array): string => Array.from(octets, (o) => hex[o]).join(' ')

// dump is the classic one: offset, sixteen octets, the ASCII of them.
export function dump(octets: Uint8Array, start: number): string {
  const out: string[] = []
  for (let i = 0; i < octets.length; i += 16) {
    const row = octets.subarray(i, i + 16)
    let left = ''
    let right = ''
    for (let j = 0; j < 16; j++) {
      if (j === 8) left += ' '
      if (j < row.length) {
        left += hex[row[j]] + ' '
        right += row[j] > 31 && row[j] < 127 ? String.fromCharCode(row[j]) : '.'
      } else left += '   '
    }
    out.push((start + i).toString(16).padStart(8, '0') + '  ' + left + ' ' + right)
  }
  return out.join('\n')
}
