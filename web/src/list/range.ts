import { get } from '../core/api'
import type { Rows } from '../core/types'

const most = 1000 // rows of one answer

// numbers are the flows of ranks [a, b] of a view.
export async function numbers(view: string, a: number, b: number): Promise<number[]> {
  const out: number[] = []
  for (let from = a; from <= b; from += most) {
    const got = await get<Rows>(`/views/${view}/rows?from=${from}&n=${Math.min(most, b - from + 1)}`)
    for (const row of got.rows ?? []) out.push(row.number)
  }
  return out
}
