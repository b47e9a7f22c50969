// What two texts differ in, line by line.
import type { Head } from '../core/types'

export interface Step {
  kind: 'same' | 'gone' | 'new'
  line: string
}

export const most = 1500 // lines of a text that are compared

// diff is the shortest way from one text to the other: lines that both have at
// their ends are taken first, what is between by the longest common sequence.
export function diff(before: string[], after: string[]): Step[] {
  let from = 0
  while (from < before.length && from < after.length && before[from] === after[from]) from++
  let end = 0
  while (end < before.length - from && end < after.length - from && before[before.length - 1 - end] === after[after.length - 1 - end]) end++
  const a = before.slice(from, before.length - end)
  const b = after.slice(from, after.length - end)
  const width = b.length + 1
  const best = new Uint16Array((a.length + 1) * width) // of what lies behind
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      best[i * width + j] = a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1])
    }
  }
  const out: Step[] = before.slice(0, from).map((line) => ({ kind: 'same', line }))
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      out.push({ kind: 'same', line: a[i] })
      i++
      j++
    } else if (i < a.length && (j === b.length || best[(i + 1) * width + j] >= best[i * width + j + 1])) out.push({ kind: 'gone', line: a[i++] })
    else out.push({ kind: 'new', line: b[j++] })
  }
  return [...out, ...before.slice(before.length - end).map((line): Step => ({ kind: 'same', line }))]
}

// folded leaves out the lines that are far from any difference.
export function folded(steps: Step[], around = 3): (Step | number)[] {
  const near = steps.map(() => false)
  steps.forEach((s, at) => {
    if (s.kind !== 'same') for (let i = Math.max(0, at - around); i <= Math.min(steps.length - 1, at + around); i++) near[i] = true
  })
  const out: (Step | number)[] = []
  steps.forEach((s, at) => {
    if (near[at]) out.push(s)
    else if (typeof out.at(-1) === 'number') out[out.length - 1] = (out.at(-1) as number) + 1
    else out.push(1)
  })
  return out
}

// headLines is a head as lines. The line that was received may say another target
// than the request was sent to.
export function headLines(h: Head | null | undefined): string[] {
  if (!h) return []
  const first = h.method ? `${h.method} ${h.url} ${h.version}` : `${h.version} ${h.status} ${h.reason ?? ''}`
  return [first.trimEnd(), ...[...(h.fields ?? []), ...(h.trailers ?? [])].map(([n, v]) => `${n}: ${v}`)].slice(0, most)
}
