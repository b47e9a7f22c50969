import { dots, secret } from '../core/secrets'
import type { Field, Head } from '../core/types'

// hasSecret says whether a head has a value that is shown only when it is asked for.
export const hasSecret = (head: Head | null | undefined): boolean =>
  [...(head?.fields ?? []), ...(head?.trailers ?? [])].some(([n, v]) => secret(n, v))

// veiled is a head with dots for such values.
export function veiled(head: Head): Head {
  const veil = (list: Field[] | null | undefined) => list?.map(([n, v]): Field => [n, secret(n, v) ? dots : v])
  return { ...head, fields: veil(head.fields) ?? [], trailers: veil(head.trailers) ?? [] }
}

// headText is a head as lines: the start line, the fields in their order and
// case, an empty line.
export function headText(head: Head | null | undefined): string {
  if (!head) return ''
  const line = (name: string, value: string) => `${name}: ${value}`
  return [head.line, ...(head.fields ?? []).map(([n, v]) => line(n, v)), '', ''].join('\n')
}

// rebuilt says whether lines like these were never on the wire.
export function rebuilt(head: Head | null | undefined): boolean {
  return head !== null && head !== undefined && !/^HTTP\/1/.test(head.version)
}
