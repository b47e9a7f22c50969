import type { Head } from '../core/types'

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
